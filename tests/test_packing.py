"""Folders as archives: what goes in comes out, by its length and digest, and nothing comes out elsewhere."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ror.packing import BadArchive, NotPacked, Packed, TooLarge, entries_of, unpack

# Any bytes that a file system takes for a name, of which UTF-8 is but one kind.
NAMES = st.binary(min_size=1, max_size=120).filter(lambda name: b"/" not in name and b"\0" not in name)
NAMES = NAMES.filter(lambda name: name not in (b".", b".."))
FOLDERS = st.dictionaries(
    NAMES,
    st.one_of(st.binary(max_size=2000), st.dictionaries(NAMES, st.binary(max_size=50), max_size=3)),
    max_size=4,
)


def made(folder: bytes, content: dict[bytes, object]) -> None:
    Path(os.fsdecode(folder)).mkdir()
    for name, one in content.items():
        path = folder + b"/" + name
        if isinstance(one, dict):
            made(path, one)
        else:
            assert isinstance(one, bytes)
            Path(os.fsdecode(path)).write_bytes(one)


def found(folder: bytes) -> dict[bytes, object]:
    return {
        entry.name: found(entry.path) if entry.is_dir() else Path(os.fsdecode(entry.path)).read_bytes()
        for entry in os.scandir(folder)
    }


@settings(max_examples=40)
@given(content=FOLDERS)
def test_a_folder_comes_out_as_it_went_in(content: dict[bytes, object]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        made(os.fsencode(base / "in"), content)
        packed = Packed(entries_of(base / "in", "output"))
        archive = base / "archive"
        archive.write_bytes(b"".join(packed))
        assert archive.stat().st_size == len(packed)
        assert hashlib.sha256(archive.read_bytes()).hexdigest() == packed.sha256
        unpack(archive, base / "out", 10**6, 100)
        assert found(os.fsencode(base / "out" / "output")) == content


def test_what_runs_still_runs_and_a_link_is_still_one(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "empty").mkdir(parents=True)
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o700)
    (folder / "link").symlink_to("/etc/hostname")
    (folder / "folder").symlink_to("empty")
    archive = tmp_path / "archive"
    archive.write_bytes(b"".join(Packed(entries_of(folder, "p"))))
    unpack(archive, tmp_path / "out", 100, 10)
    out = tmp_path / "out" / "p"
    assert out.joinpath("link").readlink() == Path("/etc/hostname")
    assert out.joinpath("folder").readlink() == Path("empty")
    assert out.joinpath("empty").is_dir()
    assert out.joinpath("run").stat().st_mode & 0o777 == 0o755


def test_what_no_archive_can_hold_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe")
    with pytest.raises(NotPacked, match="output/pipe is neither file, folder nor link"):
        Packed(entries_of(tmp_path / "in", "output"))


def test_a_file_that_was_cut_meanwhile_is_not_sent_as_if_it_were_whole(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(bytes(1000))
    packed = Packed(entries_of(tmp_path / "in", "output"))
    pieces = iter(packed)
    next(pieces)
    next(pieces)  # the head of the file
    (tmp_path / "in" / "file").write_bytes(bytes(10))
    with pytest.raises(NotPacked, match="shorter"):
        list(pieces)


@pytest.mark.parametrize(("most_bytes", "most_entries"), [(999, 10), (1000, 1)])
def test_no_more_comes_out_than_may(most_bytes: int, most_entries: int, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(bytes(1000))
    (tmp_path / "archive").write_bytes(b"".join(Packed(entries_of(tmp_path / "in", "output"))))
    with pytest.raises(TooLarge):
        unpack(tmp_path / "archive", tmp_path / "out", most_bytes, most_entries)
    unpack(tmp_path / "archive", tmp_path / "whole", 1000, 2)


@pytest.mark.parametrize(
    ("name", "kind"), [("../a", tarfile.REGTYPE), ("/a", tarfile.REGTYPE), ("a", tarfile.FIFOTYPE)]
)
def test_nothing_comes_out_elsewhere_or_as_something_else(name: str, kind: bytes, tmp_path: Path) -> None:
    member = tarfile.TarInfo(name)
    member.type = kind
    (tmp_path / "archive").write_bytes(member.tobuf() + bytes(1024))
    with pytest.raises(BadArchive):
        unpack(tmp_path / "archive", tmp_path / "out", 1000, 10)
    assert list((tmp_path / "out").iterdir()) == []
