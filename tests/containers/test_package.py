"""A package is read once, and its digest names what it is."""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers import ManifestError, Package, command_line

MANIFEST = 'name = "one"\nversion = "1"\ncommand = ["true"]\nselect = "select series from study"\n'
ROOT = Path(__file__).parent.parent.parent
NAMES = st.sampled_from(["a.py", "b.py", "models/c.bin", "models/d.bin", "zz"])


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in {"workflow.toml": MANIFEST.encode(), **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def digest(files: dict[str, bytes]) -> str:
    with TemporaryDirectory() as folder:
        return Package.load(write(Path(folder), files)).digest


@settings(deadline=None, max_examples=60)
@given(one=st.dictionaries(NAMES, st.binary(max_size=5)), other=st.dictionaries(NAMES, st.binary(max_size=5)))
def test_two_folders_have_the_same_digest_exactly_when_they_hold_the_same(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    assert (digest(one) == digest(other)) == (one == other)
    assert digest(one) == digest(dict(reversed(one.items())))


@pytest.mark.parametrize(
    "name",
    [
        ".git/HEAD",
        "__pycache__/a.pyc",
        "a.pyc",
        "wheels/x.whl",
        ".cache/x",
        ".mypy_cache/x",
        ".venv/x",
        "a.py~",
    ],
)
def test_caches_and_version_control_do_not_count(name: str) -> None:
    assert digest({"a.py": b"1", name: b"anything"}) == digest({"a.py": b"1"})


def test_a_file_that_became_executable_makes_another_package(tmp_path: Path) -> None:
    before = Package.load(write(tmp_path, {"run.sh": b"#!/bin/sh\n"})).digest
    (tmp_path / "run.sh").chmod(0o755)
    assert Package.load(tmp_path).digest != before


def test_a_link_counts_by_where_it_points_and_is_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {})
    folder = write(tmp_path / "package", {})
    (folder / "link").symlink_to(outside)
    (folder / "broken").symlink_to("nowhere")
    before = Package.load(folder).digest
    (outside / "new").touch()
    assert Package.load(folder).digest == before
    (folder / "broken").unlink()
    assert Package.load(folder).digest != before


def test_a_folder_without_a_manifest_says_what_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no workflow\.toml here; copy \S+, .* see \S+$") as told:
        Package.load(tmp_path)
    named = re.findall(r"\w+/[\w.]+", told.value.faults[0].message)
    assert len(named) == 2
    for path in named:
        assert (ROOT / path).exists()


def test_a_manifest_in_another_encoding_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "workflow.toml").write_bytes(MANIFEST.encode() + b'description = "\xe6"\n')
    with pytest.raises(ManifestError, match="not UTF-8"):
        Package.load(tmp_path)


def test_what_no_package_can_hold_is_named_with_all_its_kind(tmp_path: Path) -> None:
    folder = write(tmp_path, {"models/c.bin": b"1"})
    os.mkfifo(folder / "models" / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "one").symlink_to("models/other")
    (folder / "models" / "other").symlink_to("../one")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "s"))
    with pytest.raises(ManifestError) as told:
        Package.load(folder)
    assert [str(fault).partition(";")[0] for fault in told.value.faults] == [
        "loop: is a link that leads in a circle",
        "models/other: is a link that leads in a circle",
        "models/pipe: is a named pipe",
        "one: is a link that leads in a circle",
        "s: is a socket",
    ]


def test_what_cannot_be_read_is_named() -> None:
    with TemporaryDirectory() as place:  # tmp_path lies below a folder of our user's own
        Path(place).chmod(0o755)
        folder = write(Path(place) / "package", {"secret": b"1", "shut/a": b"1"})
        (folder / "secret").chmod(0)
        (folder / "shut").chmod(0)
        with somebody_else(), pytest.raises(ManifestError) as told:
            Package.load(folder)
        assert [str(fault) for fault in told.value.faults] == [
            "secret: cannot be read: Permission denied",
            "shut: cannot be read: Permission denied",
        ]
        (folder / "workflow.toml").chmod(0)
        with somebody_else(), pytest.raises(ManifestError, match="cannot be read: Permission denied"):
            Package.load(folder)
        (folder / "shut").chmod(0o700)


@contextmanager
def somebody_else() -> Iterator[None]:
    """Be a user for whom the mode of a file counts, which it does not for root."""
    us = os.geteuid()
    os.seteuid(us or 65534)
    try:
        yield
    finally:
        os.seteuid(us)


def test_a_name_that_is_not_utf8_is_a_name(tmp_path: Path) -> None:
    folder = write(tmp_path, {})
    before = Package.load(folder).digest
    (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))).touch()
    assert Package.load(folder).digest != before


def older(folder: Path, **statement: object) -> Package:
    (folder / "select.statement").write_text(json.dumps(statement))
    return Package.load(folder)


def test_an_older_package_becomes_one_without_announced_outputs(tmp_path: Path) -> None:
    folder = tmp_path / "Knee-Cartilage 2"
    folder.mkdir()
    package = older(
        folder, select="select series from study", ROR_CONT_OPTIONS='{"-z": 1}', docker_image="knee:3"
    )
    assert (package.docker_image, package.manifest.announced) == ("knee:3", False)
    assert package.manifest.name == "knee_cartilage_2"
    assert package.manifest.options == {"-z": 1}
    assert command_line(package.manifest, "/data", "/output") == ("/data", "/output")


def test_an_older_package_may_bring_its_call(tmp_path: Path) -> None:
    package = older(tmp_path, select="select series", docker_image="knee:3", call='python "my stub.py" {}')
    assert command_line(package.manifest, "/data", "/output") == ("python", "my stub.py", "/data")


def test_an_older_package_tells_all_its_faults(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        older(tmp_path, ROR_CONT_OPTIONS="{", docker_image=3)
    assert [fault.path for fault in caught.value.faults] == [
        "docker_image",
        "select",
        "docker_image",
        "ROR_CONT_OPTIONS",
    ]


@given(data=st.text(min_size=1), output=st.text(min_size=1))
def test_a_folder_is_put_in_as_it_is_called_even_if_it_looks_like_a_placeholder(
    data: str, output: str
) -> None:
    with TemporaryDirectory() as folder:
        manifest = Package.load(write(Path(folder), {})).manifest
    assert command_line(manifest, data, output) == ("true", data, output)
    placed = manifest.model_copy(update={"command": ("run", "{}", "--to={output}", "{descr}")})
    assert command_line(placed, data, output) == ("run", data, f"--to={output}", f"{data}/descr.json")
