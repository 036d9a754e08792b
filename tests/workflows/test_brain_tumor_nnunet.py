"""Exported nnU-Net models through the brain-tumour workflow: plans are obeyed, and nothing is guessed.

The networks are one convolution each, so what they must find can be said beforehand.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from job_folder import dice

# As the data sets of nnU-Net's users name and order them: neither is ours.
CHANNELS = ("FLAIR", "T1", "T1ce", "T2")
OURS = ("FLAIR", "T1w", "T1wCE", "T2w")
LABELS = {"background": 0, "edema": 1, "NCR": 2, "enhancing tumor": 3}
REGIONS = {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": [3]}
SHAPE = (40, 48, 36)
NECROTIC_CORE, EDEMA, ENHANCING = 1, 2, 3


def write_model(folder: Path, *networks: object, labels: dict = LABELS, **plan: object) -> Path:
    """A folder as nnU-Net trains into, each fold with a network beside where its checkpoint would be."""
    openvino = pytest.importorskip("openvino")
    configuration = {
        "patch_size": [16, 32, 24],
        "spacing": [1.0, 1.0, 1.0],
        "normalization_schemes": ["ZScoreNormalization"] * 4,
        "use_mask_for_norm": [True] * 4,
    } | plan
    transpose = configuration.pop("transpose_forward", [0, 1, 2])
    plans = {
        "dataset_name": "Dataset137_BraTS",
        "transpose_forward": transpose,
        "configurations": {"3d_fullres": configuration},
    }
    dataset = {"channel_names": {str(n): name for n, name in enumerate(CHANNELS)}, "labels": labels}
    if labels is REGIONS:
        dataset["regions_class_order"] = [1, 2, 3]
    folder.mkdir()
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    for number, network in enumerate(networks):
        openvino.save_model(network, folder / f"fold_{number}" / "model.xml", compress_to_fp16=False)
    return folder


def network(weights: np.ndarray, bias: Sequence[float]) -> object:
    """One convolution: weights of shape (outputs, inputs, 3, 3, 3)."""
    openvino = pytest.importorskip("openvino")
    ops = openvino.opset13
    image = ops.parameter([1, len(CHANNELS), -1, -1, -1], np.float32)
    kernel = ops.constant(weights.astype(np.float32))
    seen = ops.convolution(image, kernel, [1] * 3, [1] * 3, [1] * 3, [1] * 3)
    shift = ops.constant(np.asarray(bias, np.float32).reshape(1, -1, 1, 1, 1))
    return openvino.Model([ops.add(seen, shift)], [image], "one convolution")


def seeing(*pairs: tuple[int, str], outputs: int = 4, bias: Sequence[float] | None = None) -> object:
    """Output n is bright where a sequence is: ``(n, "FLAIR")``; of nothing, output 0."""
    weights = np.zeros((outputs, len(OURS), 3, 3, 3))
    for output, name in pairs:
        weights[output, OURS.index(name), 1, 1, 1] = 10
    return network(weights, bias or [15.0, *[0.0] * (outputs - 1)])


BY_SEQUENCE = ((1, "FLAIR"), (2, "T1w"), (3, "T1wCE"))


@pytest.fixture
def truth() -> np.ndarray:
    """Three boxes of which none lies as another, nor as its mirror."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:12, 30:40, 8:14] = EDEMA
    labels[20:26, 10:16, 20:31] = NECROTIC_CORE
    labels[28:34, 24:30, 4:10] = ENHANCING
    return labels


@pytest.fixture
def prepared(part, truth: np.ndarray):
    """T1w is bright in the necrotic core, FLAIR in oedema, T1wCE where it enhances; an ellipsoid is the brain."""
    middle = (np.array(SHAPE) - 1) / 2
    offsets = (np.moveaxis(np.indices(SHAPE), 0, -1) - middle) / middle
    brain = (offsets**2).sum(-1) < 2
    draw = np.random.default_rng(9)
    bright = {"T1w": NECROTIC_CORE, "T1wCE": ENHANCING, "T2w": 9, "FLAIR": EDEMA}
    sequences = {
        name: ((100 + draw.normal(0, 1, SHAPE) + 60 * (truth == label)) * brain).astype(np.float32)
        for name, label in bright.items()
    }
    truth[~brain] = 0
    return part("prepare").Prepared(sequences, brain, None, (slice(None),) * 3, {})


def found(part, prepared, folder: Path) -> np.ndarray:
    seen = part("models").find_model(["nnunet", str(folder)])(prepared)
    assert seen.model.startswith("Dataset137_BraTS (nnU-Net) ")
    np.testing.assert_allclose(seen.probabilities.sum(0), 1, atol=1e-5)
    return seen.probabilities.argmax(0)


@pytest.mark.parametrize("transpose", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_sequences_and_classes_go_by_the_model_s_own_names(
    part, prepared, truth: np.ndarray, tmp_path: Path, transpose: list[int]
) -> None:
    folder = write_model(tmp_path / "model", seeing(*BY_SEQUENCE), transpose_forward=transpose)
    np.testing.assert_array_equal(found(part, prepared, folder), truth)


@pytest.mark.parametrize(
    ("transpose", "axis"), [([0, 1, 2], 1), ([1, 2, 0], 0), ([2, 0, 1], 2)], ids=["zyx", "yxz", "xzy"]
)
def test_the_network_sees_heads_lie_as_in_the_files_of_brats(
    part, prepared, truth: np.ndarray, tmp_path: Path, transpose: list[int], axis: int
) -> None:
    """Axes run to the left, the back and the head: one that looks a voxel ahead along y sees what lies behind."""
    weights = np.zeros((4, 4, 3, 3, 3))
    ahead = [1, 1, 1]
    ahead[axis] = 2
    for output, name in BY_SEQUENCE:
        weights[(output, OURS.index(name), *ahead)] = 10
    folder = write_model(tmp_path / "model", network(weights, [15.0, 0, 0, 0]), transpose_forward=transpose)
    moved = np.roll(truth, 1, axis=1) * prepared.brain
    assert dice(found(part, prepared, folder) == EDEMA, moved == EDEMA) == 1


def test_a_model_of_coarser_voxels_gives_labels_where_they_belong(
    part, prepared, truth: np.ndarray, tmp_path: Path
) -> None:
    """Its threshold is half of what a part stands out, so that blurred edges stay where they are."""
    half = seeing(*BY_SEQUENCE, bias=[35.0, 0, 0, 0])
    folder = write_model(tmp_path / "model", half, spacing=[2.0, 1.0, 1.5])
    labels = found(part, prepared, folder)
    for label in (NECROTIC_CORE, EDEMA, ENHANCING):
        assert dice(labels == label, truth == label) > 0.8


def test_regions_are_drawn_one_over_the_other(part, prepared, truth: np.ndarray, tmp_path: Path) -> None:
    """BraTS's own models have three overlapping outputs: whole, core and enhancing tumour."""
    whole = [(0, "FLAIR"), (0, "T1w"), (0, "T1wCE")]
    core = [(1, "T1w"), (1, "T1wCE")]
    by_region = seeing(*whole, *core, (2, "T1wCE"), outputs=3, bias=[-15.0, -15.0, -15.0])
    folder = write_model(tmp_path / "model", by_region, labels=REGIONS)
    np.testing.assert_array_equal(found(part, prepared, folder), truth)


def test_all_folds_have_a_say(part, prepared, truth: np.ndarray, tmp_path: Path) -> None:
    """Each of the two sees half of what there is, and is sure enough that it counts in the mean."""
    one = seeing((1, "FLAIR"), (3, "T1wCE"), bias=[7.0, 0, 0, 0])
    other = seeing((2, "T1w"), bias=[7.0, 0, 0, 0])
    folder = write_model(tmp_path / "model", one, other)
    np.testing.assert_array_equal(found(part, prepared, folder), truth)


def refused(part, folder: Path, said: str) -> None:
    with pytest.raises(part("job").Unusable, match=said):
        part("models").find_model(["nnunet", str(folder)])


def test_a_fold_without_an_exported_network_is_refused(part, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", seeing(*BY_SEQUENCE))
    (folder / "fold_1").mkdir()
    (folder / "fold_1" / "checkpoint_final.pth").write_bytes(b"")
    refused(part, folder, r"fold_1 has neither model\.xml nor model\.onnx: export its network")


def test_a_folder_without_folds_is_refused(part, tmp_path: Path) -> None:
    refused(part, write_model(tmp_path / "model"), "has no fold_0")


def test_a_folder_of_something_else_is_refused(part, tmp_path: Path) -> None:
    refused(part, tmp_path, r"no folder of a model of nnU-Net v2: it has no plans\.json")


def test_plans_of_another_kind_are_refused(part, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", seeing(*BY_SEQUENCE))
    (folder / "plans.json").write_text("{}")
    refused(part, folder, "has no 'configurations' in plans.json or dataset.json")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"channel_names": {"0": "MRI"}}, "the model's sequence 'MRI' is not known here"),
        ({"labels": {"background": 0, "liver": 1}}, "the model's class 'liver' is not known here"),
        ({"labels": {"background": 0, "edema": 1}}, "needs each of the three parts once"),
        ({"labels": REGIONS | {"cyst": [4]}, "regions_class_order": [1, 2, 3, 4]}, "finds the regions"),
    ],
)
def test_names_that_are_not_known_are_not_guessed(part, tmp_path: Path, changed: dict, said: str) -> None:
    folder = write_model(tmp_path / "model", seeing(*BY_SEQUENCE))
    dataset = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(dataset | changed))
    refused(part, folder, said)


def test_a_scale_of_intensities_that_is_not_known_is_refused(part, tmp_path: Path) -> None:
    schemes = ["CTNormalization", *["ZScoreNormalization"] * 3]
    folder = write_model(tmp_path / "model", seeing(*BY_SEQUENCE), normalization_schemes=schemes)
    refused(part, folder, "the model wants CTNormalization")
