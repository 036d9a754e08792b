"""Who is who, on both databases: counters, coupling lists, sealed identities, and who has asked for them."""

from __future__ import annotations

import grp
import os
import pwd
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from anonymizer import OriginalIdentity, ProfileError, ProjectKey, Subject, UnlistedPatient
from ror.config import read as read_settings
from ror.db import Database, tables
from ror.errors import ConfigurationError, NotAllowed, NotFound
from ror.model import PseudonymScheme, StudyState
from ror.registry import (
    AuditRecord,
    Coupling,
    Project,
    ProjectStore,
    PseudonymRule,
    Role,
    WhoIsWho,
    read_couplings,
)

COUNTED = PseudonymRule("lungs", PseudonymScheme.COUNTED, "MOBA-{:04d}")
COUPLED = PseudonymRule("lungs", PseudonymScheme.COUPLED)
ME = Role((pwd.getpwuid(os.getuid()).pw_name,))
SEALED = PseudonymRule("lungs", keeps_identities=True)


@pytest.fixture
def who(database: Database, tmp_path: Path) -> WhoIsWho:
    ProjectStore(database, tmp_path / "secrets").add(Project("lungs"))
    return WhoIsWho.of(database, tmp_path / "secrets")


@pytest.fixture
def key(who: WhoIsWho, database: Database, tmp_path: Path) -> ProjectKey:
    return ProjectStore(database, tmp_path / "secrets").key("lungs")


@pytest.fixture
def encrypting() -> None:
    pytest.importorskip("cryptography", reason="the package cryptography is not installed")


def events(who: WhoIsWho) -> list[AuditRecord]:
    """What has happened since the project was added, the latest first."""
    return who.audit.list()[:-1]


def original(patient_id: str, issuer: str = "", accession_number: str = "") -> OriginalIdentity:
    return OriginalIdentity(
        patient_id, issuer, "Qzdoe^Qzjohn", "19570312", "M", "1.2.3", accession_number, "", ""
    )


def hold_study(database: Database, pseudonym: str) -> None:
    with database.write() as connection:
        connection.execute(
            tables.studies.insert().values(
                study_uid=f"2.25.{len(pseudonym)}",
                project="lungs",
                patient_id=pseudonym,
                state=StudyState.RECEIVING,
                first_received_at=0.0,
                last_received_at=0.0,
            )
        )


# -- rules ------------------------------------------------------------------------------------------------------------


def test_a_project_derives_its_pseudonyms_unless_told_otherwise(who: WhoIsWho, key: ProjectKey) -> None:
    assert who.rules.get("lungs") == PseudonymRule("lungs")
    assert who.subjects.find(PseudonymRule("lungs"), key, original("QZ1")) is None


def test_a_rule_comes_back_as_it_was_set(who: WhoIsWho) -> None:
    for rule in (COUNTED, COUPLED, SEALED):
        who.rules.set(rule)
        assert who.rules.get("lungs") == rule


def test_a_pattern_without_a_number_is_refused(who: WhoIsWho) -> None:
    with pytest.raises(ProfileError):
        who.rules.set(PseudonymRule("lungs", PseudonymScheme.COUNTED, "MOBA"))
    assert who.rules.get("lungs") == PseudonymRule("lungs")


def test_who_has_studies_keeps_their_scheme_and_may_change_the_pattern(
    who: WhoIsWho, database: Database
) -> None:
    who.rules.set(COUNTED)
    hold_study(database, "MOBA-0001")
    for other in (PseudonymRule("lungs"), COUPLED):
        with pytest.raises(NotAllowed):
            who.rules.set(other)
    longer = PseudonymRule("lungs", PseudonymScheme.COUNTED, "MOBA-{:06d}", keeps_identities=True)
    who.rules.set(longer)
    assert who.rules.get("lungs") == longer


# -- counted ----------------------------------------------------------------------------------------------------------


def test_patients_are_numbered_in_turn_and_keep_their_number(who: WhoIsWho, key: ProjectKey) -> None:
    who.rules.set(COUNTED)
    assert who.subjects.find(COUNTED, key, original("QZ1")) is None
    first, second, other_issuer = original("QZ1"), original("QZ2"), original("QZ1", "Qzhosp")
    given = [who.subjects.count(COUNTED, key, one).pseudonym for one in (first, second, other_issuer, first)]
    assert given == ["MOBA-0001", "MOBA-0002", "MOBA-0003", "MOBA-0001"]
    assert who.subjects.find(COUNTED, key, second) == Subject("MOBA-0002")
    assert [one.pseudonym for one in who.subjects.list("lungs")] == ["MOBA-0001", "MOBA-0002", "MOBA-0003"]


def test_patients_who_come_at_once_get_each_one_number_and_none_is_left_out(
    who: WhoIsWho, key: ProjectKey
) -> None:
    """Eight associations, five patients, each of them brought by every association."""
    who.rules.set(COUNTED)
    start, given = threading.Barrier(8), []

    def receive(turn: int) -> None:
        start.wait()
        for number in range(5):
            patient = f"QZ{(turn + number) % 5}"
            given.append((patient, who.subjects.count(COUNTED, key, original(patient)).pseudonym))

    threads = [threading.Thread(target=receive, args=[turn]) for turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 40
    assert len(set(given)) == 5
    assert sorted({pseudonym for _patient, pseudonym in given}) == [f"MOBA-000{n}" for n in range(1, 6)]


def test_counting_can_begin_later_but_never_goes_back(who: WhoIsWho, key: ProjectKey) -> None:
    who.rules.set(COUNTED, first=100)
    assert who.subjects.count(COUNTED, key, original("QZ1")).pseudonym == "MOBA-0100"
    with pytest.raises(ConfigurationError, match="no number that can come next"):
        who.rules.set(COUNTED, first=100)
    who.rules.set(COUNTED, first=200)
    who.rules.set(COUNTED)
    assert who.subjects.count(COUNTED, key, original("QZ2")).pseudonym == "MOBA-0200"


def test_a_number_whose_pseudonym_an_earlier_pattern_gave_is_skipped(who: WhoIsWho, key: ProjectKey) -> None:
    early = PseudonymRule("lungs", PseudonymScheme.COUNTED, "A1{}")
    late = PseudonymRule("lungs", PseudonymScheme.COUNTED, "A{}")
    who.rules.set(early, first=2)
    assert who.subjects.count(early, key, original("QZ1")).pseudonym == "A12"
    who.rules.set(late, first=12)
    assert who.subjects.count(late, key, original("QZ2")).pseudonym == "A13"


# -- coupled ----------------------------------------------------------------------------------------------------------


def test_a_listed_patient_is_who_the_list_says(who: WhoIsWho, key: ProjectKey) -> None:
    who.rules.set(COUPLED)
    assert who.couplings.add("lungs", key, [Coupling(2, "QZ1", "MOBA-1", "baseline_arm_1")]) == 1
    found = who.subjects.find(COUPLED, key, original("QZ1", "Qzhosp", "QZACC"))
    assert found == Subject("MOBA-1", "baseline_arm_1", key.shift_days("MOBA-1"))
    with pytest.raises(UnlistedPatient) as refused:
        who.subjects.find(COUPLED, key, original("QZ2"))
    assert refused.value.reason == "unlisted_patient"
    assert "QZ2" not in str(refused.value)


def test_the_most_particular_row_holds(who: WhoIsWho, key: ProjectKey) -> None:
    who.rules.set(COUPLED)
    rows = [
        Coupling(2, "QZ1", "M-1", "any"),
        Coupling(3, "QZ1", "M-1", "first", accession_number="A1"),
        Coupling(4, "QZ1", "M-2", "there", issuer="Qzhosp"),
        Coupling(5, "QZ3", "M-3", "second", accession_number="A2"),
    ]
    assert who.couplings.add("lungs", key, rows) == 4

    def event(*one: str) -> str | None:
        found = who.subjects.find(COUPLED, key, original(*one))
        assert found is not None
        return found.event

    assert event("QZ1", "", "A1") == "first"
    assert event("QZ1", "Other", "A1") == "first"
    assert event("QZ1", "", "A9") == "any"
    assert event("QZ1", "Qzhosp", "A9") == "there"
    assert event("QZ3", "", "A2") == "second"
    with pytest.raises(UnlistedPatient):
        event("QZ3", "", "A1")


def test_the_same_rows_again_add_nothing(who: WhoIsWho, key: ProjectKey) -> None:
    who.rules.set(COUPLED)
    rows = [Coupling(2, "QZ1", "M-1"), Coupling(3, "QZ2", "M-2"), Coupling(4, "QZ2", "M-2")]
    assert [who.couplings.add("lungs", key, rows) for _ in range(2)] == [2, 0]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (Coupling(9, "QZ1", "M-2"), "old id has another new id"),
        (Coupling(9, "QZ1", "M-2", accession_number="A"), "old id has another new id"),
        (Coupling(9, "QZ1", "M-1", "late"), "old id has another event_name"),
        (Coupling(9, "QZ2", "M-1"), "new id is that of another old id"),
    ],
)
def test_a_row_that_contradicts_the_list_is_told_by_line_and_nothing_is_added(
    who: WhoIsWho, key: ProjectKey, row: Coupling, told: str
) -> None:
    who.rules.set(COUPLED)
    who.couplings.add("lungs", key, [Coupling(2, "QZ1", "M-1")])
    with pytest.raises(ConfigurationError) as refused:
        who.couplings.add("lungs", key, [Coupling(8, "QZ7", "M-7"), row])
    (fault,) = refused.value.faults
    assert fault.startswith("line 9: ") and told in fault
    assert "QZ" not in str(refused.value)
    assert len(who.subjects.list("lungs")) == 1


def test_two_ids_of_one_person_are_merged_on_demand_and_their_dates_move_alike(
    who: WhoIsWho, key: ProjectKey
) -> None:
    who.rules.set(COUPLED)
    rows = [Coupling(2, "QZ1", "M-1"), Coupling(3, "QZ2", "M-1")]
    assert who.couplings.add("lungs", key, rows, merge=True) == 2
    one, other = (who.subjects.find(COUPLED, key, original(old)) for old in ("QZ1", "QZ2"))
    assert one == other


def test_a_new_id_leaves_the_list_unless_studies_are_held_under_it(
    who: WhoIsWho, key: ProjectKey, database: Database
) -> None:
    who.rules.set(COUPLED)
    who.couplings.add("lungs", key, [Coupling(2, "QZ1", "M-1"), Coupling(3, "QZ2", "M-2")])
    hold_study(database, "M-2")
    who.couplings.remove("lungs", "M-1")
    with pytest.raises(NotFound):
        who.couplings.remove("lungs", "M-1")
    with pytest.raises(NotAllowed):
        who.couplings.remove("lungs", "M-2")
    assert [(one.pseudonym, one.studies) for one in who.subjects.list("lungs")] == [("M-2", 1)]


def test_a_project_that_is_not_coupled_takes_no_list(who: WhoIsWho, key: ProjectKey) -> None:
    with pytest.raises(NotAllowed) as refused:
        who.couplings.add("lungs", key, [Coupling(2, "QZ1", "M-1")])
    assert "--coupled" in refused.value.advice


# -- reading a list ---------------------------------------------------------------------------------------------------


def read(folder: Path, text: str | bytes) -> tuple[Coupling, ...]:
    file = folder / "list.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_couplings(file)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_list_is_read_as_spreadsheets_write_it(tmp_path: Path, delimiter: str, mark: str) -> None:
    text = f'{mark}new_id,old_id,event_name\r\nM-1, 0007 ,baseline_arm_1\r\nM-2,"QZ2",\r\n'
    one, two = read(tmp_path, text.replace(",", delimiter))
    assert one == Coupling(2, "0007", "M-1", "baseline_arm_1")
    assert two == Coupling(3, "QZ2", "M-2")
    assert "0007" not in repr(one)


def test_all_faults_of_a_list_are_told_by_line_and_none_quotes_a_value(tmp_path: Path) -> None:
    lines = [
        "old_id,new_id,event_name,accession_number",
        ",M-1,,",
        "QZ1,M/1,,",
        "QZ2,,,",
        "QZ3,M-3,baseline arm,",
        "1.23E+05,M-4,,",
        f"{'Q' * 65},M-5,,",
        "QZ6,M-QZ6,,A,too many",
        "QZ77,X-qz77,,",
        "QZ8,QZ77,,",
        "QZ9,M-9,,",
    ]
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, "\n".join(lines))
    told = [fault.partition(":")[0] for fault in refused.value.faults]
    assert told == [f"line {n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10)]
    assert "QZ" not in str(refused.value) and "E+05)" in str(refused.value)


def test_faults_of_rows_and_contradictions_between_them_are_told_at_once_by_line(
    who: WhoIsWho, key: ProjectKey, tmp_path: Path
) -> None:
    who.rules.set(COUPLED)
    who.couplings.add("lungs", key, [Coupling(2, "QZ1", "M-1")])
    file = tmp_path / "list.csv"
    file.write_text("old_id,new_id\nQZ1,M-2\n,M-3\nQZ4,M-4\nQZ5,M-4\nQZ6,\nQZ1,M-1\n")

    def told(*, merge: bool) -> list[str]:
        with pytest.raises(ConfigurationError) as refused:
            read_couplings(file, lambda rows: who.couplings.contradictions("lungs", key, rows, merge=merge))
        return [fault.partition(":")[0] for fault in refused.value.faults]

    assert told(merge=False) == ["line 2", "line 3", "line 5", "line 6"]
    assert told(merge=True) == ["line 2", "line 3", "line 6"]
    assert len(who.subjects.list("lungs")) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no column old_id"),
        ("QZ1,M-1\nQZ2,M-2\n", "2 columns of other names"),
        ("old_id,new_id,new_id\n", "a column is there twice"),
        ("old_id,new_id\n", "has no rows"),
        ("old_id,new_id\nMüller,M-1\n".encode("latin-1"), "not in UTF-8"),
    ],
)
def test_what_is_no_list_is_told(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as refused:
        read(tmp_path, text)
    assert "QZ" not in str(refused.value)
    assert refused.value.advice


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_couplings(tmp_path / "nowhere.csv")


# -- the way back -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("encrypting")
def test_a_kept_identity_is_opened_with_the_key_on_record_and_stands_nowhere_else(
    who: WhoIsWho, database: Database
) -> None:
    assert who.identities.make_key("lungs")
    assert not who.identities.make_key("lungs")
    file = who.identities.key_file("lungs")
    assert file.stat().st_mode & 0o777 == 0o600
    for _ in range(2):
        who.identities.keep("lungs", "M-1", "2.25.1", original("QZ1", "Qzhosp"))
    who.identities.keep("lungs", "M-1", "2.25.2", original("QZ1"))
    first, second = who.identities.open("lungs", "M-1", "request 12", ME)
    assert (first.study_uid, first.original) == ("2.25.1", original("QZ1", "Qzhosp"))
    assert second.original.patient_name == "Qzdoe^Qzjohn"
    (record,) = events(who)
    assert (record.action, record.project, record.pseudonym) == ("reidentify", "lungs", "M-1")
    assert record.detail == "request 12" and record.who and record.at > 0
    with database.read() as connection:
        stored = [connection.execute(sa.select(one)).all() for one in tables.metadata.tables.values()]
    assert [word for word in ("QZ1", "Qzhosp", "Qzdoe", "19570312") if word in repr(stored)] == []
    assert file.read_text() not in repr(stored)


@pytest.mark.usefixtures("encrypting")
def test_another_key_opens_nothing_and_the_attempt_is_on_record(who: WhoIsWho, tmp_path: Path) -> None:
    who.identities.make_key("lungs")
    who.identities.keep("lungs", "M-1", "2.25.1", original("QZ1"))
    other = tmp_path / "other.key"
    other.write_text("ab" * 32)
    other.chmod(0o600)
    with pytest.raises(ConfigurationError, match="does not open"):
        who.identities.open("lungs", "M-1", "x", ME, other)
    assert [one.action for one in events(who)] == ["reidentify"]


@pytest.mark.usefixtures("encrypting")
@pytest.mark.parametrize("column", ["pseudonym", "study_uid", "sealed"])
def test_a_row_that_was_changed_or_moved_does_not_open(
    who: WhoIsWho, database: Database, column: str
) -> None:
    who.identities.make_key("lungs")
    who.identities.keep("lungs", "M-1", "2.25.1", original("QZ1"))
    changed = {"pseudonym": "M-2", "study_uid": "2.25.2", "sealed": bytes(60)}[column]
    with database.write() as connection:
        connection.execute(tables.identities.update().values({column: changed}))
    with pytest.raises(ConfigurationError, match="does not open"):
        who.identities.open("lungs", "M-2" if column == "pseudonym" else "M-1", "x", ME)


@pytest.mark.usefixtures("encrypting")
def test_a_lost_or_open_key_is_told_and_never_made_anew(who: WhoIsWho) -> None:
    who.identities.make_key("lungs")
    file = who.identities.key_file("lungs")
    who.identities.keep("lungs", "M-1", "2.25.1", original("QZ1"))
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="may be read by others"):
        who.identities.open("lungs", "M-1", "x", ME)
    file.chmod(0o600)
    kept = file.read_text()
    for wrong in ("", "no key", "abcd"):
        file.write_text(wrong)
        with pytest.raises(ConfigurationError):
            who.identities.check("lungs")
    file.unlink()
    for asked in (lambda: who.identities.make_key("lungs"), lambda: who.identities.check("lungs")):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            asked()
    assert {one.action for one in events(who)} == {"reidentify failed"}
    assert not file.exists()
    file.touch(0o600)
    file.write_text(kept)
    assert who.identities.open("lungs", "M-1", "x", ME)


def test_who_was_not_kept_is_not_found_and_the_attempt_is_on_record_without_what_was_asked(
    who: WhoIsWho,
) -> None:
    with pytest.raises(NotFound) as refused:
        who.identities.open("lungs", "QZ1", "x", ME)
    assert "QZ1" not in str(refused.value)
    (record,) = events(who)
    assert record.action == "reidentify failed"
    assert "QZ1" not in repr(record)


def test_without_the_library_keeping_identities_is_refused_with_what_to_install(
    who: WhoIsWho, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_module: str) -> None:
        raise ImportError

    monkeypatch.setattr("ror.registry.cipher.import_module", missing)
    with pytest.raises(ConfigurationError) as refused:
        who.identities.make_key("lungs")
    assert refused.value.advice == "pip install cryptography"
    assert not who.identities.key_file("lungs").exists()


# -- who may ----------------------------------------------------------------------------------------------------------

NOBODY_HERE = ("nobody_of_this_system", "@nobodies_of_this_system")


def test_a_role_is_held_by_name_or_by_group_and_by_nobody_where_it_names_none() -> None:
    mine = grp.getgrgid(os.getgid()).gr_name
    assert ME.is_held
    assert Role((*NOBODY_HERE, f"@{mine}")).is_held
    assert not Role().is_held
    assert not Role(NOBODY_HERE).is_held
    assert list(Role((*ME.members, *NOBODY_HERE, f"@{mine}")).unknown()) == list(NOBODY_HERE)


def test_who_is_said_to_be_behind_sudo_has_no_role_but_goes_on_record(
    who: WhoIsWho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "qzalice")
    with pytest.raises(NotAllowed, match=r"said to be qzalice\) may not open"):
        who.identities.open("lungs", "M-1", "request 12", Role(("qzalice",)))
    (record,) = events(who)
    assert (record.action, record.pseudonym) == ("reidentify refused", "")
    assert record.who == f"{ME.members[0]} (sudo, said to be qzalice)"
    assert record.detail == "request 12 (has not the role)"


@pytest.mark.usefixtures("encrypting")
def test_who_asks_in_vain_is_on_record_too(who: WhoIsWho, tmp_path: Path) -> None:
    who.identities.make_key("lungs")
    who.identities.keep("lungs", "M-1", "2.25.1", original("QZ1"))
    for project, pseudonym, key_file in (
        ("lungs", "M-2", None),
        ("heads", "M-1" * 40, None),
        ("lungs", "M-1", tmp_path / "no.key"),
    ):
        with pytest.raises((NotFound, ConfigurationError)):
            who.identities.open(project, pseudonym, "request 12", ME, key_file)
    records = events(who)
    assert {one.action for one in records} == {"reidentify failed"}
    assert [(one.project, one.pseudonym, one.detail) for one in records] == [
        ("lungs", "M-1", "request 12 (the key cannot be used)"),
        ("", "", "request 12 (no such pseudonym)"),
        ("lungs", "", "request 12 (no such pseudonym)"),
    ]


def test_nobody_gives_themselves_the_role_by_a_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"reidentify\.users"):
        read_settings(tmp_path, {"ROR_REIDENTIFY__USERS": ME.members[0]})
