"""The index over the archive, on both databases: what it says does not depend on the order of arrival."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ror.archive import Catalogue, DifferentContent, FileStore, Index
from ror.archive.attributes import Description, describe, describe_later
from ror.archive.store import Filed
from ror.db import Database, tables
from ror.errors import NotFound
from ror.model import STUDY_TRANSITIONS, StudyEvent, StudyState, series_content
from select_lang.classification import Classifier
from tests.archive.test_store import research


def described(number: int, *, series: str = "s", study: str = "t", **attributes: list[str]) -> Description:
    return Description("P", study, series, f"1.{number}", "1.2.840.10008.5.1.4.1.1.2", attributes)


def filed(one: Description) -> Filed:
    return Filed(f"lungs/{one.study_uid}/{one.series_uid}/{one.sop_uid}.dcm", "ab" * 32, new=True)


@pytest.fixture
def index(database: Database) -> Index:
    for project in ("lungs", "heads"):
        with database.write() as connection:
            row = {"name": project, "settings": {}, "created_at": 0.0}
            connection.execute(tables.projects.insert().values(row))
    return Index(database)


def catalogue_of(index: Index) -> Catalogue:
    return Catalogue(index._database, lambda _project: Classifier.read("[]"))


def add(index: Index, one: Description, now: float = 0.0, project: str = "lungs") -> bool:
    return index.add(project, one, filed(one), f"source of {one.sop_uid}", now)


def state_of(index: Index, study: str = "t") -> StudyState:
    return {row.study_uid: row.state for row in index.studies()}[study]


def mark_matched(database: Database, index: Index, study: str = "t", since: float | None = None) -> bool:
    """Record a match of what the study holds, or of what it held at the time `since`."""
    received_until = index.last_received_at(study) if since is None else since
    with database.write() as connection:
        return index.mark_matched(connection, study, received_until, now=9.0)


# -- the way in -------------------------------------------------------------------------------------------------------


def test_an_instance_is_added_once(index: Index) -> None:
    assert add(index, described(1), now=5.0)
    assert not add(index, described(1), now=9.0)
    (row,) = index.studies()
    assert (row.series, row.instances, row.first_received_at, row.last_received_at) == (1, 1, 5.0, 5.0)
    assert index.source_digest("1.1") == "source of 1.1"
    assert [one.path for one in index.instances("s")] == ["lungs/t/s/1.1.dcm"]
    assert index.source_digest("1.2") is None


def test_a_series_belongs_to_one_study(index: Index) -> None:
    add(index, described(1, study="t"))
    with pytest.raises(DifferentContent):
        add(index, described(2, study="another"))
    assert [(row.study_uid, row.instances) for row in index.studies()] == [("t", 1)]


def test_a_study_belongs_to_one_patient(index: Index) -> None:
    add(index, described(1))
    with pytest.raises(DifferentContent):
        add(index, replace(described(2), patient_id="ROR-SOMEONE"))
    assert [row.instances for row in index.studies()] == [1]


def test_attributes_with_every_character_that_a_sender_may_write_are_kept(index: Index) -> None:
    texts = ["a\x00b", "\\", "Ωμέγα", "😀", "\udc80", "'; DROP TABLE series; --"]
    add(index, described(1, SeriesDescription=texts))
    (series,) = catalogue_of(index).series("lungs")
    assert series.attributes["SeriesDescription"] == tuple(texts)


# -- settling: the product of states and events, with the clock passed in ---------------------------------------------


def bring(database: Database, index: Index, state: StudyState) -> None:
    add(index, described(1), now=0.0)
    with database.write() as connection:
        connection.execute(tables.studies.update().values(state=state))


@pytest.mark.parametrize(("state", "event"), list(itertools.product(StudyState, StudyEvent)))
def test_a_study_moves_as_the_table_says_and_not_otherwise(
    database: Database, index: Index, state: StudyState, event: StudyEvent
) -> None:
    bring(database, index, state)
    match event:
        case StudyEvent.OBJECT_FILED:
            done = add(index, described(2), now=1.0)
        case StudyEvent.COMPLETE:
            done = list(index.settle(1.0, now=2.0)) == ["t"]
        case StudyEvent.MATCH_RECORDED:
            done = mark_matched(database, index)
        case StudyEvent.MATCH_ASKED:
            with database.write() as connection:
                done = index.ask_again(connection, "t")
    assert done == ((state, event) in STUDY_TRANSITIONS)
    assert state_of(index) == STUDY_TRANSITIONS.get((state, event), state)


def test_a_study_settles_when_it_has_been_quiet_long_enough(index: Index) -> None:
    add(index, described(1), now=100.0)
    add(index, described(2, series="u", study="later"), now=103.0)
    assert index.settle(1.1, now=101.0) == {}
    assert index.settle(1.5, now=101.5) == {"t": "quiet for 1.5 s"}
    assert index.settled() == ["t"]
    assert list(index.settle(1.0, now=104.0)) == ["later"]
    assert index.settled() == ["t", "later"]


def test_a_study_that_grows_is_receiving_again_and_is_not_marked_as_matched(
    database: Database, index: Index
) -> None:
    add(index, described(1), now=0.0)
    index.settle(0.0, now=1.0)
    add(index, described(2), now=2.0)
    assert index.settled() == []
    assert not mark_matched(database, index)
    index.settle(1.0, now=3.0)
    assert not mark_matched(database, index, since=0.0)  # a match of what it held before it grew
    assert mark_matched(database, index)
    assert state_of(index) is StudyState.MATCHED


def test_a_resend_does_not_wake_a_matched_study(database: Database, index: Index) -> None:
    add(index, described(1), now=0.0)
    index.settle(0.0, now=1.0)
    mark_matched(database, index)
    assert not add(index, described(1), now=2.0)
    assert state_of(index) is StudyState.MATCHED


# -- what is there ----------------------------------------------------------------------------------------------------


def test_the_catalogue_has_the_number_of_images_and_the_path(index: Index) -> None:
    for number in range(3):
        add(index, described(number, Modality=["CT"], ImageType=["ORIGINAL", "PRIMARY"]))
    add(index, described(9, series="b", Modality=["MR"]))
    one, two = catalogue_of(index).series("lungs")
    assert (one.uid, one.study_uid, one.patient_id) == ("b", "t", "P")
    said = {"Modality": ("MR",), "NumImages": ("1",), "Path": ("lungs/t/b",), "ClassifyTypes": ()}
    assert one.attributes == said
    assert two.attributes["NumImages"] == ("3",)
    assert two.attributes["ImageType"] == ("ORIGINAL", "PRIMARY")


def test_the_catalogue_keeps_projects_patients_and_studies_apart(index: Index) -> None:
    add(index, described(1))
    add(index, described(2, series="u", study="t2"))
    add(index, described(3, series="v", study="t3"), project="heads")
    assert [series.uid for series in catalogue_of(index).series("lungs")] == ["s", "u"]
    assert [series.uid for series in catalogue_of(index).series("lungs", study_uid="t2")] == ["u"]
    assert [series.uid for series in catalogue_of(index).series("lungs", patient_id="P")] == ["s", "u"]
    assert catalogue_of(index).series("lungs", patient_id="Q") == []
    assert catalogue_of(index).series("lungs", study_uid="t3") == []
    assert [row.study_uid for row in index.studies("heads")] == ["t3"]
    assert [one.sop_uid for one in index.study_instances("t2")] == ["1.2"]


def test_an_unknown_study_is_told(index: Index) -> None:
    with pytest.raises(NotFound, match="no study 9"):
        index.study("9")


INSTANCES = st.lists(
    st.builds(
        lambda number, text: described(number, SeriesDescription=[text]),
        st.integers(0, 30),
        st.text(max_size=8),
    ),
    unique_by=lambda one: one.sop_uid,
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(instances=INSTANCES, data=st.data())
def test_the_order_of_arrival_makes_no_difference(
    database: Database, index: Index, instances: list[Description], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(instances))
    said = []
    for order in (instances, shuffled):
        index = Index(database)
        for one in order:
            add(index, one)
        said.append((catalogue_of(index).series("lungs"), index.content("s"), index.instances("s")))
        with database.write() as connection:
            for table in (tables.instances, tables.series, tables.studies):
                connection.execute(table.delete())
    assert said[0] == said[1]


PAIRS = st.lists(
    st.tuples(st.from_regex(r"[0-9.]{1,8}", fullmatch=True), st.sampled_from(["ab" * 32, "cd" * 32])),
    unique_by=lambda pair: pair[0],
    max_size=6,
)


@given(pairs=PAIRS, data=st.data())
def test_the_fingerprint_of_a_series_depends_on_its_objects_alone(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    content = series_content(pairs)
    assert series_content(data.draw(st.permutations(pairs))) == content
    assert series_content([*pairs, ("9.9.9.9.9", "ab" * 32)]) != content
    for index, (uid, sha256) in enumerate(pairs):
        other = "cd" * 32 if sha256 == "ab" * 32 else "ab" * 32
        assert series_content([*pairs[:index], (uid, other), *pairs[index + 1 :]]) != content


# -- healing ----------------------------------------------------------------------------------------------------------


def test_what_was_filed_and_not_indexed_is_found_again(
    database: Database, index: Index, tmp_path: Path
) -> None:
    store = FileStore(tmp_path / "archive")
    instances = [research(number, Rows=number, SeriesDescription="CT") for number in (1, 2, 3)]
    for one in instances:
        index.add("lungs", describe(one.header()), store.file("lungs", one), "digest", 5.0)
    before = catalogue_of(index).series("lungs"), index.study_instances(instances[0].study_instance_uid)
    with database.write() as connection:
        lost = tables.instances.c.sop_uid.in_([one.sop_instance_uid for one in instances[1:]])
        connection.execute(tables.instances.delete().where(lost))
    assert index.heal(store.root, ["lungs", "heads"]) == 2
    assert (
        catalogue_of(index).series("lungs"),
        index.study_instances(instances[0].study_instance_uid),
    ) == before
    assert index.heal(store.root, ["lungs", "heads"]) == 0


def test_an_index_that_is_lost_is_made_anew_from_the_files(
    database: Database, index: Index, tmp_path: Path
) -> None:
    store = FileStore(tmp_path / "archive")
    one = research()
    index.add("lungs", describe(one.header()), store.file("lungs", one), "digest", 5.0)
    before = catalogue_of(index).series("lungs")
    with database.write() as connection:
        for table in (tables.instances, tables.series, tables.studies):
            connection.execute(sa.delete(table))
    index = Index(database)
    assert index.heal(store.root, ["lungs"]) == 1
    assert catalogue_of(index).series("lungs") == before


def test_what_was_filed_and_would_have_been_refused_is_not_healed(index: Index, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "archive")
    one, elsewhere = research(), research(StudyInstanceUID="1.2.3.4.5")
    index.add("lungs", describe(one.header()), store.file("lungs", one), "digest", 5.0)
    refused = store.root / store.file("lungs", elsewhere).path
    index.heal(store.root, ["lungs"])
    assert not refused.exists()
    assert index.heal(store.root, ["lungs"]) == 0


def test_what_a_transaction_took_back_is_not_taken_for_known(index: Index) -> None:
    add(index, described(1))
    strange = replace(described(2, series="other"), patient_id="Q")
    for _ in range(2):
        with pytest.raises(DifferentContent):
            add(index, strange)
    assert add(index, described(3, series="other"))


def test_an_object_is_described_later_as_it_is_at_once() -> None:
    one = research(ProtocolName="Thorax", PatientWeight="71")
    later, at_once = describe_later(one), describe(one.header())
    assert replace(later, attributes=dict(later.attributes)) == at_once
