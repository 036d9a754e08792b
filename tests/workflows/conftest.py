"""Made studies, written once per session; tests skip where the images cannot be had."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from job_folder import BRAIN_TUMOR

from containers.once import make_once
from examples.data import GeneratedStudy, ImageUnavailable, make_brain_mr, make_chest_ct
from examples.data.fetch import cache_folder

BRAIN_REQUIREMENTS = BRAIN_TUMOR / "requirements.txt"
NETWORK_PACKAGES = ("openvino==", "simpleitk==")
Make = Callable[..., GeneratedStudy]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Make], GeneratedStudy]:
    def make(generator: Make, *arguments: object, **options: object) -> GeneratedStudy:
        try:
            return generator(tmp_path_factory.mktemp("study"), *arguments, **options)
        except ImageUnavailable as reason:
            pytest.skip(str(reason))

    return make


@pytest.fixture(scope="session")
def small_chest(made) -> GeneratedStudy:
    return made(make_chest_ct, small=True)


@pytest.fixture(scope="session")
def small_brain(made) -> GeneratedStudy:
    return made(make_brain_mr, 1, step=3)


@pytest.fixture(scope="session")
def healthy_brain(made) -> GeneratedStudy:
    return made(make_brain_mr, 1, step=3, lesion=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "job"


@pytest.fixture(scope="module")
def part(network_packages: str) -> Iterator[Callable[[str], ModuleType]]:
    """Modules of the package by name; they leave as they came, since other packages have modules of the same names."""
    paths, before = [str(BRAIN_TUMOR), *filter(None, [network_packages])], set(sys.modules)
    sys.path[:0] = paths
    yield importlib.import_module
    for path in paths:
        sys.path.remove(path)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BRAIN_TUMOR)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def network_packages() -> str:
    """A PYTHONPATH with what runs the networks, fetched once; 110 MB, and the engine itself needs none of it."""
    wanted = [
        line for line in BRAIN_REQUIREMENTS.read_text().splitlines() if line.startswith(NETWORK_PACKAGES)
    ]
    if all(importlib.util.find_spec(name) for name in ("openvino", "SimpleITK")):
        return ""
    folder = cache_folder() / "packages" / "-".join([*wanted, *map(str, sys.version_info[:2])])

    def make(folder: Path) -> None:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-compile",
            "--target",
            str(folder),
        ]
        subprocess.run([*pip, *wanted], check=True, capture_output=True)

    try:
        return str(make_once(folder, make))
    except subprocess.CalledProcessError:
        pytest.skip("openvino and simpleitk are not installed, and pip cannot get them")
