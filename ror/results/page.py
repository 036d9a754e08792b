"""One page that says what ran, on what, and what it found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from threading import Lock

from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from containers import Segment
from ror.results.contours import outlines
from ror.results.letters import BOLD, REGULAR, legible
from ror.results.pictures import color_of
from ror.results.planes import PlaneView

__all__ = ["Page", "draw_page"]

# Fonts are shared by all pages of a process, and remember where in their file they are while a page is saved.
_ONE_AT_A_TIME = Lock()

WIDTH: float = A4[0]
HEIGHT: float = A4[1]
MARGIN: float = 18 * mm
PICTURES_HEIGHT: float = 62 * mm
LINE: float = 4.2 * mm
SMALL, NORMAL, LARGE = 7.0, 8.0, 15.0
# Of each there is room for so many; the rest is counted.
MOST_FACTS = 12
MOST_SEGMENTS = 24


@dataclass(frozen=True, slots=True)
class Page:
    """The words of a page.

    Attributes
    ----------
    facts
        Two columns: what ran and on what.
    found
        Three columns: measurement, value with unit, of which segment.
    segments
        Those that the pictures show, for their colours.
    limits
        What the reader must know before he believes any of it.
    """

    title: str
    warning: str
    facts: Sequence[tuple[str, str]]
    found: Sequence[tuple[str, str, str]]
    segments: Sequence[Segment]
    limits: Sequence[str]


def draw_page(page: Page, planes: Sequence[PlaneView]) -> bytes:
    """A page of A4 as PDF; the same bytes for the same page. Fonts are embedded, outlines are lines."""
    with _ONE_AT_A_TIME:
        buffer = BytesIO()
        canvas = Canvas(buffer, pagesize=A4, invariant=1, pageCompression=1)
        canvas.setTitle(page.title)
        top = _head(canvas, page)
        if planes:
            top = _pictures(canvas, planes, page.segments, top)
        _found(canvas, page.found, top, MARGIN + (len(page.limits) + 1) * LINE)
        _limits(canvas, page.limits)
        canvas.showPage()
        canvas.save()
        return buffer.getvalue()


def _head(canvas: Canvas, page: Page) -> float:
    top = HEIGHT - MARGIN
    _write(canvas, MARGIN, top, page.title, LARGE, BOLD)
    canvas.setFillColorRGB(0.7, 0.1, 0.1)
    _write(canvas, MARGIN, top - 1.6 * LINE, page.warning, NORMAL, BOLD)
    canvas.setFillColorRGB(0, 0, 0)
    top -= 3.2 * LINE
    for name, value in page.facts[:MOST_FACTS]:
        _write(canvas, MARGIN, top, name, SMALL, BOLD)
        _write(canvas, MARGIN + 32 * mm, top, value, SMALL)
        top -= LINE
    return top - LINE


def _pictures(canvas: Canvas, planes: Sequence[PlaneView], segments: Sequence[Segment], top: float) -> float:
    """Side by side at one scale, in millimetres of the patient; a legend below."""
    gap = 3 * mm
    wide = sum(plane.labels.shape[1] * plane.column_mm for plane in planes)
    high = max(plane.labels.shape[0] * plane.row_mm for plane in planes)
    scale = min((WIDTH - 2 * MARGIN - gap * (len(planes) - 1)) / wide, PICTURES_HEIGHT / high)
    left = MARGIN
    for plane in planes:
        _plane(canvas, plane, segments, left, top, scale)
        left += plane.labels.shape[1] * plane.column_mm * scale + gap
    top -= high * scale + 2.2 * LINE
    left = MARGIN
    for segment in segments[:MOST_SEGMENTS]:
        label = legible(segment.label, segment.type.meaning)
        width = pdfmetrics.stringWidth(label, REGULAR, SMALL) + 8 * mm
        if left + width > WIDTH - MARGIN:
            left, top = MARGIN, top - LINE
        canvas.setFillColorRGB(*(part / 255 for part in color_of(segment)))
        canvas.rect(left, top, 3 * mm, 2 * mm, stroke=0, fill=1)
        canvas.setFillColorRGB(0, 0, 0)
        _write(canvas, left + 4 * mm, top, label, SMALL)
        left += width
    if len(segments) > MOST_SEGMENTS:
        top -= LINE
        _write(canvas, MARGIN, top, f"and {len(segments) - MOST_SEGMENTS} more", SMALL)
    return top - 2 * LINE


def _plane(
    canvas: Canvas, plane: PlaneView, segments: Iterable[Segment], left: float, top: float, scale: float
) -> None:
    rows, columns = plane.labels.shape
    across, down = plane.column_mm * scale, plane.row_mm * scale
    picture = ImageReader(Image.fromarray(plane.grey.copy()))
    canvas.drawImage(picture, left, top - rows * down, columns * across, rows * down)
    canvas.setLineWidth(0.6)
    for segment in segments:
        canvas.setStrokeColorRGB(*(part / 255 for part in color_of(segment)))
        for outline in outlines(plane.labels == segment.value):
            path = canvas.beginPath()
            (x, y), *others = outline.points.tolist()
            path.moveTo(left + x * across, top - y * down)
            for x, y in others:
                path.lineTo(left + x * across, top - y * down)
            path.close()
            canvas.drawPath(path)
    words = f"{plane.name}, {plane.left} on the left, {plane.top} on top"
    _write(canvas, left, top - rows * down - 0.8 * LINE, words, SMALL)


def _found(canvas: Canvas, rows: Sequence[tuple[str, str, str]], top: float, bottom: float) -> None:
    _write(canvas, MARGIN, top, "What was found", NORMAL, BOLD)
    top -= 1.2 * LINE
    shown = max(0, int((top - bottom) / LINE) - 1)
    for what, value, where in rows[:shown]:
        _write(canvas, MARGIN, top, what, SMALL)
        canvas.setFont(REGULAR, SMALL)
        canvas.drawRightString(MARGIN + 112 * mm, top, value)
        _write(canvas, MARGIN + 118 * mm, top, where, SMALL)
        top -= LINE
    if len(rows) > shown:
        _write(canvas, MARGIN, top, f"and {len(rows) - shown} more, in the structured report", SMALL)


def _limits(canvas: Canvas, limits: Sequence[str]) -> None:
    for number, line in enumerate(reversed(limits)):
        _write(canvas, MARGIN, MARGIN + number * LINE, line, SMALL)


def _write(canvas: Canvas, left: float, top: float, words: str, size: float, font: str = REGULAR) -> None:
    """What is too long for the page ends in three dots."""
    room = WIDTH - MARGIN - left
    if pdfmetrics.stringWidth(words, font, size) > room:
        while words and pdfmetrics.stringWidth(f"{words}…", font, size) > room:
            words = words[:-1]
        words += "…"
    canvas.setFont(font, size)
    canvas.drawString(left, top, words)
