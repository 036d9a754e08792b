"""``ror annotate``: the browser, in which a series is tagged with terms that are looked for while typing."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Tree
from textual.widgets.option_list import Option

from ror.cli.terminal.browser import Browser
from ror.develop import DataIndex
from ror.develop.ontology import Ontology
from select_lang import Statement

__all__ = ["Annotator"]


class Terms(ModalScreen[str | None]):
    """A line to type in, and the terms that fit it; gives the name of the chosen one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "leave", show=True),
        Binding("down", "move(1)", "next", priority=True),
        Binding("up", "move(-1)", "before", priority=True),
    ]
    CSS = """
    Terms { align: center middle; }
    Terms OptionList { width: 80; height: 20; }
    Terms Input { width: 80; }
    """

    def __init__(self, ontology: Ontology, tags: tuple[str, ...]) -> None:
        super().__init__()
        self._ontology = ontology
        self._tags = tags

    def compose(self) -> ComposeResult:
        """The line above the list."""
        yield Input(placeholder="part of a term; Enter adds or takes back, Esc leaves")
        yield OptionList(*self._options(""))

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(Input).focus()
        self.query_one(OptionList).highlighted = 0

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        shown = self.query_one(OptionList)
        shown.clear_options()
        shown.add_options(self._options(event.value))
        shown.highlighted = 0 if shown.option_count else None

    @on(Input.Submitted)
    def _choose(self) -> None:
        shown = self.query_one(OptionList)
        if shown.highlighted is not None:
            self.dismiss(shown.get_option_at_index(shown.highlighted).id)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_move(self, steps: int) -> None:
        """Another term of the list, while the line is typed in."""
        shown = self.query_one(OptionList)
        if shown.option_count:
            shown.highlighted = ((shown.highlighted or 0) + steps) % shown.option_count

    def _options(self, text: str) -> list[Option]:
        return [
            Option(f"{'✓' if one.name in self._tags else ' '} {one}", id=one.name)
            for one in self._ontology.search(text)
        ]


class Annotator(Browser):
    """The browser, with tags: what is chosen is written at once."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "tag", "tag")]

    def __init__(
        self, title: str, statement: Statement, index: Path, ontology: Ontology, *, moving: bool = True
    ) -> None:
        super().__init__(title, statement, index, moving=moving)
        self._ontology = ontology

    def action_tag(self) -> None:
        """Choose a term for the series under the cursor."""
        node = self.query_one(Tree).cursor_node
        if node is None or node.data not in self._series:
            self.notify("walk to a series to tag it")
            return
        uid = str(node.data)

        def chosen(name: str | None) -> None:
            if name is not None:
                self._turn(uid, name)
                node.set_label(self._label(self._series[uid]))

        self.push_screen(Terms(self._ontology, self._tags(uid)), chosen)

    def _tags(self, uid: str) -> tuple[str, ...]:
        with DataIndex.opened(self._index) as index:
            return index.tags().get(uid, ())

    def _turn(self, uid: str, name: str) -> None:
        """Add a tag, or take it back, and look again at what that makes of the data."""
        tags = set(self._tags(uid))
        with DataIndex.opened(self._index) as index:
            index.tag(uid, sorted(tags ^ {name}))
        self._read()
        self._tell(self._series[uid])
