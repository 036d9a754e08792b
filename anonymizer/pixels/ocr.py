"""Looks for text in an image with the detector of PP-OCRv4 (Apache-2.0), carried by rapidocr-onnxruntime.

An extra, not a need of the listener: ``pip install ror-pacs[ocr]``. Only the detector is run, by onnxruntime; where
text is matters here, not what it says, and the package itself, with OpenCV behind it, is not imported. Below the
thresholds of its authors: a mask too many costs less than a name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonymizer.errors import ProfileError
from anonymizer.pixels.areas import Rectangle
from anonymizer.pixels.ends import followed

__all__ = ["SMALLEST_PIXELS", "blobs", "check_text_search", "text_found"]

_MODEL: Final = ("models", "ch_PP-OCRv4_det_infer.onnx")
# The detector wants text of some ten to a hundred pixels, so small images are enlarged; sides are multiples of 32.
_SHORTER_SIDE, _LONGER_SIDE, _STEP = 960, 2560, 32
_PROBABLE, _SURE = 0.2, 0.3
SMALLEST_PIXELS: Final = 12


def text_found(image: NDArray[np.uint8]) -> tuple[Rectangle, ...]:
    """Where text is in an image.

    Parameters
    ----------
    image : uint8, shape (rows, columns, 3)

    Raises
    ------
    ProfileError
        The extra is not installed.
    BurnedInText
        Text was found that has no end, see `ends`.
    """
    fine = max(1.0, _SHORTER_SIDE / min(image.shape[:2]))
    return followed(image, (*_found(image, fine), *_found(image, fine / 2)), _found)


def _found(image: NDArray[np.uint8], scale: float) -> Iterator[Rectangle]:
    """Where text is, looked for at one size; letters half as large are found at twice the scale."""
    picture = Image.fromarray(image)
    columns, rows = picture.size
    scale = min(scale, _LONGER_SIDE / max(picture.size))
    width, height = (max(round(side * scale / _STEP), 1) * _STEP for side in picture.size)
    resized = picture.resize((width, height), Image.Resampling.BILINEAR)
    values = np.asarray(resized, np.float32)[..., ::-1] / 127.5 - 1
    tensor = np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32)
    session = _session()
    likely = session.run(None, {session.get_inputs()[0].name: tensor})[0][0, 0]
    for left, top, right, bottom in blobs(likely):
        # The detector marks the core of a line, about half as high as its letters, and is shy of its ends.
        above, beside = (bottom - top) * 3 // 5 + 2, (bottom - top) * 5 // 2 + 2
        yield Rectangle(
            (left - beside) * columns // width,
            (top - above) * rows // height,
            -(-(right + beside) * columns // width),
            -(-(bottom + above) * rows // height),
        )


def check_text_search() -> None:
    """Raise `ProfileError` where the extra is not installed."""
    _model()


def _model() -> Path:
    package, runtime = find_spec("rapidocr_onnxruntime"), find_spec("onnxruntime")
    if package is None or package.origin is None or runtime is None:
        raise ProfileError(
            "no_text_search", "The search for text is not installed", "Install it: pip install ror-pacs[ocr]"
        )
    return Path(package.origin).parent.joinpath(*_MODEL)


@cache
def _session() -> Any:
    model = _model()
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = (
        1  # the listener takes several objects at once; one core is enough for each
    )
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def blobs(likely: NDArray[np.float32]) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, right and bottom of each connected run of probable pixels that is sure somewhere.

    Rows are cut into runs, and runs that touch one of the row above belong together; there are a few hundred.
    """
    parents: list[int] = []
    boxes: list[list[int]] = []
    above: list[tuple[int, int, int]] = []
    padded = np.pad(likely > _PROBABLE, ((0, 0), (1, 1)))
    edges = np.diff(padded.astype(np.int8), axis=1)
    for y in np.flatnonzero(edges.any(axis=1)):
        starts, ends = np.flatnonzero(edges[y] == 1), np.flatnonzero(edges[y] == -1)
        row = []
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            number = len(parents)
            parents.append(number)
            sure = int(likely[y, start:end].max() > _SURE)
            boxes.append([start, int(y), end, int(y) + 1, sure, end - start])
            for other, left, right in above:
                if left <= end and start <= right and boxes[_root(parents, other)][3] >= y:
                    _join(parents, boxes, _root(parents, other), _root(parents, number))
            row.append((number, start, end))
        above = row
    for number, (left, top, right, bottom, sure, size) in enumerate(boxes):
        if parents[number] == number and sure and size >= SMALLEST_PIXELS:
            yield left, top, right, bottom


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        number = parents[number]
    return number


def _join(parents: list[int], boxes: list[list[int]], one: int, other: int) -> None:
    if one == other:
        return
    parents[other] = one
    a, b = boxes[one], boxes[other]
    boxes[one] = [
        min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]), a[4] | b[4], a[5] + b[5]
    ]  # fmt: skip
