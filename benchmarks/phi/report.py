"""The tables of the report: for people in Markdown, for machines as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from benchmarks.phi.burned_in import LinesScore
from benchmarks.phi.interval import wilson
from benchmarks.phi.score import Score, Tally

__all__ = ["as_json", "as_markdown"]

_HEAD: Final = (
    "| {0} | had to go | gone | recall | 95 % interval | kept as an option says | lost against it | in refused objects "
    "| not promised |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def as_markdown(scores: Mapping[str, Score], lines: LinesScore | None, seeds: int) -> str:
    """The report of some profiles, each over the corpora of so many seeds."""
    parts = [f"# Planted identity, {seeds} corpora\n"]
    for name, score in scores.items():
        parts.append(f"## Under {name}\n")
        parts += _tables(score)
        parts += [_left_over(score), ""]
    parts += ["## Text in pixels\n", *_lines(lines)]
    return "\n".join(parts) + "\n"


def _tables(score: Score) -> Iterator[str]:
    for title, tallies in (("what", score.categories), ("where", score.places)):
        yield _HEAD.format(title)
        yield from (_row(name, tally) for name, tally in sorted(tallies.items()))
        if title == "what":
            yield _row("**all**", _sum(tallies.values()))
        yield ""


def _row(name: str, tally: Tally) -> str:
    asked = tally.gone + tally.left
    low, high = wilson(tally.gone, asked)
    recall, interval = (f"{tally.gone / asked:.1%}", f"{low:.1%} – {high:.1%}") if asked else ("", "")
    cells = (name, asked, tally.gone, recall, interval, tally.kept, tally.lost, tally.refused, tally.open)
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        for name in Tally.__dataclass_fields__:
            setattr(total, name, getattr(total, name) + getattr(tally, name))
    return total


def _left_over(score: Score) -> str:
    kinds: dict[str, set[str]] = {}
    for name, reason in score.refusals:
        kinds.setdefault(reason, set()).add(name)
    refusals = "; ".join(f"{reason} ({', '.join(sorted(names))})" for reason, names in sorted(kinds.items()))
    leaks = sorted({f"{name}: {one.place} {one.path}, {one.category}" for name, one in score.leaks})
    told = [
        f"Objects: {score.objects}, of which {score.refusals.total()} were refused: {refusals or 'none'}.",
        f"What says nothing of anybody: {score.keepers} values, {len(score.keepers_lost)} lost"
        + _listed(f"{name}: {keeper.path}" for name, keeper in score.keepers_lost),
        f"Left against the standard: {len(score.leaks)}" + _listed(leaks),
        f"Links: {len(score.links.uids)} UIDs, {len(score.links.patients)} patients, "
        f"{'all hold' if not score.links.broken else ', '.join(score.links.broken)}.",
    ]
    return "\n".join(f"- {line}" for line in told)


def _listed(what: Iterable[str]) -> str:
    found = sorted(set(what))
    return f" ({'; '.join(found)})." if found else "."


def _lines(lines: LinesScore | None) -> list[str]:
    if lines is None:
        return ["**Not measured: the search for text is not installed (`make ocr`).**"]
    low, high = wilson(lines.hidden, lines.lines)
    share = sum(lines.shares) / max(1, len(lines.shares))
    refused = ", ".join(f"{count} × {reason}" for reason, count in sorted(lines.refusals.items())) or "none"
    return [
        f"{lines.images} screens, refused: {refused}. Of {lines.lines} lines {lines.hidden} were hidden to nine "
        f"tenths or more: {lines.hidden / max(1, lines.lines):.1%} ({low:.1%} – {high:.1%}). "
        f"Of all pixels {share:.1%} changed."
    ]


def as_json(scores: Mapping[str, Score], lines: LinesScore | None, seeds: int) -> dict[str, object]:
    """The same for machines; never a pattern, only paths."""
    return {
        "corpora": seeds,
        "profiles": {name: _json(score) for name, score in scores.items()},
        "text_in_pixels": None
        if lines is None
        else {
            "images": lines.images,
            "refused": dict(lines.refusals),
            "lines": lines.lines,
            "hidden": lines.hidden,
            "interval": wilson(lines.hidden, lines.lines),
        },
    }


def _json(score: Score) -> dict[str, object]:
    total = _sum(score.categories.values())
    return {
        "objects": score.objects,
        "refused": [[name, reason, count] for (name, reason), count in sorted(score.refusals.items())],
        "gone": total.gone,
        "left": total.left,
        "interval": wilson(total.gone, total.gone + total.left),
        "categories": {name: _counts(tally) for name, tally in sorted(score.categories.items())},
        "places": {name: _counts(tally) for name, tally in sorted(score.places.items())},
        "leaks": [[name, one.path, one.place, one.category] for name, one in score.leaks],
        "lost": [[name, one.path] for name, one in score.lost],
        "keepers": score.keepers,
        "keepers_lost": [[name, keeper.path] for name, keeper in score.keepers_lost],
        "links_broken": score.links.broken,
    }


def _counts(tally: Tally) -> dict[str, int]:
    return {name: getattr(tally, name) for name in Tally.__dataclass_fields__}
