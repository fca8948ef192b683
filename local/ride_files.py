"""Reads files of published rides as lines of text: plain, gzip or zip, in UTF-8, UTF-16, UTF-32 or Windows-1252.

A file may be of any size, because it is read in parts of at most about a megabyte.
"""

import codecs
import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

LONGEST_LINE = 10_000
"""The most characters of a valid line. A published ride has about 250."""

_Opener = Callable[[], AbstractContextManager[IO[bytes]]]
_CHUNK = 1 << 20
_DEEPEST = 3  # levels of zips in zips
_LIST_SUFFIXES = {".csv", ".tsv", ".txt"}


class UnreadableFileError(ValueError):
    """The rides of a file cannot be read. The message is a sentence that says why."""


class NotRidesError(UnreadableFileError):
    """The text can be read, but is not a list of rides."""


class Source(NamedTuple):
    """A list of rides: a file, or one file in a zip. ``part`` is its name in the zip, or else an empty string."""

    name: str
    part: str
    open: _Opener


class Line(NamedTuple):
    """A line of a list of rides, numbered from 1, without its line ending.

    If a line is longer than ``LONGEST_LINE``, ``text`` has only its first ``LONGEST_LINE + 1`` characters. ``ended`` is
    false if the line had no line ending, which only the last line can lack.
    """

    number: int
    text: str
    ended: bool


def sources(file: Path) -> list[Source]:
    """Return the lists of rides in a file: the file itself, or the CSV files in a zip, sorted by name.

    Raises:
        UnreadableFileError: the file does not exist or is not a regular file, or the zip is damaged or has no CSV file.
    """
    with _as_unreadable(str(file)):
        if not stat.S_ISREG(file.stat().st_mode):
            raise UnreadableFileError(
                f"{file} is not a regular file. It must be one, because it is read more than once."
            )
        with file.open("rb") as opened:
            beginning = opened.read(4)
        if beginning.startswith(b"\x1f\x8b"):
            return [Source(file.name, "", partial(_open, file, packed=True))]
        if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            found = sorted(
                _members(partial(_open, file, packed=False), file.name, "", _DEEPEST), key=lambda source: source.name
            )
            if not found:
                raise UnreadableFileError(f"{file} is a zip without a CSV file in it.")
            return found
        return [Source(file.name, "", partial(_open, file, packed=False))]


def encoding_of(source: Source) -> str:
    """Return Python's name for the encoding of a list of rides.

    A byte order mark decides. Without one, zero bytes in the first four bytes mean UTF-16. Otherwise the text is UTF-8
    if it is valid UTF-8, and Windows-1252 if not.

    Raises:
        UnreadableFileError: the file is damaged, or cannot be unpacked.
    """
    with _as_unreadable(source.name), source.open() as opened:
        beginning = opened.read(4)
        for mark, encoding in _MARKS.items():
            if beginning.startswith(mark):
                return encoding
        if len(beginning) == 4 and beginning[1] == beginning[3] == 0 != beginning[0]:  # noqa: PLR2004 - two characters
            return "utf-16-le"
        if len(beginning) == 4 and beginning[0] == beginning[2] == 0 != beginning[1]:  # noqa: PLR2004
            return "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(beginning)
            while chunk := opened.read(_CHUNK):
                decoder.decode(chunk)  # not final: an incomplete last character is not an error
        except UnicodeDecodeError:
            return "cp1252"
        return "utf-8"


def lines(source: Source, encoding: str) -> Iterator[Line]:
    """Yield the lines of a list of rides. A line ends with a line feed, a carriage return, or both.

    Raises:
        UnreadableFileError: the file is damaged.
    """
    errors = "latin-1-instead" if encoding == "cp1252" else "backslashreplace"
    with (
        _as_unreadable(source.name),
        source.open() as opened,
        io.TextIOWrapper(opened, encoding=encoding, errors=errors) as text,
    ):
        number = 0
        while read := text.readline(LONGEST_LINE + 1):
            number += 1
            rest = read
            while not rest.endswith("\n") and (rest := text.readline(_CHUNK)):
                pass
            yield Line(number, read.removesuffix("\n").removeprefix("\ufeff"), ended=rest.endswith("\n"))


_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, because this mark starts with the mark of UTF-16-LE
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def _latin_1_instead(error: UnicodeError) -> tuple[str, int]:
    """Decode as Latin-1 any byte that Windows-1252 leaves undefined.

    There are five such bytes. Each becomes a different character, so different names stay different.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("latin-1-instead", _latin_1_instead)


@contextmanager
def _open(file: Path, *, packed: bool) -> Iterator[IO[bytes]]:
    with file.open("rb") as opened:
        if packed:
            with gzip.open(opened) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield opened


def _members(opener: _Opener, name: str, folder: str, depth: int) -> Iterator[Source]:
    """Yield the lists of rides in a zip, and in zips in that zip. Skips the hidden files that macOS and editors add.

    ``folder`` is the path inside the outermost zip, and ``depth`` how many levels of zips are still read.
    """
    with opener() as opened, zipfile.ZipFile(opened) as archive:
        members = [member.filename for member in archive.infolist() if not member.is_dir()]
    for member in members:
        parts = PurePosixPath(member).parts
        if not parts or "__MACOSX" in parts or parts[-1].startswith("."):
            continue
        part = f"{folder}{member}"
        open_member = partial(_open_member, opener, member)
        suffix = PurePosixPath(member).suffix.lower()
        if suffix in _LIST_SUFFIXES:
            yield Source(f"{name}/{member}", part, open_member)
        elif suffix == ".zip" and depth > 1:
            yield from _members(open_member, f"{name}/{member}", f"{part}/", depth - 1)


@contextmanager
def _open_member(opener: _Opener, member: str) -> Iterator[IO[bytes]]:
    with opener() as opened, zipfile.ZipFile(opened) as archive, archive.open(member) as inner:
        yield inner


@contextmanager
def _as_unreadable(name: str) -> Iterator[None]:
    """Translate the standard library's exceptions about a file into an ``UnreadableFileError`` with one sentence."""
    try:
        yield
    except UnreadableFileError:
        raise
    except FileNotFoundError:
        raise UnreadableFileError(f"There is no file {name}.") from None
    except (EOFError, LZMAError, UnicodeError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise UnreadableFileError(f"{name} is damaged or cut short ({error}). Download it again.") from error
    except (RuntimeError, NotImplementedError) as error:
        # zipfile raises RuntimeError for a file with a password, and NotImplementedError for an unknown compression.
        raise UnreadableFileError(f"{name} cannot be unpacked: {error}.") from error
    except OSError as error:
        raise UnreadableFileError(f"{name} cannot be read: {error.strerror or error}.") from error
