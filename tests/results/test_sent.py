"""What a project sends: each switch in each position against each wish of a manifest."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest

from ror.db import Database
from ror.errors import ConfigurationError
from ror.registry import CAPTURES, SWITCH, Project, ProjectStore, Sending
from ror.results import ResultJob, encode, read_outputs, validate, write
from ror.results.sent import as_sent
from ror.results.stl import binary_stl
from tests.results.samples import WORKFLOW, manifest
from tests.results.test_models import inside, mesh_entry, with_mesh


def kinds(output: Path, job: ResultJob, sending: Sending, *wanted: str) -> Counter[str]:
    """How many objects of each kind are made of the outputs of a workflow that wants these."""
    text = WORKFLOW + (mesh_entry() if "models" in wanted else mesh_entry(""))
    heading = (
        "[outputs]\n"
        + "captures = 'key'\n" * ("captures" in wanted)
        + "report = true\n" * ("report" in wanted)
    )
    text = text.replace("[[outputs.masks]]", f"{heading}[[outputs.masks]]", 1)
    if "rtstruct" in wanted:
        text = text.replace('on = "CT"\n', 'on = "CT"\nrtstruct = true\n', 1)
    objects = encode(as_sent(read_outputs(output, manifest(text), job), sending), job)
    validate(objects, job)
    return Counter(one.kind for one in objects)


@pytest.fixture(autouse=True)
def mesh(output: Path, ct) -> None:
    with_mesh(output, binary_stl(inside(ct)))


ALL = ("captures", "report", "rtstruct", "models")
OF_KEYS = {
    "captures": Counter(SC=2, KO=1),
    "report": Counter(PDF=1),
    "rtstruct": Counter(RTSTRUCT=1),
    "models": Counter(STL=1),
}
ALWAYS = Counter(SEG=1, SR=2)


@pytest.mark.parametrize("name", ALL)
def test_as_the_workflow_wants(name: str, output: Path, job: ResultJob) -> None:
    assert kinds(output, job, Sending()) == ALWAYS
    assert kinds(output, job, Sending(), name) == ALWAYS + OF_KEYS[name]


@pytest.mark.parametrize("name", ALL)
def test_not_though_the_workflow_wants_it(name: str, output: Path, job: ResultJob) -> None:
    never = Sending(**{name: "none" if name == "captures" else "no"})
    rest = sum((OF_KEYS[other] for other in ALL if other != name), ALWAYS)
    assert kinds(output, job, never, *ALL) == rest


@pytest.mark.parametrize("name", ["captures", "report", "rtstruct"])
def test_though_the_workflow_does_not_want_it(name: str, output: Path, job: ResultJob) -> None:
    always = Sending(**{name: "key" if name == "captures" else "yes"})
    assert kinds(output, job, always) == ALWAYS + OF_KEYS[name]


def test_pictures_of_all_slices_instead_of_those_of_some(output: Path, job: ResultJob) -> None:
    assert kinds(output, job, Sending(captures="all"), "captures")["SC"] == 3


def test_a_mesh_that_lies_on_no_series_is_not_sent_whatever_a_project_wants(
    output: Path, job: ResultJob
) -> None:
    assert kinds(output, job, Sending(models="yes")) == ALWAYS


def test_what_a_project_sends_is_kept_with_it(database: Database, tmp_path: Path) -> None:
    store = ProjectStore(database, tmp_path / "secrets")
    store.add(Project("lungs", sending=Sending(captures="none", rtstruct="yes")))
    store.add(Project("heads"))
    assert [one.sending.told for one in store.list()] == ["", "captures none, rtstruct yes"]
    assert asdict(store.get("heads"))["sending"]["report"] == "as-workflow"


@pytest.mark.parametrize("name", ALL)
def test_only_words_that_there_are_can_be_set(name: str) -> None:
    for word in CAPTURES if name == "captures" else SWITCH:
        assert Sending(**{name: word}).told == ("" if word == "as-workflow" else f"{name} {word}")
    with pytest.raises(ConfigurationError, match=f"--{name}: 'perhaps' is none of as-workflow"):
        Sending(**{name: "perhaps"})


def test_whoever_changes_an_object_changes_no_other(output: Path, job: ResultJob, tmp_path: Path) -> None:
    text = WORKFLOW.replace('on = "CT"\n', 'on = "CT"\nrtstruct = true\n', 1) + mesh_entry()
    text = text.replace(
        "[[outputs.masks]]", "[outputs]\ncaptures = 'key'\nreport = true\n[[outputs.masks]]", 1
    )
    outputs = read_outputs(output, manifest(text), job)
    before = write(encode(outputs, job), tmp_path / "before")
    for one in encode(outputs, job):
        for element in one.dataset.iterall():
            if element.VR in ("SH", "LO", "UI") and element.VM == 1:
                element.value = "1.2.3"
    after = write(encode(outputs, job), tmp_path / "after")
    assert [path.read_bytes() for path in after] == [path.read_bytes() for path in before]
