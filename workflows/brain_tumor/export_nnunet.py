"""Export a trained nnU-Net v2 model, so that it runs without torch: ``python export_nnunet.py FOLDER``.

FOLDER is what nnU-Net trains into, ``…/nnUNetTrainer__nnUNetPlans__3d_fullres``; ``model.xml`` and ``model.bin`` are
written beside the checkpoint of each fold. Needs nnunetv2 (2.8) and openvino. A checkpoint is a pickle, which may run
anything when it is read: export only what you trained, or trust.
"""

import argparse
import sys
from pathlib import Path

_CHECKPOINT = "checkpoint_final.pth"


def main(arguments: list[str]) -> int | str:
    """Export every fold."""
    parser = argparse.ArgumentParser(prog="export_nnunet.py", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    folds = sorted(path.parent for path in folder.glob(f"fold_*/{_CHECKPOINT}"))
    if not folds:
        return f"export_nnunet: {folder} has no fold with {_CHECKPOINT}: has its training ended?"
    # Late, so that a wrong folder is told at once.
    import openvino
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device("cpu"))
    names = [fold.name.removeprefix("fold_") for fold in folds]
    predictor.initialize_from_trained_model_folder(str(folder), names, _CHECKPOINT)
    channels = len(predictor.dataset_json["channel_names"])
    patch = torch.zeros([1, channels, *predictor.configuration_manager.patch_size])
    for fold, weights in zip(folds, predictor.list_of_parameters, strict=True):
        predictor.network.load_state_dict(weights)
        with torch.no_grad():
            traced = torch.jit.trace(predictor.network.eval(), patch)
        model = openvino.convert_model(traced, example_input=patch, input=[patch.shape])
        openvino.save_model(model, fold / "model.xml", compress_to_fp16=True)
        print(f"{fold.name}: model.xml, model.bin")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
