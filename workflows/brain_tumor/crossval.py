"""Train and judge in folds: ``python crossval.py CASES --out DIR [--folds 5] [options of train.py]``.

Every case is judged once, by the network that never saw it; a fold that has been trained is not trained again. Each
fold's weights become a bundle below ``fold-N/bundle``, and ``ensemble.json`` names them all.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from bundle import Bundle
from evaluate import found
from models import find_model
from training.cases import Case, CasesUnusable, find_cases
from training.metrics import Score, scores
from training.tables import markdown, write_csv, write_figure

_HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Train what is missing, judge all."""
    parser = argparse.ArgumentParser(prog="crossval.py", description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="of the split")
    parser.add_argument(
        "--patch", default="96", help="as train.py takes it; what a fold's bundle then looks through"
    )
    asked, for_train = parser.parse_known_args(arguments)
    try:
        cases = find_cases(asked.cases)
    except CasesUnusable as fault:
        print(f"crossval: {fault}", file=sys.stderr)
        return 1
    made: list[Score] = []
    parts = split(cases, asked.folds, asked.seed)
    for number, held_out in enumerate(parts):
        folder = asked.out / f"fold-{number}"
        _train(folder, [case for case in cases if case not in held_out], asked.patch, for_train)
        look = find_model(["bundle", str(folder / "bundle")])
        for case in held_out:
            made += scores(case.name, found(look, case), case.labels(), case.spacing_mm())
    bundles = [str(asked.out / f"fold-{number}" / "bundle") for number in range(len(parts))]
    (asked.out / "ensemble.json").write_text(
        json.dumps({bundle: Bundle.read(Path(bundle)).identity for bundle in bundles}, indent=1)
    )
    judged = {f"{len(parts)} folds": made}
    write_csv(asked.out / "scores.csv", judged)
    (asked.out / "scores.md").write_text(markdown(judged))
    write_figure(asked.out / "dice.png", judged)
    print(markdown(judged), end="")
    return 0


def split(cases: list[Case], folds: int, seed: int) -> list[list[Case]]:
    """Folds of nearly equal size, the same for the same seed; every case is in one of them."""
    order = np.random.default_rng(seed).permutation(len(cases))
    return [[cases[index] for index in sorted(order[number::folds])] for number in range(folds)]


def _train(folder: Path, cases: list[Case], patch: str, options: list[str]) -> None:
    """In a process of its own, since a fold's volumes need not stay in memory."""
    if (folder / "bundle" / "configs" / "metadata.json").exists():
        return
    linked = folder / "cases"
    linked.mkdir(parents=True, exist_ok=True)
    for case in cases:
        link = linked / case.name
        if not link.exists():
            link.symlink_to(case.files["labels"].parent.resolve())
    cache = folder.parent / "cache"
    run = [sys.executable, str(_HERE / "train.py"), str(linked), "--out", str(folder), "--patch", patch]
    subprocess.run([*run, *options], check=True)
    publish = [sys.executable, str(_HERE / "export.py"), str(folder / "model.safetensors"), str(linked)]
    window = "0" if patch == "whole" else patch
    publish += ["--cache", str(cache), "--out", str(folder / "bundle"), "--window", window]
    subprocess.run(publish, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
