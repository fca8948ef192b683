"""Finds the lists of rides and stations in a file: plain, as gzip or zip, or in a folder of such files."""

import gzip
import stat
import weakref
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from local.ride_files import Opener, Source, UnreadableFileError, as_unreadable

_DEEPEST = 3  # levels of zips in zips
_LIST_SUFFIXES = {".csv", ".tsv", ".txt", ".json"}
SHEET_SUFFIXES = (".xlsx", ".xls", ".ods")
"""Spreadsheets cannot be read. They are found, so that a person can be told."""

_GZIP = b"\x1f\x8b"
_FOREIGN = {
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zX": "an xz file",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"%PDF": "a PDF document",
}


def sources(file: Path) -> list[Source]:
    """Return the lists in a file: the file itself, or the CSV files in a zip or a folder, sorted by name.

    Spreadsheets in a zip or a folder are returned too, though they cannot be read.

    Raises:
        UnreadableFileError: the file does not exist or is not a regular file, is of a format that cannot be read, or a
            zip is damaged or has no CSV file.
    """
    with as_unreadable(str(file)):
        if file.is_dir():
            return _in_folder(file)
        if not stat.S_ISREG(file.stat().st_mode):
            raise UnreadableFileError(
                f"{file} is not a regular file. It must be one, because it is read more than once."
            )
        with file.open("rb") as opened:
            beginning = opened.read(4)
        kind = next((kind for mark, kind in _FOREIGN.items() if beginning.startswith(mark)), None)
        if kind:
            raise UnreadableFileError(f"{file} is {kind}. Unpack it, or save it as CSV, and give the CSV file.")
        if beginning.startswith(_GZIP):
            return [Source(file.name, "", partial(_unpacked, partial(_open, file)), _size_of_gzip(file))]
        if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return _in_zip(file)
        return [Source(file.name, "", partial(_open, file), file.stat().st_size)]


def _in_folder(folder: Path) -> list[Source]:
    """Return the lists in the files of a folder, but not in folders below it. Hidden files are skipped."""
    suffixes = {*_LIST_SUFFIXES, ".zip", ".gz"}
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith(".")]
    found: list[Source] = []
    for file in files:
        if file.suffix.lower() in SHEET_SUFFIXES:
            found.append(Source(f"{folder.name}/{file.name}", file.name, partial(_open, file)))
        if file.suffix.lower() in suffixes:
            found += [
                source._replace(name=f"{folder.name}/{source.name}", part=source.name) for source in sources(file)
            ]
    if not found:
        raise UnreadableFileError(f"The folder {folder} has no CSV, gzip or zip file in it.")
    return found


def _in_zip(file: Path) -> list[Source]:
    archive = _archive(file.open("rb"))
    found = sorted(_members(archive, file.name, "", _DEEPEST), key=lambda source: source.name)
    if found:
        return found
    if "xl/workbook.xml" in archive.namelist():
        raise UnreadableFileError(f"{file} is a spreadsheet. Save it as CSV, and give the CSV file.")
    raise UnreadableFileError(f"{file} is a zip without a CSV file in it.")


def _archive(opened: IO[bytes]) -> zipfile.ZipFile:
    """Return the zip in an open file. The file is closed when nobody uses the zip any more."""
    try:
        archive = zipfile.ZipFile(opened)
    except BaseException:
        opened.close()
        raise
    weakref.finalize(archive, opened.close)
    return archive


@contextmanager
def _open(file: Path) -> Iterator[IO[bytes]]:
    with file.open("rb") as opened:
        yield opened


@contextmanager
def _unpacked(opener: Opener) -> Iterator[IO[bytes]]:
    with opener() as opened, gzip.open(opened) as unpacked:
        yield cast("IO[bytes]", unpacked)


def _size_of_gzip(file: Path) -> int:
    """Return what the last four bytes of a gzip file tell: the size of its contents modulo 4 GiB."""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - 4))
        return int.from_bytes(opened.read(4), "little")


def _members(archive: zipfile.ZipFile, name: str, folder: str, depth: int) -> Iterator[Source]:
    """Yield the lists in a zip, and in zips in that zip. Skips the hidden files that macOS and editors add.

    The archive stays open as long as its lists are in use: whoever opens a zip reads the names of all its members.
    ``folder`` is the path inside the outermost zip, and ``depth`` how many levels of zips are still read.
    """
    for member in archive.infolist():
        if member.is_dir():
            continue
        path = PurePosixPath(member.filename.replace("\\", "/"))  # some programs for Windows write such paths
        if not path.parts or "__MACOSX" in path.parts or path.name.startswith("."):
            continue
        part = f"{folder}{path}"
        open_member = partial(_open_member, archive, member)
        suffix = path.suffix.lower()
        if suffix in _LIST_SUFFIXES or suffix in SHEET_SUFFIXES:
            yield Source(f"{name}/{path}", part, open_member, member.file_size)
        elif suffix == ".gz":
            yield Source(f"{name}/{path}", part, partial(_unpacked, open_member))
        elif suffix == ".zip" and depth > 1:
            yield from _members(_archive(archive.open(member)), f"{name}/{path}", f"{part}/", depth - 1)


@contextmanager
def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    with archive.open(member) as inner:
        yield inner
