"""The pieces of one case, finished: each is treated, searched and written once, and remembered for its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from anonymizer.actions import Action
from anonymizer.case import Case
from anonymizer.engine import Tally
from anonymizer.markers import CONTRIBUTING, REQUIRED_EMPTY, contributed
from anonymizer.pieces import Piece
from anonymizer.residual import Residual, uids_in
from anonymizer.stored import Value
from anonymizer.table import vr_of
from anonymizer.unknown import recognised
from anonymizer.values import number_size, same_family
from anonymizer.wire import Element, Encoding, encoded, read, tag_path, write, write_head, write_items

__all__ = ["Finished", "Finisher", "tallied"]

_NO_UIDS: Final[frozenset[str]] = frozenset()
_KEPT: Final = Tally()
_KEPT.counts[Action.KEEP] = 1
# What differs in each object, as positions do, would pile up.
_REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """What comes out for a piece.

    Attributes
    ----------
    raw
        Its bytes, none where it was removed.
    left
        UIDs that can be read in it.
    tally
        What was done, its paths relative to the data set or item that holds it.
    items
        For a sequence, what was done in each of its items.
    """

    raw: bytes
    left: frozenset[str]
    tally: Tally
    tag: int = 0
    items: tuple[list[Finished], ...] = ()


class Finisher:
    """Finishes the pieces of one case.

    Attributes
    ----------
    fixed
        What every object of the case gets whatever it said, or where it says nothing; written, by tag.
    """

    def __init__(self, case: Case, encoding: Encoding, *, verify: bool) -> None:
        self.case = case
        self.fixed = {
            tag: encoded((element,), encoding) for tag, element in (REQUIRED_EMPTY | dict(case.own)).items()
        }
        self._encoding = encoding
        self._digest = case.engine.plan.profile.digest
        self.fixed[CONTRIBUTING] = encoded(contributed((), self._digest), encoding)
        # UIDs are compared object by object, for each has its own.
        self._residual = Residual.of(case.identity, case.identity.uids) if verify else None
        self._top: dict[Piece, Finished] = {}
        self._nested: dict[tuple[int, Piece], Finished] = {}
        self._numbers: dict[tuple[int, int, str], bool] = {}

    def finish(self, pieces: Iterable[Piece]) -> list[Finished]:
        """Finish the elements of an object; raises `ResidualIdentity` as `Residual.check` does."""
        known = self._top
        if len(known) + len(self._nested) > _REMEMBERED:
            known.clear()
            self._nested.clear()
        return [known.get(piece) or self._finish_top(piece) for piece in pieces]

    def pixels(self, element: Element) -> tuple[Finished, list[Value]]:
        """Finish the pixel data, which is not looked into; what was done, and what comes out in chunks."""
        self.case.engine.tally = tally = Tally()
        done = self.case.engine.apply((element,), self.case.charsets)
        return Finished(b"", _NO_UIDS, tally), write(done, self._encoding)

    def _finish_top(self, piece: Piece) -> Finished:
        done = self._finish(piece, 0)
        if piece.tag in self.case.own or (not done.raw and piece.tag in self.fixed):
            # What stands there in the end says nothing that the object said.
            done = Finished(self.fixed[piece.tag], _NO_UIDS, done.tally, done.tag, done.items)
        elif piece.tag == CONTRIBUTING:
            raw = encoded(contributed(read(done.raw, self._encoding), self._digest), self._encoding)
            done = Finished(raw, done.left, done.tally, done.tag, done.items)
        self._top[piece] = done
        return done

    def _finish_nested(self, piece: Piece, parent: int) -> Finished:
        if self._is_kept_number(piece, parent):
            return Finished(piece.raw, _NO_UIDS, _KEPT)
        done = self._nested.get((parent, piece))
        if done is None:
            done = self._nested[parent, piece] = self._finish(piece, parent)
        return done

    def _finish(self, piece: Piece, parent: int) -> Finished:
        engine, charsets = self.case.engine, self.case.charsets
        is_sequence = piece.items is not None and vr_of(piece.tag) in ("SQ", "")
        if is_sequence and engine.plan.rule(piece.tag, parent).action is Action.KEEP:
            return self._finish_sequence(piece)
        engine.tally = tally = Tally()
        done = engine.apply(recognised((piece.element,), self._encoding), charsets, parent=parent)
        if self._residual is not None and (parent or piece.tag not in self.case.own):
            self._residual.check(done, charsets, frozenset())
        left = uids_in(done, charsets) - tally.kept_uids
        return Finished(encoded(done, self._encoding), left, tally)

    def _finish_sequence(self, piece: Piece) -> Finished:
        items = tuple([self._finish_nested(one, piece.tag) for one in item] for item in piece.items or ())
        value = write_items((b"".join([one.raw for one in item]) for item in items), self._encoding)
        head = write_head(piece.tag, "SQ", len(value), self._encoding)
        left = _NO_UIDS.union(*(one.left for item in items for one in item if one.left))
        return Finished(head + value, left, _KEPT, piece.tag, items)

    def _is_kept_number(self, piece: Piece, parent: int) -> bool:
        """Whether it is a binary number that stays: nothing else can stand in it."""
        if not number_size(piece.vr):
            return False
        key = (parent, piece.tag, piece.vr)
        found = self._numbers.get(key)
        if found is None:
            is_kept = self.case.engine.plan.rule(piece.tag, parent).action is Action.KEEP
            found = is_kept and same_family(piece.vr, vr_of(piece.tag) or piece.vr)
            self._numbers[key] = found
        return found


def tallied(done: Iterable[Finished]) -> Tally:
    """What was done to all of them together."""
    total = Tally()
    for tally, path in _tallies(done, ""):
        for action, count in tally.counts.items():
            total.counts[action] += count
        total.removed += [path + one for one in tally.removed]
        total.cleaned += [path + one for one in tally.cleaned]
    return total


def _tallies(done: Iterable[Finished], path: str) -> Iterator[tuple[Tally, str]]:
    for one in done:
        for number, item in enumerate(one.items):
            yield from _tallies(item, f"{tag_path(one.tag, path)}[{number}]")
        yield one.tally, path
