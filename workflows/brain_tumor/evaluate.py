"""Judge models on cases with truth: ``python evaluate.py CASES --out DIR [--model unet] [--model "bundle DIR"] …``.

CASES holds a folder per case as BraTS does, at 1 mm, skull-stripped. Writes ``scores.csv``, ``scores.md`` and
``dice.png``. Needs no torch.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import SimpleITK
from job import Unusable
from models import find_model
from numpy.typing import NDArray
from prepare import Prepared
from seen import Look
from training.cases import Case, CasesUnusable, find_cases
from training.metrics import Score, scores
from training.tables import markdown, write_csv, write_figure


def main(arguments: list[str]) -> int:
    """Judge every model on the same cases."""
    asked = _parser().parse_args(arguments)
    try:
        cases = find_cases(asked.cases)
        looks = {model: find_model(model.split(maxsplit=1)) for model in asked.model or ["unet"]}
        judged = {model: _judge(look, cases) for model, look in looks.items()}
    except (CasesUnusable, Unusable) as fault:
        print(f"evaluate: {fault}", file=sys.stderr)
        return 1
    asked.out.mkdir(parents=True, exist_ok=True)
    write_csv(asked.out / "scores.csv", judged)
    (asked.out / "scores.md").write_text(markdown(judged))
    write_figure(asked.out / "dice.png", judged)
    print(markdown(judged), end="")
    return 0


def _judge(look: Look, cases: list[Case]) -> list[Score]:
    made = []
    for case in cases:
        made += scores(case.name, found(look, case), case.labels(), case.spacing_mm())
        print(f"{case.name}: " + ", ".join(f"{one.region} {one.dice:.3f}" for one in made[-5:]), flush=True)
    return made


def found(look: Look, case: Case) -> NDArray[np.uint8]:
    """The label map of one case, on its own grid."""
    sequences = case.sequences()
    brain = np.logical_and.reduce([volume > 0 for volume in sequences.values()])
    box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(brain))
    inside = {name: np.where(brain[box], volume[box], 0) for name, volume in sequences.items()}
    seen = look(Prepared(inside, brain[box], SimpleITK.Image(), box, {}))
    labels = np.zeros(brain.shape, np.uint8)
    labels[box] = seen.probabilities.argmax(0)
    return labels


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate.py", description=__doc__)
    parser.add_argument("cases", type=Path, help="folder of cases")
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables")
    parser.add_argument("--model", action="append", help="as brain_tumor.py takes it; may be given again")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
