"""`ror status --tui`: keys pressed, and what is on the screen then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from textual.pilot import Pilot
from textual.widgets import Static, Tree

import select_lang
from ror.cli.terminal import Browser
from ror.cli.terminal.picture import Picture, fitted
from ror.develop import DataIndex
from ror.develop.preview import Preview, preview_of
from ror.develop.scanning import scan
from tests.cli.test_commands import Home
from tests.support.studies import small_ct

SELECT = "select series from study where series named CT has Modality = CT and NumImages > 6"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A study of two series, one of them too short, and a study of another patient."""
    small_ct(tmp_path / "data" / "one", seed=1)
    small_ct(tmp_path / "data" / "short", seed=1, number=2, slices=5)
    small_ct(tmp_path / "data" / "two", seed=2)
    with DataIndex.opened(tmp_path / "data.sqlite") as index:
        scan(index, [tmp_path / "data"], jobs=1)
    return tmp_path / "data.sqlite"


def in_terminal(index: Path, steps: Callable[[Pilot[None]], Awaitable[None]]) -> None:
    """Take some steps in a terminal of 100 by 40 characters, where slices stand still until told to move."""

    async def run() -> None:
        browser = Browser("box 1.0.0", select_lang.read(SELECT), index, moving=False)
        async with browser.run_test(size=(100, 40)) as pilot:
            await steps(pilot)

    asyncio.run(run())


def labels(pilot: Pilot[None]) -> list[str]:
    tree = pilot.app.query_one(Tree)
    return [str(tree.get_node_at_line(line).label) for line in range(tree.last_line + 1)]  # type: ignore[union-attr]


def reasons(pilot: Pilot[None]) -> str:
    return str(pilot.app.query_one("#reasons Static", Static).render())


def test_patients_open_to_studies_and_these_to_series_with_their_jobs(index: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        assert pilot.app.sub_title == "2 jobs"
        await pilot.pause()
        assert "no data" not in str(pilot.app.query_one("#reasons Static", Static).content)
        assert len(labels(pilot)) == 2
        await pilot.press("enter", "down", "enter", "end", "enter", "down", "enter")
        await pilot.pause()
        told = sorted(label.split(" → ")[1] for label in labels(pilot) if "→" in label)
        assert told == ["CT of job 1", "CT of job 2", "in no job"]

    in_terminal(index, steps)


async def at_series(pilot: Pilot[None], told: str) -> None:
    """Move the cursor to the first series of which that is told, and wait until it is drawn."""
    tree = pilot.app.query_one(Tree)
    tree.root.expand_all()
    await pilot.pause()
    tree.move_cursor_to_line(next(n for n, label in enumerate(labels(pilot)) if told in label))
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def test_a_series_that_is_in_no_job_says_why(index: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await at_series(pilot, "in no job")
        told = reasons(pilot)
        assert "CT: does not fit" in told
        assert 'Modality = "CT": held (Modality: CT)' in told
        assert "NumImages > 6: did not hold (NumImages: 5)" in told

    in_terminal(index, steps)


def test_a_series_is_drawn_and_its_slices_are_turned_by_keys(index: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await at_series(pilot, "of job 1")
        assert "CT: is in a job" in reasons(pilot)
        picture = pilot.app.query_one(Picture)

        def drawn() -> list[tuple[str, str]]:
            lines = (picture.render_line(y) for y in range(picture.size.height))
            return [(cell.text, str(cell.style)) for line in lines for cell in line]

        assert (picture.number, picture.moving, picture.border_title) == (4, False, "slice 5 of 8, stopped")
        fourth = drawn()
        # 16 by 16 pixels of 2 mm: as many half blocks in each direction, whatever the terminal's shape.
        assert {text for text, _style in fourth} >= {"▀"}
        await pilot.press("n")
        assert (picture.number, drawn() != fourth) == (5, True)
        await pilot.press("p", "p")
        assert picture.number == 3
        await pilot.press("n")
        assert drawn() == fourth
        await pilot.press("c")
        assert picture.moving

    in_terminal(index, steps)


def test_a_series_whose_files_are_gone_says_so_instead_of_a_picture(index: Path, tmp_path: Path) -> None:
    for file in (tmp_path / "data").rglob("*.dcm"):
        file.unlink()

    async def steps(pilot: Pilot[None]) -> None:
        await at_series(pilot, "of job 1")
        line = pilot.app.query_one(Picture).render_line(0)
        assert "the images cannot be read (FileNotFoundError)" in line.text

    in_terminal(index, steps)


def test_without_data_it_says_how_to_add_some(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        assert labels(pilot) == ["no data yet: ror config --data FOLDER"]

    in_terminal(tmp_path / "data.sqlite", steps)


def test_where_there_is_no_terminal_it_says_what_to_do(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.good("init", str(tmp_path / "box"))
    said = home.ror("status", "--tui", str(tmp_path / "box"))
    assert (said.code, "say ror status --all" in said.err) == (1, True)


# -- pictures ---------------------------------------------------------------------------------------------------------


def test_slices_come_in_the_order_of_geometry(tmp_path: Path) -> None:
    files = small_ct(tmp_path / "one", slices=6)
    shuffled = [file.rename(file.with_name(f"{5 - number}.dcm")) for number, file in enumerate(files)]
    preview = preview_of(shuffled)
    assert (len(preview.frames), preview.row_mm, preview.column_mm) == (6, 2.0, 2.0)
    heights = {file: float(dcmread(file).ImagePositionPatient[2]) for file in shuffled}
    lowest_first = sorted(shuffled, key=lambda file: heights[file])
    for frame, file in zip(preview.frames, lowest_first, strict=True):
        values = dcmread(file).pixel_array.astype(float)
        assert np.corrcoef(frame.ravel(), values.ravel())[0, 1] > 0.99


def test_a_picture_keeps_its_proportions_in_every_terminal() -> None:
    frame = np.arange(40 * 20, dtype=np.uint8).reshape(40, 20)
    for width, height, shape in ((80, 10, (20, 20)), (10, 40, (10, 10)), (200, 100, (200, 200))):
        # 40 rows of 1 mm by 20 columns of 2 mm are a square.
        assert fitted(Preview((frame,), 1.0, 2.0), 0, width, height).shape == shape
    assert fitted(Preview((frame,)), 0, 1, 1).shape == (2, 1)


def test_many_large_slices_become_few_small_ones(tmp_path: Path) -> None:
    (file, *_) = small_ct(tmp_path / "one", slices=3)
    image = dcmread(file)
    image.Rows, image.Columns, image.NumberOfFrames = 300, 520, 60
    image.PixelData = np.zeros((60, 300, 520), np.int16).tobytes()
    image.save_as(file)
    preview = preview_of([file])
    assert (len(preview.frames), preview.frames[0].shape) == (48, (100, 174))
    assert (preview.slices[:3], preview.slices[-1], preview.of) == ((1, 2, 3), 59, 60)
    assert (preview.row_mm, preview.column_mm) == (6.0, 6.0)


def test_colours_are_not_drawn_and_it_says_so(tmp_path: Path) -> None:
    (file, *_) = small_ct(tmp_path / "one", slices=3)
    image = dcmread(file)
    image.PhotometricInterpretation = "RGB"
    image.save_as(file)
    assert preview_of([file]).why_not == "the images of the series are not in shades of grey"
