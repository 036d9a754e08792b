"""How tissues and tumours look in each sequence: another table of intensities, other vessels, other spots each time."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from examples.data.brain_mr import INTENSITY, SEQUENCES, TISSUES
from examples.data.lesion import LESION_LABELS, smooth_noise

__all__ = ["signals"]

Field = NDArray[np.float32]

# Standard deviation of the logarithm: scanners and protocols differ in healthy tissue, tumours in themselves.
_HEALTHY, _SICK = 0.06, 0.12
_TEXTURE, _PATCHY = 0.03, 0.09
_VESSEL_CE, _VESSEL = (0.95, 1.35), (0.2, 0.9)


def signals(shares: Field, labels: NDArray[np.uint8], draw: np.random.Generator) -> dict[str, Field]:
    """The four sequences of one brain without noise, 1 being about the white matter of T1w.

    Beside the tumour there are things that look like parts of one: vessels and meninges enhance, and half of all brains
    have bright spots in white matter; none of them is labelled.
    """
    box, soft = _soft(labels, draw)
    vessels = _vessels(shares, draw)
    spots = _spots(shares, draw)
    patchy = smooth_noise(labels.shape, float(draw.uniform(3, 7)), draw)
    made = {}
    tables = _tables(draw)
    for name in SEQUENCES:
        table = tables[name]
        signal = sum(value * share for value, share in zip(table[:3], shares, strict=True))
        signal = np.asarray(signal, np.float32)
        signal *= 1 + np.float32(_TEXTURE) * smooth_noise(signal.shape, float(draw.uniform(2, 6)), draw)
        bright = draw.uniform(*(_VESSEL_CE if name == "T1wCE" else _VESSEL))
        signal += vessels * (np.float32(bright) - signal)
        if name in ("FLAIR", "T2w"):
            signal += spots * (table[4] - signal)
        if soft:
            tumour = sum(table[TISSUES.index(part)] * share for part, share in soft.items())
            tumour *= 1 + np.float32(draw.uniform(0.3, 1) * _PATCHY) * patchy[box]
            signal[box] = signal[box] * (1 - sum(soft.values())) + tumour
        made[name] = signal
    return made


def _tables(draw: np.random.Generator) -> Mapping[str, Field]:
    tables = {}
    for name in SEQUENCES:
        spread = np.array([_HEALTHY] * 3 + [_SICK] * 3)
        tables[name] = np.array(INTENSITY[name]) * np.exp(spread * draw.standard_normal(6))
    # The contrast agent changes what takes it up, and not the rest of the same person.
    tables["T1wCE"][:5] = tables["T1w"][:5] * np.exp(0.02 * draw.standard_normal(5))
    # No oedema is as dark as the white matter around it on FLAIR and T2w, no uptake as dark as none on T1wCE.
    tables["FLAIR"][4] = max(tables["FLAIR"][4], 1.35 * tables["FLAIR"][1])
    tables["T1wCE"][5] = max(tables["T1wCE"][5], 1.15 * tables["T1wCE"][0])
    return {name: table.astype(np.float32) for name, table in tables.items()}


def _soft(labels: NDArray[np.uint8], draw: np.random.Generator) -> tuple[tuple[slice, ...], dict[str, Field]]:
    """Shares of the tumour's parts around it, with edges as soft as a scanner's; nothing where there is none."""
    found = ndimage.find_objects((labels > 0).astype(np.uint8))
    if not found:
        return (), {}
    box = tuple(slice(max(0, part.start - 4), part.stop + 4) for part in found[0])
    width = float(draw.uniform(0.4, 0.7))
    parts = {
        name: ndimage.gaussian_filter((labels[box] == value).astype(np.float32), width)
        for name, value in LESION_LABELS.items()
    }
    parts["edema"] = parts["edema"] * np.float32(draw.uniform(0.8, 1))
    return box, parts


def _vessels(shares: Field, draw: np.random.Generator) -> Field:
    """Tubes where two random fields vanish together, and patches of meninges; 0 to 1."""
    shape = shares.shape[1:]
    first, second = (smooth_noise(shape, 14, draw) for _ in range(2))
    width = np.float32(draw.uniform(0.05, 0.11))
    tubes = np.clip(1.5 - np.sqrt(first**2 + second**2) / width, 0, 1)
    where = smooth_noise(shape, 30, draw) > draw.uniform(-0.5, 1)
    head = ndimage.gaussian_filter(shares.sum(0), 1.5)
    edge = np.clip(1 - np.abs(head - 0.6) / 0.15, 0, 1) * (smooth_noise(shape, 25, draw) > draw.uniform(0, 2))
    return np.asarray(np.maximum(tubes * where, np.float32(0.8) * edge), np.float32)


def _spots(shares: Field, draw: np.random.Generator) -> Field:
    """White-matter hyperintensities: small, bright on FLAIR and T2w, and no tumour; 0 to 1."""
    if draw.random() < 0.5:
        return np.zeros(shares.shape[1:], np.float32)
    field = smooth_noise(shares.shape[1:], float(draw.uniform(4, 7)), draw)
    return np.asarray(np.clip((field - draw.uniform(2.2, 3)) / 0.4, 0, 0.9) * (shares[0] > 0.6), np.float32)
