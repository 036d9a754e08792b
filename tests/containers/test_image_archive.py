"""Archives of images: the workflow in one is the same however it was saved, and what is none is told."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import ImageArchive, ImageError, Package, ProcessRuntime

MANIFEST = (Path(__file__).parent / "actor" / "workflow.toml").read_text()
LAYERS = (b"the system", b"the program", b"the system")
FOLDERS = tuple(f"{number:064x}" for number in range(len(LAYERS)))


def config(labels: dict[str, str] | None) -> bytes:
    return json.dumps({"architecture": "amd64", "config": {"Labels": labels}, "rootfs": {}}).encode()


def members(name: str = "actor:1", labels: dict[str, str] | None = None) -> dict[str, bytes | str]:
    """As Docker before 25 writes them; a text is where a link leads."""
    layers = [f"{folder}/layer.tar" for folder in FOLDERS]
    image = {"Config": "c0ffee.json", "RepoTags": [name], "Layers": layers}
    return {
        layers[0]: LAYERS[0],
        f"{FOLDERS[0]}/json": name.encode(),
        layers[1]: LAYERS[1],
        layers[2]: f"../{layers[0]}",
        "c0ffee.json": config({"ror.manifest": MANIFEST} if labels is None else labels),
        "manifest.json": json.dumps([image]).encode(),
        "repositories": name.encode(),
    }


def written(path: Path, content: dict[str, bytes | str], *, mode: str = "w:gz", time: int = 0) -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]  # of several literals
        for name, one in content.items():
            member = tarfile.TarInfo(name)
            member.mtime = time
            if isinstance(one, str):
                member.type, member.linkname = tarfile.SYMTYPE, one
                tar.addfile(member)
            else:
                member.size = len(one)
                tar.addfile(member, io.BytesIO(one))
    return path


def package(archive: Path, folder: Path) -> Package:
    folder.mkdir()
    ImageArchive.read(archive).make_package(folder)
    return Package.load(folder)


def test_the_image_says_which_workflow_it_is_and_goes_with_it(tmp_path: Path) -> None:
    made = package(written(tmp_path / "saved.tar.gz", members()), tmp_path / "package")
    assert (made.folder / "workflow.toml").read_text() == MANIFEST
    assert made.image_archive == made.folder / "image.tar.gz"
    with tarfile.open(made.image_archive) as tar:
        content = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    (image,) = json.loads(content["manifest.json"])
    assert image["RepoTags"] is None
    assert [content[name] for name in image["Layers"]] == list(LAYERS)
    assert json.loads(content[image["Config"]])["architecture"] == "amd64"
    assert len(content) == 4, "the layer that is there twice is sent once, and nothing else"


@given(
    order=st.permutations(list(members())),
    name=st.text("abc", min_size=1),
    time=st.integers(0, 2**31),
    packed=st.booleans(),
)
def test_one_image_is_one_package_however_it_was_saved(
    order: list[str], name: str, time: int, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("archives")
    content = members(name)
    # Docker writes the layers of an image in the order of their names; all else may stand anywhere.
    layers = sorted(one for one in order if one.endswith("layer.tar"))
    shuffled = [layers.pop(0) if one.endswith("layer.tar") else one for one in order]
    mode = "w:gz" if packed else "w"
    archive = written(folder / "a.tar", {one: content[one] for one in shuffled}, mode=mode, time=time)
    usual = package(written(folder / "b.tar.gz", members()), folder / "usual")
    assert package(archive, folder / "package").digest == usual.digest


def test_an_image_that_brings_nothing_is_told_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not say which workflow it is") as refused:
        package(of_layers(tmp_path, layer(stub_py="pass")), tmp_path / "package")
    assert "ror build" in refused.value.advice


def layer(**files: str | None) -> bytes:
    """With files of /root; None takes away what a layer below has."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"root/{'.wh.' if text is None else ''}{name.replace('_', '.')}")
            member.size = len(text or "")
            tar.addfile(member, io.BytesIO((text or "").encode()))
    return content.getvalue()


def of_layers(folder: Path, *layers: bytes) -> Path:
    names = [f"blobs/sha256/{number:064x}" for number in range(len(layers))]
    image = {"Config": "blobs/sha256/c", "RepoTags": ["here/lung tool:2"], "Layers": names}
    told = {"architecture": "amd64", "config": {"WorkingDir": "/root"}}
    content = {"manifest.json": json.dumps([image]).encode(), "blobs/sha256/c": json.dumps(told).encode()}
    return written(folder / "saved.tar", dict(zip(names, layers, strict=True)) | content, mode="w")


def test_an_image_of_the_ancestor_brings_its_select_statement(tmp_path: Path) -> None:
    old, new = (json.dumps({"select": f"Select series from study where Rows > {n}"}) for n in (1, 2))
    archive = of_layers(
        tmp_path, layer(select_statement=old), layer(stub_py="pass"), layer(select_statement=new)
    )
    made = package(archive, tmp_path / ImageArchive.read(archive).called)
    assert (made.manifest.name, made.manifest.announced) == ("lung_tool", False)
    assert made.manifest.select == "Select series from study where Rows > 2"
    assert made.image_archive
    assert made.docker_image is None, "it runs as the image that it brings, not as another of that name"


def test_a_select_statement_that_a_later_layer_removes_is_none(tmp_path: Path) -> None:
    archive = of_layers(tmp_path, layer(select_statement="{}"), layer(select_statement=None))
    with pytest.raises(ImageError, match="does not say which workflow it is") as refused:
        package(archive, tmp_path / "package")
    assert "select.statement" in refused.value.advice


def test_layers_that_cannot_be_read_or_hold_too_much_are_told(tmp_path: Path) -> None:
    for layers, told in (
        ((layer(select_statement="x" * 2**21),), "more than 1 MiB"),
        ((b"no tar",), "cannot be read"),
    ):
        with pytest.raises(ImageError, match=told):
            package(of_layers(tmp_path, *layers), tmp_path / told)


def test_what_is_no_archive_of_one_image_is_told(tmp_path: Path) -> None:
    whole = members()
    (image,) = json.loads(whole["manifest.json"])
    two = json.dumps([image, image]).encode()
    outside = json.dumps([image | {"Layers": ["../../etc/passwd"]}]).encode()
    (tmp_path / "words.tar").write_text("no archive")
    saved = written(tmp_path / "saved.tar.gz", whole)
    (tmp_path / "cut.tar.gz").write_bytes(saved.read_bytes()[:300])
    for archive, told in (
        (tmp_path / "words.tar", "no whole .tar"),
        (tmp_path / "cut.tar.gz", "no whole .tar"),
        (tmp_path / "nowhere.tar", "no whole .tar"),
        (written(tmp_path / "folder.tar.gz", {"workflow.toml": b"x"}), "not the archive of one image"),
        (written(tmp_path / "two.tar", whole | {"manifest.json": two}), "not the archive of one image"),
        (written(tmp_path / "odd.tar", whole | {"c0ffee.json": b"[]"}), "not the archive of one image"),
        (written(tmp_path / "less.tar", whole | {f"{FOLDERS[2]}/layer.tar": "nowhere"}), "lacks 1 layers"),
        (written(tmp_path / "out.tar", whole | {"manifest.json": outside}), "lacks 1 layers"),
        (written(tmp_path / "round.tar", whole | {f"{FOLDERS[0]}/layer.tar": "layer.tar"}), "lacks 2 layers"),
    ):
        with pytest.raises(ImageError, match=told):
            ImageArchive.read(archive)


def test_no_more_is_unpacked_than_is_allowed(tmp_path: Path) -> None:
    content = {**members(), "zeros": bytes(3 * 2**20)}
    archive = written(tmp_path / "saved.tar.gz", content)
    assert archive.stat().st_size < 2**20
    with pytest.raises(ImageError, match="2 MiB"):
        ImageArchive.read(archive, 2 * 2**20)
    assert ImageArchive.read(archive, 4 * 2**20).size_bytes > 3 * 2**20


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (members(), True),
        ({"oci-layout": b"{}", "index.json": b"{}", "manifest.json": b"[]"}, True),
        ({f"{FOLDERS[0]}.tar": b"", "manifest.json": b"[]"}, True),
        ({"workflow.toml": b"", "manifest.json": b"{}", "index.json": b"{}"}, False),
        ({"box/workflow.toml": b"", "box/oci-layout": b""}, False),
    ],
    ids=["Docker before 25", "Docker", "Podman", "a folder", "with a folder"],
)
def test_an_archive_of_an_image_is_told_from_that_of_a_folder(
    content: dict[str, bytes | str], is_one: bool, tmp_path: Path
) -> None:
    assert ImageArchive.is_one(written(tmp_path / "a.tar.gz", content)) is is_one


def test_what_is_no_archive_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"words"))
    assert not ImageArchive.is_one(tmp_path / "a.gz")


def test_the_process_runtime_says_that_it_runs_no_image(tmp_path: Path) -> None:
    made = package(written(tmp_path / "saved.tar.gz", members()), tmp_path / "package")
    with pytest.raises(ImageError, match="actor brings no program, only a container image"):
        ProcessRuntime(tmp_path / "process").prepare(made, lambda line: None)


def test_a_dockerfile_goes_before_an_image(tmp_path: Path) -> None:
    made = package(written(tmp_path / "saved.tar.gz", members()), tmp_path / "package")
    (made.folder / "Dockerfile").write_text("FROM scratch\n")
    assert Package.load(made.folder).image_archive is None
