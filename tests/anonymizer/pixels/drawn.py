"""Images with a name drawn into them, as devices do it."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

from anonymizer import IdentifiedInstance
from anonymizer.markers import file_meta
from anonymizer.wire import write

NAME = "DOE^JANE 4711"
ROWS, COLUMNS, BANNER = 96, 128, 24


def drawn(frames: int = 1, *, colour: bool = False) -> NDArray[np.uint8]:
    """Speckled frames below a banner with a name, shape (frames, rows, columns[, 3])."""
    noise = np.random.default_rng(7).gamma(2, 25, (frames, ROWS, COLUMNS, 3)).clip(0, 255).astype(np.uint8)
    noise[:, :BANNER] = 0
    for frame in range(frames):
        image = Image.fromarray(noise[frame])
        ImageDraw.Draw(image).text((4, 4), NAME, fill=(255, 255, 200), font=ImageFont.load_default(12))
        noise[frame] = np.asarray(image)
    return noise if colour else noise[..., 0]


def ultrasound(pixels: NDArray[np.integer], **attributes: object) -> Dataset:
    """An ultrasound cine of somebody, whose device declares one region, below the banner."""
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID = UltrasoundMultiFrameImageStorage, "1.3.6.1.4.1.99999.77.4.1"
    d.StudyInstanceUID, d.SeriesInstanceUID = "1.3.6.1.4.1.99999.77.2.1", "1.3.6.1.4.1.99999.77.3.1"
    d.PatientID, d.PatientName, d.Modality = "4711", "DOE^JANE", "US"
    d.ImageType = ["ORIGINAL", "PRIMARY"]
    d.NumberOfFrames, d.Rows, d.Columns = pixels.shape[:3]
    d.SamplesPerPixel = 3 if pixels.ndim == 4 else 1
    d.PhotometricInterpretation = "RGB" if pixels.ndim == 4 else "MONOCHROME2"
    if pixels.ndim == 4:
        d.PlanarConfiguration = 0
    bits = pixels.dtype.itemsize * 8
    d.BitsAllocated, d.BitsStored, d.HighBit = bits, bits, bits - 1
    d.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    d.PixelData = pixels.tobytes()
    d["PixelData"].VR = "OB" if bits == 8 else "OW"
    d.SequenceOfUltrasoundRegions = Sequence([region(0, BANNER, COLUMNS - 1, ROWS - 1)])
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    return d


def region(left: int, top: int, right: int, bottom: int, kind: int = 1) -> Dataset:
    """A region of ultrasound; its corners are its own pixels."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = kind, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    return item


def part10(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A file of a data set whose pixels are encoded for `syntax` already."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        dataset.SOPClassUID,
        dataset.SOPInstanceUID,
    )
    meta.TransferSyntaxUID = syntax
    dataset.file_meta = meta
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def compressed(dataset: Dataset, syntax: str) -> bytes:
    """A file of a data set, compressed by pydicom's encoders."""
    copy = dcmread(BytesIO(part10(dataset)))
    copy.compress(syntax, generate_instance_uid=False)
    buffer = BytesIO()
    copy.save_as(buffer)
    return buffer.getvalue()


def by_dcmtk(dataset: Dataset, folder: Path, *options: str) -> bytes:
    """A file of a data set, compressed by dcmtk's dcmcjpeg."""
    if not Path("/usr/bin/dcmcjpeg").exists():
        pytest.skip("dcmtk is not installed (Debian package dcmtk)")
    source, target = folder / "in.dcm", folder / "jpeg.dcm"
    source.write_bytes(part10(dataset))
    run(["/usr/bin/dcmcjpeg", *options, "+un", source, target], check=True)
    return target.read_bytes()


def instance(data: bytes) -> IdentifiedInstance:
    return IdentifiedInstance.from_part10(data)


def file_of(one: IdentifiedInstance) -> bytes:
    """A masked object as a file, before the rest of its identity is taken out."""
    head = file_meta(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax_uid)
    return head + b"".join(write(one.elements, one.encoding))


def read(one: IdentifiedInstance) -> Dataset:
    return dcmread(BytesIO(file_of(one)))


def stack(dataset: Dataset) -> NDArray[np.integer]:
    """All frames as RGB or grey, shape (frames, rows, columns[, 3])."""
    pixels: NDArray[np.integer] = dataset.pixel_array
    return pixels if int(dataset.get("NumberOfFrames", 1)) > 1 else pixels[None]


def scribbled(seed: int) -> tuple[NDArray[np.uint8], list[tuple[int, int, int, int]]]:
    """A made screen, three lines of identity in random places, size and brightness; and the lines' boxes."""
    r = random.Random(seed)
    image = Image.fromarray(_background(r)).convert("RGB")
    draw, boxes = ImageDraw.Draw(image), []
    for _ in range(3):
        font = ImageFont.load_default(r.choice([11, 12, 14, 16, 20, 24]))
        text = r.choice(
            [
                f"{r.choice(_LAST)}^{r.choice(_FIRST)}",
                f"{r.choice(_LAST)}, {r.choice(_FIRST)}".upper(),
                f"ID: {r.randrange(10**6, 10**8)}",
                f"{r.randrange(1, 29):02d}.{r.randrange(1, 13):02d}.{r.randrange(1930, 2020)}  {r.choice('MF')}",
            ]
        )
        for _ in range(40):
            width = round(draw.textlength(text, font=font))
            x, y = r.randrange(4, image.width - width - 6), r.randrange(4, image.height - 34)
            box = draw.textbbox((x, y), text, font=font)
            if all(box[3] + 6 < b[1] or b[3] + 6 < box[1] for b in boxes):
                break
        else:
            continue
        left, top, right, bottom = (int(value) for value in box)
        under = np.asarray(image.convert("L"))[top:bottom, left:right].mean()
        shade = r.choice([255, 230, 210]) if under < 110 else r.choice([0, 25])
        draw.text((x, y), text, font=font, fill=(shade, shade, shade))
        boxes.append((left, top, right, bottom))
    return np.asarray(image), boxes


_FIRST = ("Anna", "Bjørn", "Carla", "Dieter", "Fatima", "Gustav", "Hannah", "Ivan", "Jürgen", "Li", "Ngozi")
_LAST = ("Müller", "Smith", "Ødegård", "Okafor", "Dubois", "Nguyen", "Kowalski", "Rossi", "O'Brien", "Li")


def _background(r: random.Random) -> NDArray[np.uint8]:
    noise = np.random.default_rng(r.randrange(2**30))
    rows, columns = r.choice([(480, 640), (600, 800), (512, 512)])
    y, x = np.mgrid[:rows, :columns]
    match r.randrange(3):
        case 0:  # the fan of an ultrasound probe
            away = np.hypot(y - 40, x - columns / 2)
            fan = (away > 50) & (away < rows * 0.8) & (np.abs(x - columns / 2) < (y - 20) * 0.9)
            return np.where(fan, noise.gamma(2, 25, (rows, columns)), 0).clip(0, 255).astype(np.uint8)
        case 1:  # a body with round organs
            body = ((y - rows / 2) / rows * 2.6) ** 2 + ((x - columns / 2) / columns * 2.2) ** 2 < 1
            image = noise.normal(10, 4, (rows, columns)) + body * 80
            for _ in range(10):
                cy, cx, size = r.randrange(rows), r.randrange(columns), r.randrange(10, 50)
                image += ((y - cy) ** 2 + (x - cx) ** 2 < size**2) * body * r.uniform(-50, 60)
            return image.clip(0, 255).astype(np.uint8)
        case _:  # a bright report page with a dark picture in it
            page = np.full((rows, columns), 238, np.uint8)
            page[rows // 3 : rows - 60, 40 : columns // 2] = 40
            return page
