"""The pictures that we write as SVG, in dots: for pages and programs that show no SVG.

It knows the elements that `plot` writes, and no others.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Final
from xml.etree.ElementTree import Element, fromstring

from PIL import Image, ImageColor, ImageDraw, ImageFont

from ror.results.letters import BOLD_FILE, FONT_FILE, legible

__all__ = ["rasterized"]

_DOTS: Final = 2  # for a unit of the picture, so that letters are sharp on paper too
_FINER: Final = 2  # drawn finer, and made smaller again, for even edges
_SVG: Final = "{http://www.w3.org/2000/svg}"
_ANCHORS: Final = {"start": "ls", "middle": "ms", "end": "rs"}
_MOVED = re.compile(r"translate\(([-\d.]+) ([-\d.]+)\)")


def rasterized(svg: str) -> bytes:
    """The picture as a PNG, with two dots for each of its units."""
    root = fromstring(svg)
    size = int(root.attrib["width"]), int(root.attrib["height"])
    picture = Image.new("RGB", (size[0] * _DOTS * _FINER, size[1] * _DOTS * _FINER), "#ffffff")
    _Pen(picture, root).draw(root, (0.0, 0.0))
    file = BytesIO()
    picture.resize((size[0] * _DOTS, size[1] * _DOTS), Image.Resampling.LANCZOS).save(file, "PNG")
    return file.getvalue()


class _Pen:
    """Draws elements, in units of the picture; letters are those of the root where they do not say otherwise."""

    def __init__(self, picture: Image.Image, root: Element) -> None:
        self._picture = picture
        self._draw = ImageDraw.Draw(picture, "RGBA")
        self._root = root.attrib

    def draw(self, parent: Element, origin: tuple[float, float]) -> None:
        for element in parent:
            x, y = origin
            match element.tag.removeprefix(_SVG), element.attrib:
                case "g", {"transform": where}:
                    dx, dy = _moved(where)
                    self.draw(element, (x + dx, y + dy))
                case "rect", {"width": width, "height": height, **rest}:
                    left, top = x + float(rest.get("x", 0)), y + float(rest.get("y", 0))
                    box = _scaled(left, top, left + float(width), top + float(height))
                    stroke = rest.get("stroke")
                    self._draw.rectangle(box, rest["fill"], stroke, _dots(1) if stroke else 0)
                case "line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "stroke": stroke, **rest}:
                    ends = _scaled(x + float(x1), y + float(y1), x + float(x2), y + float(y2))
                    self._draw.line(ends, stroke, _dots(float(rest.get("stroke-width", 1))))
                case "circle", {"cx": cx, "cy": cy, "r": r, "fill": fill, **rest}:
                    cx_, cy_, r_ = x + float(cx), y + float(cy), float(r)
                    box = _scaled(cx_ - r_, cy_ - r_, cx_ + r_, cy_ + r_)
                    alpha = round(255 * float(rest.get("fill-opacity", 1)))
                    self._draw.ellipse(box, (*ImageColor.getrgb(fill)[:3], alpha))
                case "text", said:
                    self._write(legible(element.text or ""), said, origin)
                case other, _:
                    raise AssertionError(f"{other} is not drawn")

    def _write(self, text: str, said: dict[str, str], origin: tuple[float, float]) -> None:
        dx, dy = _moved(said["transform"]) if "transform" in said else (float(said["x"]), float(said["y"]))
        x, y = (round(one * _DOTS * _FINER) for one in (origin[0] + dx, origin[1] + dy))
        size = float(said.get("font-size", self._root["font-size"]))
        font = ImageFont.truetype(BOLD_FILE if "font-weight" in said else FONT_FILE, _dots(size))
        anchor, ink = _ANCHORS[said.get("text-anchor", "start")], self._root["fill"]
        if "rotate(-90)" not in said.get("transform", ""):
            self._draw.text((x, y), text, ink, font, anchor)
            return
        # Upwards, with its middle where it says.
        wide, high = round(font.getlength(text)) + 2, sum(font.getmetrics())
        across = Image.new("L", (wide, high))
        ImageDraw.Draw(across).text((wide / 2, font.getmetrics()[0]), text, 255, font, "ms")
        upwards = across.transpose(Image.Transpose.ROTATE_90)
        self._picture.paste(ink, (x - font.getmetrics()[0], y - wide // 2), upwards)


def _moved(transform: str) -> tuple[float, float]:
    found = _MOVED.match(transform)
    assert found is not None
    return float(found[1]), float(found[2])


def _dots(units: float) -> int:
    return round(units * _DOTS * _FINER)


def _scaled(*units: float) -> tuple[float, ...]:
    return tuple(one * _DOTS * _FINER for one in units)
