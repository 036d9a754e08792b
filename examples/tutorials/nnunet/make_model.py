"""Makes a folder as nnU-Net v2 trains into, with a tiny network for bright balls: ``python make_model.py MODEL``.

What takes nnU-Net a day and real images takes seconds here. The plans are as its planner writes them, in small.
"""

import json
import sys
from pathlib import Path

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet

PATCH = (16, 24, 24)
SPACING_MM = (3.0, 2.0, 2.0)  # slice, row, column
STEPS = 50
NETWORK = {
    "n_stages": 2,
    "features_per_stage": [4, 8],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [2, 2, 2]],
    "n_conv_per_stage": [1, 1],
    "n_conv_per_stage_decoder": [1],
    "conv_bias": True,
    "norm_op": "torch.nn.modules.batchnorm.BatchNorm3d",
    "norm_op_kwargs": {},
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
CLASSES = ("conv_op", "norm_op", "nonlin")  # which of these nnU-Net imports


def main(model: Path) -> None:
    """Train, and write plans, data set and checkpoint."""
    network = trained()
    (model / "fold_0").mkdir(parents=True, exist_ok=True)
    (model / "plans.json").write_text(json.dumps(plans(), indent=4))
    (model / "dataset.json").write_text(json.dumps(dataset(), indent=4))
    checkpoint = {
        "network_weights": network.state_dict(),
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": "3d_fullres"},
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(checkpoint, model / "fold_0" / "checkpoint_final.pth")
    print(f"{model}: {sum(one.numel() for one in network.parameters())} weights")


def trained() -> torch.nn.Module:
    """Train on balls of any size at any place."""
    torch.manual_seed(0)
    classes = {"conv_op": torch.nn.Conv3d, "norm_op": torch.nn.BatchNorm3d, "nonlin": torch.nn.LeakyReLU}
    network = PlainConvUNet(input_channels=1, num_classes=2, **(NETWORK | classes))
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-2)
    for _ in range(STEPS):
        images, labels = balls(2)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
    return network


def balls(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images as nnU-Net scales them (mean 0, deviation 1), and their labels."""
    places = torch.stack(torch.meshgrid(*(torch.arange(float(edge)) for edge in PATCH), indexing="ij"))
    millimetres = places * torch.tensor(SPACING_MM).reshape(3, 1, 1, 1)
    centres = torch.rand(count, 3, 1, 1, 1) * 48
    radii = 10 + torch.rand(count, 1, 1, 1) * 20
    labels = ((millimetres - centres).norm(dim=1) < radii).long()
    images = labels + 0.1 * torch.randn(labels.shape)
    flat = images.flatten(1)
    images = (images - flat.mean(1).reshape(-1, 1, 1, 1)) / flat.std(1).reshape(-1, 1, 1, 1)
    return images[:, None], labels


def plans() -> dict:
    """Return the plans: how images are prepared, and what the network is."""
    resampling = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
    return {
        "dataset_name": "Dataset001_Balls",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": list(SPACING_MM),
        "original_median_shape_after_transp": [24, 64, 64],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": {"mean": 1000.0, "std": 15.0}},
        "configurations": {
            "3d_fullres": {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 4,
                "patch_size": list(PATCH),
                "median_image_size_in_voxels": [24, 64, 64],
                "spacing": list(SPACING_MM),
                "normalization_schemes": ["ZScoreNormalization"],
                "use_mask_for_norm": [False],
                "resampling_fn_data": "resample_data_or_seg_to_shape",
                "resampling_fn_seg": "resample_data_or_seg_to_shape",
                "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                "resampling_fn_data_kwargs": resampling,
                "resampling_fn_seg_kwargs": resampling | {"is_seg": True},
                "resampling_fn_probabilities_kwargs": resampling,
                "architecture": {
                    "network_class_name": f"{PlainConvUNet.__module__}.{PlainConvUNet.__name__}",
                    "arch_kwargs": NETWORK,
                    "_kw_requires_import": list(CLASSES),
                },
                "batch_dice": False,
            }
        },
    }


def dataset() -> dict:
    """Return what nnU-Net was told of its training data."""
    return {
        "channel_names": {"0": "MR"},
        "labels": {"background": 0, "bright part": 1},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
