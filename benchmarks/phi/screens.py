"""Ultrasound and captured screens, with lines of the patient's identity drawn into the pixels."""

from __future__ import annotations

import random
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.uid import SecondaryCaptureImageStorage, UltrasoundImageStorage

from benchmarks.phi.common import Study
from benchmarks.phi.implant import Line, Planted
from benchmarks.phi.person import Person

__all__ = ["screen"]

_SIZES: Final = ((480, 640), (600, 800))
_HEIGHTS: Final = (11, 12, 14, 16, 20, 24)
_TRIES: Final = 60
Grey: TypeAlias = NDArray[np.uint8]


def screen(study: Study, syntax: str, name: str, *, ultrasound: bool) -> Planted:
    """A screen with three lines of identity, in one frame; it says that they are there, or says nothing."""
    sop_class = UltrasoundImageStorage if ultrasound else SecondaryCaptureImageStorage
    b = study.builder(name, sop_class, "US" if ultrasound else "OT", study.charset)
    d = b.dataset
    grey, lines = _drawn(study.draw.random, study.person, study.accession)
    b.lines.extend(lines)
    d.Rows, d.Columns = grey.shape
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 8, 8, 7, 0
    d.SamplesPerPixel, d.PhotometricInterpretation, d.ImageType = 1, "MONOCHROME2", ["ORIGINAL", "PRIMARY"]
    d.add_new(0x7FE00010, "OB", grey.tobytes())
    if study.draw.random.random() < 0.5:
        d.BurnedInAnnotation = "YES"
    return b.finish(syntax)


def _drawn(r: random.Random, person: Person, accession: str) -> tuple[Grey, list[Line]]:
    image = Image.fromarray(_scene(r))
    draw = ImageDraw.Draw(image)
    lines: list[Line] = []
    texts = (
        f"{person.family}, {person.given}",
        f"ID {person.number} {accession}",
        f"*{person.born:%d.%m.%Y} F",
    )
    for text in texts:
        font = ImageFont.load_default(r.choice(_HEIGHTS))
        box = _place(r, draw, text, font, lines)
        under = np.asarray(image)[box[1] : box[3], box[0] : box[2]].mean()
        draw.text(
            (box[0], box[1]), text, fill=r.choice((255, 225)) if under < 110 else 0, font=font, anchor="lt"
        )
        lines.append(Line(text, box))
    return np.asarray(image), lines


def _place(
    r: random.Random,
    draw: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    lines: list[Line],
) -> tuple[int, int, int, int]:
    """A box that lies in the image and meets no other."""
    left, top, right, bottom = (int(v) for v in draw.textbbox((0, 0), text, font=font, anchor="lt"))
    for _ in range(_TRIES):
        x = r.randrange(4, draw.im.size[0] - right - 4)
        y = r.randrange(4, draw.im.size[1] - bottom - 4)
        if all(y + bottom + 6 < line.box[1] or line.box[3] + 6 < y for line in lines):
            break
    return x + left, y + top, x + right, y + bottom


def _scene(r: random.Random) -> Grey:
    rows, columns = r.choice(_SIZES)
    noise = np.random.default_rng(r.randrange(2**30))
    y, x = np.mgrid[:rows, :columns]
    if r.random() < 0.5:  # the fan of a probe
        away = np.hypot(y - 20, x - columns / 2)
        fan = (away > 40) & (away < rows * 0.85) & (np.abs(x - columns / 2) < y)
        return np.where(fan, noise.gamma(2, 25, (rows, columns)), 0).clip(0, 255).astype(np.uint8)
    body = ((y / rows - 0.5) * 2.4) ** 2 + ((x / columns - 0.5) * 2.2) ** 2 < 1
    grey: Grey = (noise.normal(12, 4, (rows, columns)) + body * 70).clip(0, 255).astype(np.uint8)
    return grey
