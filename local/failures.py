"""Says in a sentence why a file, or a stack, could not be used."""

import errno
from collections.abc import Mapping
from pathlib import Path

_REASONS: Mapping[int, str] = {
    errno.ENOENT: "there is no such file or folder",
    errno.ENOTDIR: "a part of its path is a file, and not a folder",
    errno.EISDIR: "this is a folder, and not a file",
    errno.EEXIST: "there is a file of that name, which is no folder",
    errno.EACCES: "you have no right to do that; change who may use it, or run the command as its owner",
    errno.EPERM: "you have no right to do that; change who may use it, or run the command as its owner",
    errno.ENOSPC: "the disk is full; make room on it",
    errno.EDQUOT: "you may not store more on this disk; make room on it",
    errno.EROFS: "the disk can only be read; choose another folder",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many files are open; raise the limit with: ulimit -n 4096",
    errno.EIO: "the disk failed to read or write it",
}


def flat(error: Exception) -> str:
    """Return what an error says, on one line and without a full stop, as a part of a sentence."""
    return " ".join(str(error).split()).rstrip(".")


def reason_of(error: OSError) -> str:
    """Return why a file could not be used, and what to do if that is known, as the end of a sentence."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__


def file_sentence(error: OSError) -> str:
    """Return a sentence about a file that could not be used."""
    named = " or ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    return f"{named or 'A file'} cannot be used: {reason_of(error)}."


def read_text(file: Path) -> str:
    """Return the text of a file that a person wrote, in UTF-8 with or without a byte order mark.

    Raises:
        ValueError: it cannot be read. The message names the file, and the line if it is not UTF-8.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file}: {reason_of(error)}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{file}:{line}: is not UTF-8; save the file in that encoding") from None
