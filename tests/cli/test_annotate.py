"""`ror annotate`: a tag is a type, in statements, in `descr.json` and in the terminal, until it is taken back."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from textual.pilot import Pilot
from textual.widgets import OptionList, Tree

import select_lang
from ror.cli.terminal import Annotator
from ror.develop import DataIndex, DeveloperProject
from ror.develop.ontology import Ontology
from tests.cli.test_commands import BOX, Home
from tests.support.studies import small_ct

BY_TAG = 'select series from study where series named CT has ClassifyTypes contains "BRAIN"'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def uid(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The UID of the one series that the workflow `box` knows; it is in the folder where commands are said."""
    shutil.copytree(BOX, tmp_path / "box", ignore=shutil.ignore_patterns("__pycache__"))
    (file, *_) = small_ct(tmp_path / "data")
    monkeypatch.chdir(tmp_path / "box")
    home.good("config", "--data", str(tmp_path / "data"), "--select", BY_TAG)
    return str(dcmread(file).SeriesInstanceUID)


def jobs(home: Home) -> int:
    return len(json.loads(home.good("status", "--jobs", "--json"))["jobs"])


def test_a_tag_selects_a_series_and_reaches_the_program(home: Home, uid: str, tmp_path: Path) -> None:
    assert jobs(home) == 0
    (row,) = json.loads(home.good("annotate", "--series", uid, "--add", "brain", "--add", "T1", "--json"))
    assert row == {"series_uid": uid, "tags": ["BRAIN", "T1"]}
    assert jobs(home) == 1
    home.good("trigger", "--keep", "--folder", str(tmp_path / "run"))
    (described,) = json.loads((tmp_path / "run" / "descr.json").read_text())
    assert {"BRAIN", "T1"} <= set(described["ClassifyTypes"])
    # Tags are of the series, not of its files: they outlive both.
    home.good("config", "--clear")
    home.good("config", "--data", str(tmp_path / "data"))
    assert jobs(home) == 1
    home.good("annotate", "--series", uid, "--remove", "BRAIN")
    assert (jobs(home), json.loads(home.good("annotate", "--list", "--json"))[0]["tags"]) == (0, ["T1"])


def test_a_type_that_the_rules_give_is_not_there_twice(home: Home, uid: str) -> None:
    (series,) = json.loads(home.good("status", "--data", "--json"))["data"]
    given = series["ClassifyTypes"]
    assert "axial" in given
    home.good("annotate", "--series", uid, "--add", "axial")
    (series,) = json.loads(home.good("status", "--data", "--json"))["data"]
    assert series["ClassifyTypes"] == given


def test_what_cannot_be_meant_is_told(home: Home, uid: str) -> None:
    assert "did you mean BRAIN" in home.ror("annotate", "--series", uid, "--add", "brai").err
    assert "no series 1.2 is known" in home.ror("annotate", "--series", "1.2", "--add", "T1").err
    assert home.ror("annotate", "--add", "T1").code == 2
    assert "say ror annotate --series UID --add TERM" in home.ror("annotate").err
    assert json.loads(home.good("annotate", "--list", "--json")) == []
    (found,) = json.loads(home.good("annotate", "--search", "lumbar", "--json"))
    said = home.ror("annotate", "--search", "xyzzy")
    assert (said.code, "no term has the words xyzzy" in said.err) == (1, True)
    assert json.loads(home.good("annotate", "--search", "xyzzy", "--json")) == []
    assert (found["name"], found["code"], found["scheme"]) == ("LUMBAR_SPINE", "122496007", "SCT")


def in_terminal(steps: Callable[[Pilot[None]], Awaitable[None]]) -> None:
    index = DeveloperProject.at(Path()).data_index

    async def run() -> None:
        statement = select_lang.read(BY_TAG)
        annotator = Annotator("box 1.0.0", statement, index, Ontology.read(), moving=False)
        async with annotator.run_test(size=(100, 40)) as pilot:
            await steps(pilot)

    asyncio.run(run())


def label(pilot: Pilot[None]) -> str:
    node = pilot.app.query_one(Tree).cursor_node
    assert node is not None
    return str(node.label)


async def to_series(pilot: Pilot[None]) -> None:
    tree = pilot.app.query_one(Tree)
    tree.root.expand_all()
    await pilot.pause()
    tree.move_cursor_to_line(2)
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()


def test_a_term_is_looked_for_while_typing_and_chosen_by_enter(home: Home, uid: str) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await to_series(pilot)
        assert label(pilot).endswith("in no job")
        await pilot.press("t")
        await pilot.press(*"brain")
        shown = pilot.app.screen.query_one(OptionList)
        assert str(shown.get_option_at_index(0).prompt).strip().startswith("BRAIN: Brain (12738006, SCT)")
        await pilot.press("enter")
        await pilot.pause()
        assert (label(pilot)[-11:], pilot.app.sub_title) == ("CT of job 1", "1 job")
        # Once more takes it back; Esc changes nothing; among what fits, the arrows choose.
        await pilot.press("t", "escape")
        assert pilot.app.sub_title == "1 job"
        await pilot.press("t", *"brain", "enter")
        await pilot.pause()
        assert pilot.app.sub_title == "0 jobs"
        await pilot.press("t", *"contrast", "down", "up", "down", "enter")

    in_terminal(steps)
    with DataIndex.opened(DeveloperProject.at(Path()).data_index) as index:
        ((tag,),) = index.tags().values()
    assert tag == list(Ontology.read().search("contrast"))[1].name


def test_what_is_no_series_is_not_tagged(home: Home, uid: str) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("t")
        await pilot.pause()
        assert len(pilot.app.screen_stack) == 1

    in_terminal(steps)
