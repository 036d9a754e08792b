"""Makes a MONAI bundle with weights, as small as can be: ``python make_bundle.py BUNDLE``.

Its network is one convolution: a voxel is bright whose neighbourhood is. All else is what bundles of the zoo have:
preprocessing to one orientation and spacing, a sliding window, a way back to the grid of the image, a checkpoint.
"""

import json
import sys
from pathlib import Path

import torch

SPACING_MM = 2.5
THRESHOLD = 0.5  # of the range of the image


def main(bundle: Path) -> None:
    """Write the network's weights and the configuration that finds them; metadata.json stays as it is."""
    (bundle / "models").mkdir(exist_ok=True)
    torch.save(weights(), bundle / "models" / "model.pt")
    (bundle / "configs" / "inference.json").write_text(json.dumps(inference(), indent=4))
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    metadata |= {"name": "neighbourhood", "version": "1.0.0"}
    (bundle / "configs" / "metadata.json").write_text(json.dumps(metadata, indent=4))
    print(f"{bundle}: {sum(one.numel() for one in weights().values())} weights")


def weights() -> dict[str, torch.Tensor]:
    """Return two classes whose difference is the mean of 27 voxels less the threshold."""
    kernel = torch.full((1, 3, 3, 3), 10 / 27)
    bias = torch.tensor([10 * THRESHOLD, -10 * THRESHOLD])
    return {"weight": torch.stack([-kernel, kernel]), "bias": bias}


def inference() -> dict:
    """Return the configuration, by which MONAI's own tools run the bundle too."""
    keys = {"keys": "image"}
    before = [
        {"_target_": "LoadImaged", **keys},
        {"_target_": "EnsureChannelFirstd", **keys},
        {"_target_": "Orientationd", **keys, "axcodes": "RAS"},
        {"_target_": "Spacingd", **keys, "pixdim": [SPACING_MM] * 3, "mode": "bilinear"},
        {
            "_target_": "ScaleIntensityRangePercentilesd",
            **keys,
            "lower": 0.5,
            "upper": 99.5,
            "b_min": 0,
            "b_max": 1,
        },
    ]
    after = [
        {"_target_": "Activationsd", "keys": "pred", "softmax": True},
        {
            "_target_": "Invertd",
            "keys": "pred",
            "transform": "@preprocessing",
            "orig_keys": "image",
            "nearest_interp": False,
            "to_tensor": True,
        },
        {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
        {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir", "resample": False},
    ]
    return {
        "imports": ["$import glob", "$import os"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/data'",
        "output_dir": "$@bundle_root + '/eval'",
        "datalist": "$list(sorted(glob.glob(os.path.join(@dataset_dir, '*.nii.gz'))))",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": {
            "_target_": "torch.nn.Conv3d",
            "in_channels": 1,
            "out_channels": 2,
            "kernel_size": 3,
            "padding": 1,
        },
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": before},
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': one} for one in @datalist]",
            "transform": "@preprocessing",
        },
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": [32] * 3,
            "sw_batch_size": 4,
            "overlap": 0.5,
        },
        "postprocessing": {"_target_": "Compose", "transforms": after},
        "handlers": [
            {
                "_target_": "CheckpointLoader",
                "load_path": "$@bundle_root + '/models/model.pt'",
                "load_dict": {"model": "@network"},
            }
        ],
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
            "val_handlers": "@handlers",
        },
        "run": ["$@evaluator.run()"],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
