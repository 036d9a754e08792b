"""Runs a trained nnU-Net on a series, by nnU-Net itself: ``python balls.py /data /output``.

The folder ``model/`` is what nnU-Net trains into: ``plans.json``, ``dataset.json`` and ``fold_0/checkpoint_final.pth``.
Spacing, scale, windows and the way back to the grid of the image are up to its plans.
"""

import os
import sys
import tempfile
from pathlib import Path

import job
import numpy as np

MODEL = Path(__file__).parent / "model"


def main(data: Path, output: Path) -> None:
    """Read the series called `image`, write what the network finds and how large it is."""
    series = job.read_series(data, "image")
    print(f"{len(series.volume)} slices for {MODEL.name}", flush=True)
    labels = predicted(series)
    volume = job.millilitres(labels == 1, series)
    print(f"{volume:.1f} mL are bright")
    job.write_mask(output, "bright", labels)
    job.write_measurements(data, output, {"bright_volume": volume})


def predicted(series: job.Series) -> np.ndarray:
    """Return a label for each voxel, of shape (slices, rows, columns), by all folds that are there."""
    # Where it would look for data to train on; it complains without.
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(name, tempfile.gettempdir())
    import torch  # takes seconds: the first line of the log comes before
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    on_card = torch.cuda.is_available()
    predictor = nnUNetPredictor(
        device=torch.device("cuda" if on_card else "cpu"),
        perform_everything_on_device=on_card,
        use_mirroring=job.options().get("mirroring", False),
        allow_tqdm=False,
    )
    folds = tuple(sorted(fold.name.removeprefix("fold_") for fold in MODEL.glob("fold_*")))
    predictor.initialize_from_trained_model_folder(str(MODEL), use_folds=folds)
    return predictor.predict_single_npy_array(series.volume[None], {"spacing": list(series.spacing_mm)})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
