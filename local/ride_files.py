"""Reads lists of published rides and stations as lines of text, in UTF-8, UTF-16, UTF-32 or Windows-1252.

A list may be of any size, because it is read in parts of at most about a megabyte.
"""

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from lzma import LZMAError
from typing import IO, NamedTuple

LONGEST_LINE = 10_000
"""The most characters of a valid line. A published ride has about 250."""

MIXED = "utf-8 or cp1252"
"""The encoding of a list that is not UTF-8 throughout: other bytes are read as Windows-1252. A file that joins months
may have both."""

Opener = Callable[[], AbstractContextManager[IO[bytes]]]
_CHUNK = 1 << 20
_LINES_PER_TELL = 1000


class UnreadableFileError(ValueError):
    """The rides of a file cannot be read. The message is a sentence that says why, and what to do."""


class NotRidesError(UnreadableFileError):
    """The text can be read, but is not a list of rides that is complete.

    Attributes:
        why: the sentence that says why, without what to do.
        has_columns: whether it has some of the columns of rides.
    """

    def __init__(self, why: str, advice: str = "", *, has_columns: bool = False) -> None:
        super().__init__(f"{why} {advice}".rstrip())
        self.why, self.has_columns = why, has_columns


class Source(NamedTuple):
    """A list of rides or stations: a file, or one file in a zip or a folder.

    Attributes:
        part: its name in the zip or the folder, or else an empty string.
        size: its bytes when it is unpacked, if they are known. A gzip file tells them modulo 4 GiB.
    """

    name: str
    part: str
    open: Opener
    size: int = 0


class Line(NamedTuple):
    """A line of a list, numbered from 1, without its line ending.

    If a line is longer than ``LONGEST_LINE``, ``text`` has only its first ``LONGEST_LINE + 1`` characters. ``ended`` is
    false if the line had no line ending, which only the last line can lack.
    """

    number: int
    text: str
    ended: bool


def content(source: Source, most: int) -> bytes:
    """Return all bytes of a source.

    Raises:
        NotRidesError: it has more than ``most`` bytes.
        UnreadableFileError: the file is damaged, or cannot be unpacked.
    """
    with as_unreadable(source.name), source.open() as opened:
        found = opened.read(most + 1)
    if len(found) > most:
        raise NotRidesError(f"{source.name} has more than {most:,} bytes, and is not a CSV file.")
    return found


def encoding_of(source: Source) -> str:
    """Return Python's name for the encoding of a list.

    A byte order mark decides. Without one, zero bytes in the first four bytes mean UTF-16. Otherwise the text is UTF-8
    if it is valid UTF-8, and ``MIXED`` if not.

    Raises:
        UnreadableFileError: the file is damaged, or cannot be unpacked.
    """
    with as_unreadable(source.name), source.open() as opened:
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
            return MIXED
        return "utf-8"


def lines(source: Source, encoding: str, tell: Callable[[int], None] = lambda _: None) -> Iterator[Line]:
    """Yield the lines of a list. A line ends with a line feed, a carriage return, or both.

    ``tell`` is called from time to time with the number of bytes that have been read.

    Raises:
        UnreadableFileError: the file is damaged.
    """
    codec, errors = ("utf-8", "cp1252-instead") if encoding == MIXED else (encoding, "backslashreplace")
    with (
        as_unreadable(source.name),
        source.open() as opened,
        io.TextIOWrapper(opened, encoding=codec, errors=errors) as text,
    ):
        number = 0
        while read := text.readline(LONGEST_LINE + 1):
            number += 1
            if number % _LINES_PER_TELL == 0:
                tell(opened.tell())
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


def _cp1252_instead(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that are not UTF-8 as Windows-1252, or as Latin-1 if it leaves them undefined.

    Windows-1252 leaves five bytes undefined. Each becomes a different character, so different names stay different.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    try:
        return wrong.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return wrong.decode("latin-1"), error.end


codecs.register_error("cp1252-instead", _cp1252_instead)


@contextmanager
def as_unreadable(name: str) -> Iterator[None]:
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
        raise UnreadableFileError(
            f"{name} cannot be unpacked: {error}. Unpack it with another program, and give the folder as FILE=."
        ) from error
    except OSError as error:
        raise UnreadableFileError(f"{name} cannot be read: {error.strerror or error}.") from error
