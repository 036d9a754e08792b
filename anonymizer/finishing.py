"""The pieces of one case, finished: each is treated, searched and written once, and remembered for its bytes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from anonymizer.actions import Action, Rule
from anonymizer.case import Case
from anonymizer.engine import Tally
from anonymizer.markers import CONTRIBUTING, REQUIRED_EMPTY, contributed
from anonymizer.options import Option
from anonymizer.pieces import NotSure, Piece
from anonymizer.residual import Residual, may_have_uids, uids_in
from anonymizer.stored import Value
from anonymizer.table import vr_of
from anonymizer.unknown import recognised, recognised_element
from anonymizer.values import number_size, same_family
from anonymizer.wire import Element, Encoding, encoded, read, tag_path, write, write_head, write_items

__all__ = ["Finished", "Finisher", "tallied"]

# Referenced Content Item Identifier, as it is encoded in little endian.
_POSITION: Final = b"\x40\x00\x73\xdb"
_NO_UIDS: Final[frozenset[str]] = frozenset()
# Of an element in implicit VR, or explicit with a length of sixteen bits: written there is one way to write it.
_SHORT_HEAD: Final = 8
_TALLIES: Final = {action: Tally(Counter({action: 1})) for action in Action}
_KEPT: Final = _TALLIES[Action.KEEP]
# What differs in each object, as positions do, would pile up; so after so many bytes all begins anew.
_MEMORY_BYTES: Final = 4 * 1024 * 1024
_BYTES_PER_ENTRY: Final = 500
# Longer ones do not come twice as a rule.
_REMEMBERED_BYTES: Final = 64 * 1024


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
        self._bytes = 0
        # The tags of the object before, mostly those of the next one too; and where which of `fixed` go among them.
        self._tags: list[int] = []
        self._missing = [(0, self.fixed[tag]) for tag in sorted(self.fixed, reverse=True)]
        self._gone: dict[int, Finished] = {}
        self._scratch = Tally()
        self._numbers: dict[tuple[int, int, str], bool] = {}
        self._retains_private = case.engine.plan.profile.has(Option.RETAIN_SAFE_PRIVATE)

    def finish(self, pieces: Iterable[Piece]) -> list[Finished]:
        """Finish the elements of an object.

        Raises
        ------
        ResidualIdentity
            As `Residual.check` does.
        NotSure
            What must become of one of them depends on others.
        """
        known = self._top
        if self._bytes > _MEMORY_BYTES:
            known.clear()
            self._nested.clear()
            self._bytes = 0
        apart = self._finish_private(pieces) if self._retains_private else {}
        return [known.get(piece) or apart.get(piece) or self._finish_top(piece) for piece in pieces]

    def _finish_private(self, pieces: Iterable[Piece]) -> dict[Piece, Finished]:
        """Private elements, which are known by who reserved their block, and so only together."""
        private = [piece for piece in pieces if piece.tag >> 16 & 1]
        elements = recognised(tuple(piece.element for piece in private), self._encoding)
        self.case.engine.tally = Tally()
        kept = {element.tag: (element,) for element in self.case.engine.apply(elements, self.case.charsets)}
        return {
            piece: self._checked(piece, kept[piece.tag], _TALLIES[Action.PRIVATE])
            if piece.tag in kept
            else self._removed(piece.tag)
            for piece in private
        }

    def joined(self, pieces: Iterable[Piece], done: Iterable[Finished]) -> bytes:
        """The finished pieces in one run of bytes, with what is `fixed` and did not come among them."""
        tags = [piece.tag for piece in pieces]
        if tags != self._tags:
            missing = sorted(self.fixed.keys() - set(tags), reverse=True)
            self._missing = [(bisect_left(tags, tag), self.fixed[tag]) for tag in missing]
            self._tags = tags
        raws = [one.raw for one in done]
        for at, raw in self._missing:
            raws.insert(at, raw)
        return b"".join(raws)

    def pixels(self, element: Element) -> tuple[Finished, list[Value]]:
        """Finish the pixel data, which is not looked into; what was done, and what comes out in chunks."""
        rule = self.case.engine.plan.rule(element.tag)
        action, done = self.case.engine.treat_one(element, self.case.charsets, rule)
        if done is None:
            return self._removed(element.tag), []
        return Finished(b"", _NO_UIDS, _TALLIES[action]), write((done,), self._encoding)

    def _finish_top(self, piece: Piece) -> Finished:
        done = self._finish(piece, 0)
        if piece.tag in self.case.own or (not done.raw and piece.tag in self.fixed):
            # What stands there in the end says nothing that the object said.
            done = Finished(self.fixed[piece.tag], _NO_UIDS, done.tally, done.tag, done.items)
        elif piece.tag == CONTRIBUTING:
            raw = encoded(contributed(read(done.raw, self._encoding), self._digest), self._encoding)
            done = Finished(raw, done.left, done.tally, done.tag, done.items)
        if len(piece.raw) <= _REMEMBERED_BYTES:
            self._top[piece] = done
            self._bytes += len(piece.raw) + len(done.raw) + _BYTES_PER_ENTRY
        return done

    def _finish_nested(self, piece: Piece, parent: int) -> Finished:
        if self._is_kept_number(piece, parent):
            return Finished(piece.raw, _NO_UIDS, _KEPT)
        done = self._nested.get((parent, piece))
        if done is None:
            done = self._nested[parent, piece] = self._finish(piece, parent)
            self._bytes += len(piece.raw) + len(done.raw) + _BYTES_PER_ENTRY
        return done

    def _finish(self, piece: Piece, parent: int) -> Finished:
        engine = self.case.engine
        if self._is_kept_sequence(piece, parent):
            return self._finish_sequence(piece)
        rule = engine.plan.rule(piece.tag, parent)
        if rule.action is Action.REMOVE:
            return self._removed(piece.tag)
        if engine.plan.content is not None and _POSITION in piece.raw:
            raise NotSure  # an item of a report refers to another, maybe, and neither may go (`structured`)
        element = recognised_element(piece.element, self._encoding)
        if element.items is None:
            return self._finish_value(piece, element, rule, parent)
        engine.tally = tally = Tally()
        return self._checked(
            piece, engine.apply((element,), self.case.charsets, parent=parent), tally, parent
        )

    def _finish_value(self, piece: Piece, element: Element, rule: Rule, parent: int) -> Finished:
        """What is no sequence; most of it stays, or goes, and so is told alike."""
        engine, charsets = self.case.engine, self.case.charsets
        engine.tally = self._scratch
        action, done = engine.treat_one(element, charsets, rule)
        tally = _TALLIES[action]
        if self._scratch.cleaned or self._scratch.kept_uids:  # there is more to tell than the action
            tally, self._scratch = self._scratch, Tally()
            tally.counts[action] += 1
            tally.removed += [] if done else [tag_path(piece.tag)]
        elif done is None:
            return self._removed(piece.tag)
        if done is None:
            return Finished(b"", _NO_UIDS, tally)
        is_own = not parent and piece.tag in self.case.own
        if self._residual is not None and not is_own and self._residual.identifies(done, charsets):
            self._residual.check((done,), charsets, frozenset())
        left = uids_in((done,), charsets) - tally.kept_uids if may_have_uids(done) else _NO_UIDS
        if done is element and piece.size_of_head == _SHORT_HEAD:
            return Finished(piece.raw, left, tally)
        head = write_head(done.tag, done.vr, len(done.value), self._encoding)
        return Finished(head + bytes(done.value), left, tally)

    def _removed(self, tag: int) -> Finished:
        if tag not in self._gone:
            self._gone[tag] = Finished(b"", _NO_UIDS, Tally(Counter({Action.REMOVE: 1}), [tag_path(tag)]))
        return self._gone[tag]

    def _checked(self, piece: Piece, done: Sequence[Element], tally: Tally, parent: int = 0) -> Finished:
        charsets = self.case.charsets
        if self._residual is not None and (parent or piece.tag not in self.case.own):
            self._residual.check(done, charsets, frozenset())
        left = uids_in(done, charsets) - tally.kept_uids
        return Finished(encoded(done, self._encoding), left, tally)

    def _is_kept_sequence(self, piece: Piece, parent: int) -> bool:
        """Whether it stays, and its elements can be treated one by one."""
        if piece.items is None or vr_of(piece.tag) not in ("SQ", ""):
            return False
        if self.case.engine.plan.rule(piece.tag, parent).action is not Action.KEEP:
            return False
        return not (self._retains_private and any(one.tag >> 16 & 1 for item in piece.items for one in item))

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
    _add_up(done, "", total)
    return total


def _add_up(done: Iterable[Finished], path: str, total: Tally) -> None:
    for one in done:
        for number, item in enumerate(one.items):
            _add_up(item, f"{tag_path(one.tag, path)}[{number}]", total)
        tally = one.tally
        for action, count in tally.counts.items():
            total.counts[action] += count
        if tally.removed or tally.cleaned:
            total.removed += [path + gone for gone in tally.removed]
            total.cleaned += [path + cleaned for cleaned in tally.cleaned]
