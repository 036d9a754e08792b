"""A data set as the bytes of its elements, with what is known of them whoever's they are.

A `Piece` is one element. A `Run` is a stretch of neighbours that came as they are in the objects before: whoever looks
at a run has looked at each of its pieces. Both are a `Part` of a data set, and are equal to themselves only; so what
was made of one is looked up by the part itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, TypeAlias

from anonymizer.stored import Value
from anonymizer.wire import Element, Encoding, read

__all__ = ["NO_UIDS", "REMEMBERED_BYTES", "NotSure", "Part", "Piece", "PieceItems", "Run", "in_runs"]

NO_UIDS: Final[frozenset[str]] = frozenset()
# Longer ones do not come twice as a rule, and would fill the memory.
REMEMBERED_BYTES: Final = 64 * 1024


class NotSure(Exception):
    """The data set is not plain enough to be taken apart quickly; nothing is said about whether it is right."""


class Piece:
    """The bytes of one element with its head.

    Attributes
    ----------
    tags
        Its tag, as of a part.
    raw
        Head and value as encoded, with delimiters.
    items
        The items of a sequence, if each of its elements can be treated alone; None for anything else.
    speaks
        Whether it says who the object is of or of which kind: how all others are treated depends on it.
    uids
        UIDs in it, at any depth, that the standard did not define.
    size_of_head
        How many bytes of `raw` come before a plain value; 0 where the element has to be read.
    content
        For `anonymizer.content`, which keeps here what it made of it.
    """

    __slots__ = (
        "_element",
        "_encoding",
        "content",
        "items",
        "raw",
        "size_of_head",
        "speaks",
        "tag",
        "tags",
        "uids",
        "vr",
    )

    def __init__(self, tag: int, vr: str, raw: bytes, encoding: Encoding, size_of_head: int) -> None:
        self.tag = tag
        self.tags = (tag,)
        self.vr = vr
        self.raw = raw
        self.items: PieceItems | None = None
        self.speaks = False
        self.uids = NO_UIDS
        self.content: tuple[int, bytes] | None = None
        self._encoding = encoding
        self.size_of_head = size_of_head
        self._element: Element | None = None

    @property
    def element(self) -> Element:
        """The element as `wire.read` reads it."""
        if self._element is None:
            if self.size_of_head:
                self._element = Element(self.tag, self.vr, self.raw[self.size_of_head :])
            else:
                (self._element,) = read(self.raw, self._encoding)
        return self._element

    @property
    def value(self) -> Value:
        """The value of the element, which need not be made for it."""
        return self.raw[self.size_of_head :] if self.size_of_head else self.element.value

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """As a part of a data set it is all there is."""
        return (self,)

    @property
    def speaking(self) -> tuple[Piece, ...]:
        """Itself if it speaks, as of a part."""
        return (self,) if self.speaks else ()

    def __repr__(self) -> str:
        return f"Piece({self.tag:08X})"


PieceItems: TypeAlias = tuple[tuple[Piece, ...], ...]


class Run:
    """Neighbouring pieces, two at least; what is said of all of them is said at once.

    Attributes
    ----------
    pieces, tags
        In ascending order.
    speaking
        The pieces among them that speak.
    raw, uids, content
        Those of all pieces together.
    """

    __slots__ = ("content", "pieces", "raw", "speaking", "speaks", "tag", "tags", "uids")

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self.pieces = pieces
        self.raw = b"".join([piece.raw for piece in pieces])
        self.tags = tuple([piece.tag for piece in pieces])
        self.tag = self.tags[0]
        self.speaking = tuple([piece for piece in pieces if piece.speaks])
        self.speaks = bool(self.speaking)
        self.uids = NO_UIDS.union(*(piece.uids for piece in pieces if piece.uids))
        self.content: tuple[int, bytes] | None = None

    def __repr__(self) -> str:
        return f"Run({self.tags[0]:08X} to {self.tags[-1]:08X})"


Part: TypeAlias = Piece | Run


def in_runs(pieces: Iterable[Piece]) -> Iterator[Part]:
    """Neighbours put together, but for those that are so long that they would be in memory twice."""
    for is_long, stretch in groupby(pieces, _is_long):
        together = tuple(stretch)
        if is_long or len(together) == 1:
            yield from together
        else:
            yield Run(together)


def _is_long(piece: Piece) -> bool:
    return len(piece.raw) > REMEMBERED_BYTES
