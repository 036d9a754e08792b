"""Made studies, written once per session; tests skip where the images cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from examples.data import GeneratedStudy, ImageUnavailable, make_brain_mr, make_chest_ct

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
