"""Original UIDs are sealed each at its place, and lead back only with the key of their project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ror.db import Database, tables
from ror.errors import ConfigurationError
from ror.registry import OriginalUids, Project, ProjectStore

pytest.importorskip("cryptography", reason="the package cryptography is not installed")

KEYS = {"lungs": os.urandom(32), "heads": os.urandom(32)}
UIDS = st.text("0123456789.", min_size=1, max_size=64)


@pytest.fixture
def uids(database: Database, tmp_path: Path) -> OriginalUids:
    for name in KEYS:
        ProjectStore(database, tmp_path / "secrets").add(Project(name))
    return OriginalUids(database, KEYS.__getitem__)


def test_what_is_kept_is_opened_and_what_is_not_is_not_there(uids: OriginalUids) -> None:
    uids.keep("lungs", uids.sealed("lungs", {"2.25.1": "1.2.3", "2.25.2": "1.2.840.0.04"}))
    assert uids.opened("lungs", ["2.25.1", "2.25.2", "2.25.3"]) == {
        "2.25.1": "1.2.3",
        "2.25.2": "1.2.840.0.04",
    }
    assert (uids.holds("lungs", "2.25.1"), uids.holds("lungs", "2.25.3"), uids.holds("heads", "2.25.1")) == (
        True,
        False,
        False,
    )


def test_what_is_kept_twice_stays(uids: OriginalUids) -> None:
    sealed = uids.sealed("lungs", {"2.25.1": "1.2.3"})
    uids.keep("lungs", sealed)
    uids.keep("lungs", uids.sealed("lungs", {"2.25.1": "1.2.4", "2.25.2": "1.2.5"}))
    assert uids.opened("lungs", ["2.25.1", "2.25.2"]) == {"2.25.1": "1.2.3", "2.25.2": "1.2.5"}


def test_a_sealed_uid_opens_at_no_other_place_and_in_no_other_project(uids: OriginalUids) -> None:
    (sealed,) = uids.sealed("lungs", {"2.25.1": "1.2.3"}).values()
    for project, uid in (("lungs", "2.25.2"), ("heads", "2.25.1")):
        uids.keep(project, {uid: sealed})
        with pytest.raises(ConfigurationError, match="does not open"):
            uids.opened(project, [uid])


def test_what_is_no_uid_has_no_way_back(uids: OriginalUids) -> None:
    assert uids.sealed("lungs", {"2.25.1": "Qzdoe", "2.25.2": "1" * 65, "2.25.3": ""}) == {}


@given(originals=st.dictionaries(UIDS, UIDS, min_size=1, max_size=20))
def test_any_uid_comes_back_and_is_sealed_the_same_each_time(originals: dict[str, str]) -> None:
    with fresh() as store:
        sealed = store.sealed("lungs", originals)
        assert sealed == store.sealed("lungs", originals)
        store.keep("lungs", sealed)
        assert store.opened("lungs", originals) == originals
        assert all(len(one) <= 44 for one in sealed.values())  # what a receipt has room for


@contextmanager
def fresh() -> Iterator[OriginalUids]:
    """A store that holds nothing, in memory: one for each example."""
    database = Database("sqlite://")
    try:
        tables.metadata.create_all(database._engine)
        with database.write() as connection:
            connection.execute(tables.projects.insert().values(name="lungs", settings={}, created_at=0.0))
        yield OriginalUids(database, KEYS.__getitem__)
    finally:
        database.close()
