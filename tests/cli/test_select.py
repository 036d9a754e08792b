"""``ror select``: statements over a CSV or over a project, with exact JSON for machines."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from ror.app import App
from ror.gateway import Status
from ror.registry import ANY, Project, Route
from select_lang import read, write
from tests.cli.test_commands import BOX, Home, Said
from tests.gateway.conftest import received
from tests.select_lang import test_documented_statements as documented
from tests.select_lang.test_readme import blocks
from tests.support.studies import small_ct

GOLDEN = Path(__file__).parent / "select"
SERIES = GOLDEN / "series.csv"
STATEMENTS = sorted(GOLDEN.glob("*.select"))
CT = "select series where series named CT has Modality = CT"
T1_AND_DWI = (
    "select study where series named T1 has ClassifyTypes containing T1 exactly 1 "
    "also where series named DWI has ClassifyTypes containing DIFFUSION"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home folder that is not there: what is asked of a CSV must not need one."""
    return Home(tmp_path / "home")


def asked(home: Home, *words: str) -> Any:
    return json.loads(home.good("select", *words, "--json"))


def of_csv(home: Home, *words: str) -> Any:
    return asked(home, *words, "--catalogue", str(SERIES))


def refused(home: Home, *words: str, code: int = 1) -> str:
    said = home.ror("select", *words)
    assert (said.code, said.out) == (code, "")
    return said.err


# -- over a CSV -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", STATEMENTS, ids=lambda file: file.stem)
def test_a_statement_gives_exactly_the_json_beside_it(home: Home, file: Path) -> None:
    expected = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    assert of_csv(home, "run", str(file)) == expected
    assert not home.folder.exists()


def test_the_statements_are_those_of_the_documents() -> None:
    told = {file.stem: file.read_text(encoding="utf-8").strip() for file in STATEMENTS}
    of_ror = {
        name: text.strip()
        for name, text in vars(documented).items()
        if name.isupper() and isinstance(text, str)
    }
    assert {f"ror_{name.lower()}": text for name, text in of_ror.items()}.items() <= told.items()
    assert len(of_ror) == 8
    headlines = [text for name, text in told.items() if name.startswith("headline")]
    in_the_readme = {write(read(block)) for block in blocks("select") if block.count("select ") == 1}
    assert len(headlines) == 3
    assert {write(read(text)) for text in headlines} <= in_the_readme


def test_several_statements_give_their_jobs_in_order_each_once(home: Home) -> None:
    one, two = CT + " and NumImages > 100", "select study where Modality = NM"
    found = of_csv(home, "run", f"{two}; {one}; {one}")
    assert [job["series"] for job in found["jobs"]] == [{"series": ["2.1.3"]}, {"CT": ["2.1.1"]}]
    assert [message[:12] for message in found["messages"]] == ["statement 1:", "statement 2:", "statement 3:"]


def test_people_get_a_table_and_the_sentence(home: Home) -> None:
    header, first, second, sentence = home.good("select", "run", CT, "--catalogue", str(SERIES)).splitlines()
    assert header.split() == ["job", "name", "series"]
    assert (first.split()[1:], second.split()[1:]) == (["CT", "2.1.1"], ["CT", "2.1.2"])
    assert sentence.startswith("2 jobs of 4 studies; 1.1: no series is a CT")


def test_people_get_the_sentence_alone_where_there_is_nothing(home: Home) -> None:
    said = home.good("select", "run", "select study where Modality = PT", "--catalogue", str(SERIES))
    assert said.startswith("0 jobs of 4 studies; 1.1: no series fits")


def test_what_is_left_out_of_a_table_is_a_message(home: Home, tmp_path: Path) -> None:
    table = tmp_path / "series.csv"
    table.write_text("Rated by,SeriesInstanceUID,StudyInstanceUID,PatientID\nme,1.1,1,P\n", encoding="utf-8")
    words = ("run", "select series where everything", "--catalogue", str(table))
    found = asked(home, *words)
    assert [job["series"] for job in found["jobs"]] == [{"series": ["1.1"]}]
    assert found["messages"] == ["column 1 is left out: 'Rated by' is no DICOM attribute"]
    assert found["messages"][0] in home.good("select", *words)


def test_a_table_without_classification_has_none(home: Home, tmp_path: Path) -> None:
    table = tmp_path / "series.csv"
    table.write_text(
        "SeriesInstanceUID,StudyInstanceUID,PatientID,SeriesDescription\n1.1,1,P,T1\n", encoding="utf-8"
    )
    found = asked(home, "run", "select series where ClassifyTypes containing T1", "--catalogue", str(table))
    assert found["jobs"] == []
    assert "(absent)" in found["messages"][0]


# -- where a statement comes from -------------------------------------------------------------------------------------


def from_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_statement_may_come_from_standard_input(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from_stdin(monkeypatch, b"\xef\xbb\xbf" + CT.encode())
    assert len(of_csv(home, "run", "-")["jobs"]) == 2


def test_a_file_of_that_name_is_read_and_anything_else_is_the_text(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "statement"
    file.write_text(CT + "\n", encoding="utf-8")
    assert asked(home, "check", str(file)) == asked(home, "check", CT)
    assert asked(home, "check", "select series where " + " or ".join(["Modality = CT"] * 400))["faults"] == []


def test_what_is_no_text_is_told(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "statement"
    file.write_bytes(b"select \xff")
    assert f"{file} is not UTF-8 from byte 7 on" in refused(home, "check", str(file))
    from_stdin(monkeypatch, b"\xff")
    assert "standard input is not UTF-8" in refused(home, "check", "-")


@pytest.mark.parametrize("name", ["absent.select", "folder/absent.txt", "."])
def test_a_file_that_is_not_there_is_told(home: Home, name: str) -> None:
    assert f"there is no file {name}" in refused(home, "check", name)


@pytest.mark.parametrize("command", ["run", "explain"])
def test_a_statement_or_a_workflow_is_needed(home: Home, command: str) -> None:
    study = () if command == "run" else ("--study", "1.1")
    for words in ((), (CT, "--workflow", "box")):
        assert "--workflow NAME" in refused(home, command, *words, *study, code=2)


# -- check ------------------------------------------------------------------------------------------------------------


def test_check_prints_the_statements_as_they_are_understood(home: Home) -> None:
    told = home.good(
        "select", "check", "SELECT where series NAMED T1 has Modality == MR; select patient where everything"
    )
    assert told == (
        'select study\n  where series named "T1" has Modality = "MR"\n-- one job of each study: T1\n'
        "select patient\n  where series has everything\n-- one job of each patient: series\n"
    )
    # The names are a comment, so that what is printed can be checked again.
    assert home.good("select", "check", told) == told


def test_check_gives_machines_texts_levels_and_names(home: Home) -> None:
    assert asked(home, "check", CT) == {
        "statements": [
            {
                "text": 'select series\n  where series named "CT" has Modality = "CT"',
                "level": "series",
                "names": ["CT"],
            }
        ],
        "faults": [],
    }


WRONG = "select series where Modalty = CT\n  and NumImages > many"


def test_check_tells_all_faults_with_place_caret_and_advice(home: Home) -> None:
    assert refused(home, "check", WRONG) == (
        "ror: line 1, column 21: 'Modalty' is no DICOM attribute\n"
        "  select series where Modalty = CT\n"
        "                      ^^^^^^^\n"
        "  Did you mean Modality?\n"
        "line 2, column 7: NumImages is a number, and 'many' is none\n"
        "    and NumImages > many\n"
        "        ^^^^^^^^^^^^^^^^\n"
        "  Write a number, such as 100 or -0.5.\n"
    )


def test_check_gives_machines_all_faults(home: Home) -> None:
    said = home.ror("select", "check", WRONG, "--json")
    found = json.loads(said.out)
    assert (said.code, found["statements"]) == (1, [])
    assert found["faults"][0] == {
        "message": "'Modalty' is no DICOM attribute",
        "line": 1,
        "column": 21,
        "length": 7,
        "excerpt": "select series where Modalty = CT",
        "advice": "Did you mean Modality?",
    }
    assert [fault["line"] for fault in found["faults"]] == [1, 2]


@pytest.mark.parametrize("command", ["run", "explain"])
def test_a_statement_with_faults_is_not_run(home: Home, command: str) -> None:
    study = () if command == "run" else ("--study", "1.1")
    assert "Did you mean Modality?" in refused(home, command, WRONG, "--catalogue", str(SERIES), *study)


# -- faults of a table ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [("run", CT), ("explain", CT, "--study", "1"), ("suggest",)], ids=lambda w: w[0]
)
def test_a_table_that_cannot_be_used_is_told(home: Home, tmp_path: Path, words: tuple[str, ...]) -> None:
    table = tmp_path / "series.csv"
    assert f"{table} cannot be read: No such file" in refused(home, *words, "--catalogue", str(table))
    table.write_text("SeriesInstanceUID,StudyInstanceUID,PatientID,Modality\n1.1,1\n1.2,1,,CT\n")
    assert refused(home, *words, "--catalogue", str(table)).splitlines() == [
        f"ror: {table} cannot be used:",
        "  row 2: 2 cells, where the header has 4 columns",
        "  row 3, column PatientID: there must be a value",
        "     correct the table",
    ]


def test_a_table_or_a_project_is_meant_not_both(home: Home) -> None:
    words = ("run", CT, "--project", "lungs", "--catalogue", str(SERIES))
    assert "not both" in refused(home, *words, code=2)


# -- explain ----------------------------------------------------------------------------------------------------------


def test_explain_tells_every_rule_of_every_name_with_the_value_seen(home: Home) -> None:
    found = of_csv(home, "explain", T1_AND_DWI, "--study", "2.2")
    (statement,) = found["statements"]
    (group,) = statement["groups"]
    assert (found["study"], statement["jobs"], group["matched"]) == ("2.2", [], False)
    assert statement["sentence"].startswith("no series is a DWI")
    t1, dwi = group["names"]
    assert t1["series"][0] == {
        "series": "2.2.1",
        "study": "2.2",
        "became": "fits, but is not chosen",
        "rules": [
            {
                "rule": 'ClassifyTypes containing "T1"',
                "outcome": "held",
                "seen": {"ClassifyTypes": ["T1", "CONTRAST"]},
            }
        ],
    }
    assert {one["became"] for one in dwi["series"]} == {"does not fit"}


def test_explain_tells_people_the_same(home: Home) -> None:
    told = home.good("select", "explain", T1_AND_DWI, "--study", "1.2", "--catalogue", str(SERIES))
    assert "1.2: T1: " in told
    assert (
        '\n  1.2.3 fits, but is not chosen\n    ClassifyTypes containing "DIFFUSION": held (ClassifyTypes: DIFFUSION)\n'
        in told
    )
    assert '\n  1.2.1 does not fit\n    ClassifyTypes containing "DIFFUSION": did not hold' in told


def test_explain_says_what_became_of_a_series_that_fits(home: Home) -> None:
    text = (
        "select patient from latest study where series named THIN has SliceThickness < 0.9 "
        "also where series named T1 has ClassifyTypes containing T1"
    )
    (statement,) = of_csv(home, "explain", text, "--study", "1.1")["statements"]
    became = {
        (name["name"], one["series"]): one["became"]
        for name in statement["groups"][0]["names"]
        for one in name["series"]
    }
    assert became["THIN", "1.2.2"] == became["T1", "1.2.1"] == "is in a job"
    assert became["T1", "1.2.2"] == "fits, but went to THIN"
    assert became["T1", "1.1.1"] == "fits, but its study is left out"


def test_explain_looks_across_studies_where_the_statement_does(home: Home) -> None:
    closest = (GOLDEN / "headline_closest_t1.select").read_text(encoding="utf-8")
    for text, studies in ((closest, {"1.1", "1.2"}), (CT, {"1.1"})):
        (statement,) = of_csv(home, "explain", text, "--study", "1.1")["statements"]
        shown = {
            one["study"] for group in statement["groups"] for name in group["names"] for one in name["series"]
        }
        assert shown == studies


def test_explain_tells_a_study_that_is_not_in_the_table(home: Home) -> None:
    words = ("explain", CT, "--study", "7", "--catalogue", str(SERIES))
    assert f"there is no study 7 in {SERIES}" in refused(home, *words)


# -- suggest ----------------------------------------------------------------------------------------------------------


def test_suggest_proposes_a_statement_that_runs(home: Home) -> None:
    proposed = of_csv(home, "suggest")
    assert of_csv(home, "run", proposed["statement"])["jobs"] == proposed["jobs"] != []
    assert 0 < proposed["score"] <= 1
    told = home.good("select", "suggest", "--catalogue", str(SERIES))
    assert told.startswith(proposed["statement"])
    assert f"-- score {proposed['score']:.2f}: {len(proposed['jobs'])} jobs of 4 studies" in told
    assert home.good("select", "check", told).startswith(proposed["statement"])


def test_suggest_needs_series(home: Home, tmp_path: Path) -> None:
    table = tmp_path / "series.csv"
    table.write_text("SeriesInstanceUID,StudyInstanceUID,PatientID\n", encoding="utf-8")
    assert "there is no series to propose" in refused(home, "suggest", "--catalogue", str(table))


# -- over the archive -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose project `lungs` has two series of one study, one of another patient, and a study that receives."""
    folder = tmp_path_factory.mktemp("archive")
    home = Home(folder / "home")
    home.settings("[listener]\nreserve_mib = 0\n")
    app = App(home.folder)
    app.projects.add(Project("lungs"))
    app.workflows.add("lungs", BOX)
    app.routes.add(Route(ANY, ANY, "lungs"))
    intake = app.intake
    for seed, number, slices in ((1, 1, 4), (1, 2, 3), (2, 1, 5)):
        for path in small_ct(folder / f"{seed}.{number}", seed=seed, number=number, slices=slices):
            assert intake.receive(received(dcmread(path))).status is Status.SUCCESS
    intake.flush()
    app.index.settle(0.0, now=time.time())
    app.matcher.match_settled()
    for path in small_ct(folder / "late", seed=3, number=1, slices=5):
        assert intake.receive(received(dcmread(path))).status is Status.SUCCESS
    app.close()
    yield home


def studies(archive: Home) -> dict[int, str]:
    return {one["series"]: one["study_uid"] for one in json.loads(archive.good("studies", "--json"))}


def test_a_statement_runs_over_the_only_project(archive: Home) -> None:
    text = "select study where series named BIG has NumImages > 3 also where series named SMALL has NumImages = 3"
    found = asked(archive, "run", text)
    ((big,), (small,)) = found["jobs"][0]["series"].values()
    assert (len(found["jobs"]), big != small) == (1, True)
    waiting, why = found["messages"]
    assert waiting == "1 study is not asked: still receiving, or waiting to be matched"
    assert why.startswith("1 job of 2 studies; ") and ": no series is a SMALL" in why
    assert asked(archive, "run", text, "--project", "lungs") == found


def test_a_workflow_may_stand_for_its_statement(archive: Home) -> None:
    found = asked(archive, "run", "--workflow", "box")
    assert [list(job["series"]) for job in found["jobs"]] == [["CT"], ["CT"]]
    told = asked(archive, "explain", "--workflow", "box", "--study", studies(archive)[2])
    (group,) = told["statements"][0]["groups"]
    became = sorted(one["became"] for one in group["names"][0]["series"])
    assert became == ["does not fit", "is in a job"]


def test_suggest_learns_from_the_archive(archive: Home) -> None:
    assert asked(archive, "suggest", "--project", "lungs")["jobs"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", CT, "--project", "heads"), "there is no project heads"),
        (("run", "--workflow", "nobody"), "project lungs has no workflow nobody"),
        (("explain", CT, "--study", "1.2.3"), "there is no study 1.2.3"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else None,
)
def test_what_is_not_in_the_archive_is_told(archive: Home, words: tuple[str, ...], told: str) -> None:
    assert told in refused(archive, *words)


def test_a_project_must_be_named_where_there_are_none_or_several(home: Home) -> None:
    def said() -> Said:
        return home.ror("select", "run", CT)

    assert "there is no home folder" in said().err
    home.settings("")
    assert "there is no project\n     say --project NAME" in said().err
    for name in ("lungs", "heads"):
        home.good("project", "add", name)
    assert "there are 2 projects: heads, lungs\n" in said().err


def test_a_study_of_another_project_is_told(archive: Home, tmp_path: Path) -> None:
    copy = Home(tmp_path / "copy")
    shutil.copytree(archive.folder, copy.folder)
    copy.good("project", "add", "heads")
    study = studies(copy)[2]
    told = refused(copy, "explain", CT, "--study", study, "--project", "heads")
    assert f"study {study} is not in project heads, but in lungs" in told
