"""``ror status --tui``: patients, studies and series to walk through, with moving slices and the reasons of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, Header, Static, Tree
from textual.widgets.tree import TreeNode
from textual.worker import get_current_worker

import select_lang
from ror.cli.reasons import lines_of_series
from ror.cli.terminal.picture import Picture
from ror.develop import DataIndex
from ror.develop.preview import Preview, preview_of
from ror.wording import counted
from select_lang import Explanation, Level, Series, Statement

__all__ = ["Browser"]


class Browser(App[None]):
    """A tree of the data; of the series under the cursor a picture, and why it is in a job or not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "stop_or_go_on", "stop or go on"),
        Binding("n", "step(1)", "next slice"),
        Binding("p", "step(-1)", "slice before"),
        Binding("q", "quit", "quit"),
    ]
    CSS = """
    Tree { width: 45%; }
    Picture { border: round $primary; height: 60%; }
    #reasons { height: 40%; border: round $primary; }
    """

    def __init__(self, title: str, statement: Statement, index: Path, *, moving: bool = True) -> None:
        super().__init__()
        self.title = title
        self._statement = statement
        self._index = index
        self._picture = Picture(moving=moving)
        self._reasons = Static(markup=False)
        self._read()

    def _read(self) -> None:
        """Look at the data, and at the jobs that they make."""
        with DataIndex.opened(self._index) as index:
            self._series = {one.uid: one for one in index.series()}
        matches = select_lang.evaluate(self._statement, self._series.values())
        self.sub_title = counted(len(matches), "job")
        self._jobs: dict[str, list[str]] = {}
        for number, match in enumerate(matches, 1):
            for one in match.series:
                self._jobs.setdefault(one.series_uid, []).append(f"{one.name} of job {number}")
        self._explained: dict[str, Explanation] = {}

    def compose(self) -> ComposeResult:
        """The tree on the left, picture and reasons on the right."""
        yield Header()
        with Horizontal():
            yield Tree[str](self.sub_title if self._series else "no data yet: ror config --data FOLDER")
            with Vertical():
                yield self._picture
                with VerticalScroll(id="reasons"):
                    yield self._reasons
        yield Footer()

    def on_mount(self) -> None:
        """Fill the tree as far as it is seen: patients, and of one alone all."""
        tree = self.query_one(Tree)
        if not self._series:
            return
        tree.show_root = False
        tree.guide_depth = 2
        for patient, some in groupby(self._series.values(), lambda one: one.patient_id):
            node = tree.root.add(patient or "without a PatientID", data=patient)
            studies = {one.study_uid: None for one in some}
            for study in studies:
                node.add(_study_label(study, self._of(study)), data=study)
        tree.root.expand()
        if len(tree.root.children) == 1:
            tree.root.children[0].expand_all()
        tree.focus()

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[str]) -> None:
        """Add the series of a study when they are first seen."""
        node = event.node
        if not node.children and node.data is not None:
            for one in self._of(node.data):
                node.add_leaf(self._label(one), data=one.uid)

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[str]) -> None:
        """Tell of what is under the cursor."""
        series = self._series.get(event.node.data or "")
        if series is None:
            self._reasons.update(_walk(event.node))
            return
        self._tell(series)
        self.run_worker(partial(self._look, series.uid), thread=True, exclusive=True, exit_on_error=False)

    def _tell(self, series: Series) -> None:
        self._reasons.update("\n".join(self._told(series)))

    def action_stop_or_go_on(self) -> None:
        """Let the slices stand still, or move again."""
        self._picture.stop_or_go_on()

    def action_step(self, frames: int) -> None:
        """Stand still, so many slices further."""
        self._picture.step(frames)

    def _look(self, series_uid: str) -> None:
        """Read the slices of a series, in a thread: the keys go on working."""
        worker = get_current_worker()
        with DataIndex.opened(self._index) as index:
            files = [Path(one.path) for one in index.instances(series_uid)]
        preview = preview_of(files, lambda: worker.is_cancelled)
        if not worker.is_cancelled:
            self.call_from_thread(self._show, preview)

    def _show(self, preview: Preview) -> None:
        self._picture.show(preview)

    def _of(self, study_uid: str) -> Sequence[Series]:
        return [one for one in self._series.values() if one.study_uid == study_uid]

    def _label(self, series: Series) -> str:
        jobs = ", ".join(self._jobs.get(series.uid, ())) or "in no job"
        return f"{_told_shortly(series)} → {jobs}"

    def _told(self, series: Series) -> Iterable[str]:
        yield series.uid
        yield ", ".join(self._jobs.get(series.uid, ())) or "in no job"
        yield from lines_of_series(series.uid, self._explanation(series))
        yield ""
        for name, values in sorted(series.attributes.items()):
            yield f"{name}: {', '.join(values)}"

    def _explanation(self, series: Series) -> Explanation:
        """Of the series that decide: those of its patient, or all where the statement looks at all."""
        everybody = self._statement.level is Level.PROJECT
        key = "" if everybody else series.patient_id
        if key not in self._explained:
            decide = [one for one in self._series.values() if everybody or one.patient_id == key]
            self._explained[key] = select_lang.explain(self._statement, decide)
        return self._explained[key]


def _study_label(study_uid: str, series: Sequence[Series]) -> str:
    told = [*series[0].values("StudyDate"), *series[0].values("StudyDescription")]
    return " ".join(told) or study_uid


def _told_shortly(series: Series) -> str:
    return " ".join(
        [
            *series.values("Modality"),
            *series.values("SeriesDescription"),
            f"({series.values('NumImages')[0]})",
        ]
    )


def _walk(node: TreeNode[str]) -> str:
    return f"{node.label}\n\nwalk with the arrows, open with Enter"
