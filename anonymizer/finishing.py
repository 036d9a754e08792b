"""The parts of one case, finished: each is treated, searched and written once, and remembered."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from anonymizer.actions import Action, Rule
from anonymizer.case import Case
from anonymizer.engine import Tally
from anonymizer.finished import Finished, Tallies
from anonymizer.heads import SHORT_HEAD
from anonymizer.markers import CONTRIBUTING, REQUIRED_EMPTY, contributed
from anonymizer.options import Option
from anonymizer.origin import Origin
from anonymizer.pieces import NO_UIDS, REMEMBERED_BYTES, NotSure, Part, Piece, PieceItems, Run
from anonymizer.residual import Residual, may_have_uids, uids_in, uids_of
from anonymizer.shortcuts import TALLIES, Shortcut, Way, shortcuts, ways_of
from anonymizer.stored import Value
from anonymizer.unknown import recognised, recognised_element
from anonymizer.wire import Element, Encoding, encoded, read, tag_path, write, write_head, write_items

__all__ = ["Finisher"]

# Referenced Content Item Identifier, as it is encoded in little endian.
_POSITION: Final = b"\x40\x00\x73\xdb"
_KEPT: Final = TALLIES[Action.KEEP]
_NOTHING: Final = Tally()
# What differs in each object, as positions do, would pile up; so after so many bytes all begins anew.
_MEMORY_BYTES: Final = 4 * 1024 * 1024
_BYTES_PER_ENTRY: Final = 500


class Finisher:
    """Finishes the parts of one case.

    Attributes
    ----------
    fixed
        What every object of the case gets whatever it said, or where it says nothing; written, by tag.
    origins
        Whose its objects are, by their Series Instance UID.
    """

    def __init__(self, case: Case, encoding: Encoding, *, verify: bool) -> None:
        self.case = case
        self.origins: dict[Piece | None, Origin] = {}
        self._encoding = encoding
        self._digest = case.engine.plan.profile.digest
        self.fixed = {
            tag: encoded((element,), encoding) for tag, element in (REQUIRED_EMPTY | dict(case.own)).items()
        }
        self.fixed[CONTRIBUTING] = encoded(contributed((), self._digest), encoding)
        # UIDs are compared object by object, for each has its own.
        self._residual = Residual.of(case.identity, case.identity.uids) if verify else None
        # What came out: by the sequence that it lies in, 0 at the top, and by the part.
        self._known: dict[int, dict[Part, Finished]] = {}
        self._bytes = 0
        self._ways = ways_of(case.engine.plan)
        self._shortcuts = shortcuts(case.engine, self._residual)
        # The tags of the object before, mostly those of the next one too; and where which of `fixed` go among them.
        self._tags: list[tuple[int, ...]] | None = None
        self._missing: Sequence[tuple[int, bytes]] = ()
        self._scratch = Tally()
        self._retains_private = case.engine.plan.profile.has(Option.RETAIN_SAFE_PRIVATE)

    def finish(self, parts: Sequence[Part]) -> Finished:
        """What comes out for the elements before the pixel data, with what is `fixed` and did not come among them.

        Raises
        ------
        ResidualIdentity
            As `Residual.check` does.
        NotSure
            What must become of one of them depends on others.
        """
        if self._bytes > _MEMORY_BYTES:
            self._forget()
        if self._retains_private:
            parts = [piece for part in parts for piece in part.pieces]
        done = self._finish_each(parts)
        tags = [part.tags for part in parts]
        if tags != self._tags:
            self._missing, self._tags = list(self._between(tags)), tags
        return _group(done, self._missing)

    def finish_rest(self, parts: Sequence[Part]) -> Finished:
        """What comes out for the elements behind the pixel data; raises as `finish` does."""
        return _group(self._finish_each(parts), ())

    def pixels(self, element: Element) -> tuple[Finished, list[Value]]:
        """Finish the pixel data, which is not looked into; what was done, and what comes out in chunks."""
        rule = self.case.engine.plan.rule(element.tag)
        action, done = self.case.engine.treat_one(element, self.case.charsets, rule)
        if done is None:
            return _removed(element.tag), []
        return Finished(b"", NO_UIDS, TALLIES[action]), write((done,), self._encoding)

    def _forget(self) -> None:
        self._known.clear()
        self.origins.clear()
        self._bytes = 0

    def _finish_each(self, parts: Sequence[Part]) -> list[Finished]:
        if self.case.engine.plan.content is not None and any(_POSITION in part.raw for part in parts):
            raise NotSure  # an item of a report refers to another, maybe, and neither may go (`structured`)
        known = self._known.setdefault(0, {})
        apart = self._finish_private(parts) if self._retains_private else {}
        return [known.get(part) or apart.get(part) or self._finish_part(part) for part in parts]

    def _finish_private(self, parts: Iterable[Part]) -> Mapping[Part, Finished]:
        """Private elements, which are known by who reserved their block, and so only together."""
        private = [piece for part in parts for piece in part.pieces if piece.tag >> 16 & 1]
        elements = recognised(tuple([piece.element for piece in private]), self._encoding)
        self.case.engine.tally = Tally()
        kept = {element.tag: (element,) for element in self.case.engine.apply(elements, self.case.charsets)}
        return {
            piece: self._checked(piece, kept[piece.tag], TALLIES[Action.PRIVATE])
            if piece.tag in kept
            else _removed(piece.tag)
            for piece in private
        }

    def _between(self, tags: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, bytes]]:
        """Where which of `fixed` go that belong between parts of these tags, the last one first."""
        firsts = [of_part[0] for of_part in tags]
        for tag in sorted(self.fixed, reverse=True):
            index = bisect_right(firsts, tag)
            if not index or tag > tags[index - 1][-1]:
                yield index, self.fixed[tag]

    def _finish_part(self, part: Part) -> Finished:
        if isinstance(part, Run):
            done = self._finish_run(part)
        elif part.tag in self.fixed:
            done = self._finish_fixed(part)
        else:
            return self._finish_piece(part, 0)
        self._remember(0, part, done)
        return done

    def _finish_run(self, run: Run) -> Finished:
        """The pieces of a run together, and between them what is `fixed` and did not come."""
        inside = [
            (at, raw) for at, raw in self._between([(tag,) for tag in run.tags]) if 0 < at < len(run.tags)
        ]
        return _group(self._finish_each(run.pieces), inside)

    def _remember(self, parent: int, part: Part, done: Finished) -> None:
        if self._bytes <= _MEMORY_BYTES and len(part.raw) <= REMEMBERED_BYTES:
            self._known[parent][part] = done
            self._bytes += len(part.raw) + len(done.raw) + _BYTES_PER_ENTRY

    def _finish_fixed(self, piece: Piece) -> Finished:
        done = self._finish(piece, 0)
        if piece.tag in self.case.own or not done.raw:
            # What stands there in the end says nothing that the object said.
            return Finished(self.fixed[piece.tag], NO_UIDS, done.done)
        if piece.tag == CONTRIBUTING:
            raw = encoded(contributed(read(done.raw, self._encoding), self._digest), self._encoding)
            return Finished(raw, done.left, done.done)
        return done

    def _finish_piece(self, piece: Piece, parent: int) -> Finished:
        """Finish a piece that lies in the sequence `parent`, or at the top and is not `fixed`."""
        way = self._ways[parent, piece.tag, piece.vr]
        if way.is_removed:
            return _removed(piece.tag)  # and nothing to remember
        done = None
        if piece.size_of_head == SHORT_HEAD:
            if way.shortcut:
                done = self._finish_shortly(piece, way, self._shortcuts[way.shortcut])
        elif way.is_sequence and piece.items is not None and self._can_be_opened(piece.items):
            done = self._finish_sequence(piece, piece.items)
        if done is None:
            done = self._finish(piece, parent)
        self._remember(parent, piece, done)
        return done

    def _finish(self, piece: Piece, parent: int) -> Finished:
        """Finish a piece thoroughly."""
        way = self._ways[parent, piece.tag, piece.vr]
        if way.is_removed:
            return _removed(piece.tag)
        if way.is_sequence and piece.items is not None and self._can_be_opened(piece.items):
            return self._finish_sequence(piece, piece.items)
        element = recognised_element(piece.element, self._encoding)
        if element.items is None:
            return self._finish_value(piece, element, way.rule, parent)
        engine = self.case.engine
        engine.tally = tally = Tally()
        return self._checked(
            piece, engine.apply((element,), self.case.charsets, parent=parent), tally, parent
        )

    def _finish_shortly(self, piece: Piece, way: Way, shortcut: Shortcut) -> Finished | None:
        came = piece.raw[SHORT_HEAD:]
        value = shortcut(came)
        if value is None:
            return None
        raw = piece.raw
        if value is not came:
            head = raw[:SHORT_HEAD]
            if len(value) != len(came):
                head = write_head(piece.tag, piece.vr, len(value), self._encoding)
            raw = head + value
        left = frozenset(uids_of(value)) if piece.vr == "UI" else NO_UIDS
        return Finished(raw, left, way.done)

    def _finish_value(self, piece: Piece, element: Element, rule: Rule, parent: int) -> Finished:
        """What is no sequence; most of it stays, or goes, and so is told alike."""
        engine, charsets = self.case.engine, self.case.charsets
        engine.tally = self._scratch
        action, done = engine.treat_one(element, charsets, rule)
        tally = TALLIES[action]
        if self._scratch.cleaned or self._scratch.kept_uids:  # there is more to tell than the action
            tally, self._scratch = self._scratch, Tally()
            tally.counts[action] += 1
            tally.removed += [] if done else [tag_path(piece.tag)]
        elif done is None:
            return _removed(piece.tag)
        if done is None:
            return Finished(b"", NO_UIDS, tally)
        is_own = not parent and piece.tag in self.case.own
        if self._residual is not None and not is_own and self._residual.identifies(done, charsets):
            self._residual.check((done,), charsets, frozenset())
        left = uids_in((done,), charsets) - tally.kept_uids if may_have_uids(done) else NO_UIDS
        if done is element and piece.size_of_head == SHORT_HEAD:
            return Finished(piece.raw, left, tally)
        head = write_head(done.tag, done.vr, len(done.value), self._encoding)
        return Finished(head + bytes(done.value), left, tally)

    def _checked(self, piece: Piece, done: Sequence[Element], tally: Tally, parent: int = 0) -> Finished:
        charsets = self.case.charsets
        if self._residual is not None and (parent or piece.tag not in self.case.own):
            self._residual.check(done, charsets, frozenset())
        left = uids_in(done, charsets) - tally.kept_uids
        return Finished(encoded(done, self._encoding), left, tally)

    def _can_be_opened(self, items: PieceItems) -> bool:
        """Whether the elements of a sequence can be treated one by one."""
        return not (self._retains_private and any(one.tag >> 16 & 1 for item in items for one in item))

    def _finish_sequence(self, piece: Piece, items: PieceItems) -> Finished:
        parent = piece.tag
        known = self._known.setdefault(parent, {})
        raws, tallies, left = [], [], list[frozenset[str]]()
        for item in items:
            done = [known.get(one) or self._finish_piece(one, parent) for one in item]
            raws.append(b"".join([one.raw for one in done]))
            tallies.append(tuple([one.done for one in done]))
            left += [one.left for one in done if one.left]
        value = write_items(raws, self._encoding)
        head = write_head(parent, "SQ", len(value), self._encoding)
        return Finished(head + value, NO_UIDS.union(*left), Tallies(_KEPT, parent, tallies))


def _group(done: Sequence[Finished], missing: Iterable[tuple[int, bytes]]) -> Finished:
    """What came out for neighbours together, with what is missing among them; the last of it comes first."""
    raws = [one.raw for one in done]
    for at, raw in missing:
        raws.insert(at, raw)
    left = NO_UIDS.union(*[one.left for one in done if one.left])
    return Finished(b"".join(raws), left, Tallies(_NOTHING, 0, (tuple([one.done for one in done]),)))


@lru_cache(maxsize=8192)
def _removed(tag: int) -> Finished:
    return Finished(b"", NO_UIDS, Tally(Counter({Action.REMOVE: 1}), [tag_path(tag)]))
