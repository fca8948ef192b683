"""Renewing the files of the viewer: they replace those of the version before, or nothing is changed."""

import hashlib
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from local.viewer import SUMS, unpack

FILES = {
    "swagger-ui-bundle.js": b"script\r\n",
    "swagger-ui.css": b"style",
    "LICENSE": b"licence",
    "NOTICE": b"notice",
    "swagger-ui-bundle.js.LICENSE.txt": b"others",
}


def package(folder: Path, files: Mapping[str, bytes]) -> Path:
    packed = folder / "package.tgz"
    with tarfile.open(packed, "w:gz") as opened:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            opened.addfile(member, BytesIO(content))
    return packed


def test_the_files_of_a_release_replace_those_before_and_keep_each_byte(tmp_path: Path) -> None:
    viewer = tmp_path / "viewer"
    viewer.mkdir()
    (viewer / "swagger-ui-1.0.0.js").write_text("old")

    unpack(package(tmp_path, FILES | {"swagger-ui.js": b"not needed"}), "2.3.4", viewer)

    assert {file.name for file in viewer.iterdir()} == {
        "swagger-ui-2.3.4.js",
        "swagger-ui-2.3.4.css",
        "swagger-ui-2.3.4-LICENSE.txt",
        "swagger-ui-2.3.4-NOTICE.txt",
        "swagger-ui-2.3.4-OTHERS.txt",
        SUMS,
    }
    assert (viewer / "swagger-ui-2.3.4.js").read_bytes() == b"script\r\n"
    assert f"{hashlib.sha256(b'style').hexdigest()}  swagger-ui-2.3.4.css\n" in (viewer / SUMS).read_text()


def test_a_release_that_lacks_a_file_changes_nothing(tmp_path: Path) -> None:
    viewer = tmp_path / "viewer"
    viewer.mkdir()
    (viewer / "swagger-ui-1.0.0.js").write_text("old")
    without_licence = {name: content for name, content in FILES.items() if name != "LICENSE"}

    with pytest.raises(LookupError, match="LICENSE"):
        unpack(package(tmp_path, without_licence), "2.3.4", viewer)

    assert [file.name for file in viewer.iterdir()] == ["swagger-ui-1.0.0.js"]
