"""Train the network: ``python train.py CASES --out DIR [--patch 96] [--epochs 15] [--steps 100] …``.

CASES holds a folder per case as the BraTS challenge does. Run again with the same --out, it goes on where it was. The
shipped network was trained by two runs, patches first and then whole brains from their weights (README.md).
"""

import argparse
import sys
from pathlib import Path

from training.cases import CasesUnusable, find_cases
from training.tables import chances

_WATCHED = 6


def main(arguments: list[str]) -> int:
    """Train on all cases but six, whose loss is watched."""
    asked = _parser().parse_args(arguments)
    try:
        cases = find_cases(asked.cases)
    except CasesUnusable as fault:
        print(f"train: {fault}", file=sys.stderr)
        return 1
    # Late, so that a wrong folder is told at once: fastai takes seconds to load.
    from training.recipe import Settings, train

    settings = Settings(
        patch=None if asked.patch == "whole" else int(asked.patch),
        epochs=asked.epochs,
        steps=asked.steps,
        lr=asked.lr or None,
        flat=asked.flat,
        seed=asked.seed,
        init=asked.init,
        chances=chances(asked.scores) if asked.scores else {},
    )
    count = min(_WATCHED, max(1, len(cases) // 5))
    watched = cases[:: len(cases) // count][:count]
    train([case for case in cases if case not in watched], watched, asked.out, settings)
    print(f"weights: {asked.out / 'model.safetensors'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__)
    parser.add_argument("cases", type=Path, help="folder of cases")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and notes")
    parser.add_argument("--patch", default="96", help="edge of a patch, or `whole`")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100, help="steps in an epoch")
    parser.add_argument("--lr", type=float, default=3e-3, help="0: let the finder choose")
    parser.add_argument("--flat", type=float, default=0.75, help="share of steps before the rate falls")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--init", type=Path, help="weights to start from")
    parser.add_argument(
        "--scores",
        type=Path,
        help="scores.csv of evaluate.py: the worse a case did there, the oftener it is shown",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
