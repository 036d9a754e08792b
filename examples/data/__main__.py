"""``python -m examples.data chest-ct|brain-mr --out DIR [--seed N] [--small]``, or many ``brain-cases --out DIR``."""

import argparse
import sys
from pathlib import Path

from examples.data import (
    ANATOMIES,
    DataError,
    GeneratedStudy,
    make_brain_mr,
    make_case,
    make_chest_ct,
    write_case,
)

_SMALL_STEP_MM = 3


def main(arguments: list[str] | None = None) -> int:
    """Make one study and say what was written where; 1 when an image cannot be had."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.study == "brain-cases":
            return _make_cases(asked)
        study = _make(asked)
    except DataError as fault:
        print(f"examples.data: {fault}", file=sys.stderr)
        return 1
    print(f"study     {study.study_instance_uid}")
    for description, files in study.series.items():
        print(f"series    {description}: {len(files)} objects in {files[0].parent}")
    for label, volume in study.volumes_mm3.items():
        print(f"truth     {label}: {volume / 1000:.2f} mL")
    print(f"label map {study.truth}")
    print(
        f"planted   {study.identity.person_name} and others, listed in {study.truth.parent / 'identity.json'}"
    )
    return 0


def _make(asked: argparse.Namespace) -> GeneratedStudy:
    if asked.study == "chest-ct":
        return make_chest_ct(asked.out, asked.seed, small=asked.small)
    return make_brain_mr(
        asked.out, asked.seed, step=_SMALL_STEP_MM if asked.small else 1, lesion=not asked.healthy
    )


def _make_cases(asked: argparse.Namespace) -> int:
    """One anatomy after the other in turn; what is there is kept, so a broken run can be taken up again."""
    anatomies = [ANATOMIES[name]() for name in asked.anatomy]
    for seed in range(asked.seed, asked.seed + asked.count):
        anatomy = anatomies[seed % len(anatomies)]
        folder = asked.out / f"{anatomy.name}_{seed:05}"
        if not (folder / f"{folder.name}_seg.nii.gz").exists():
            write_case(folder, make_case(anatomy, seed))
    print(f"cases     {asked.count} below {asked.out}, seeds {asked.seed} to {asked.seed + asked.count - 1}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.data", description="Make a study to try ror on."
    )
    studies = parser.add_subparsers(dest="study", required=True)
    for name, what in (("chest-ct", "a real chest CT"), ("brain-mr", "a made brain MR with a lesion")):
        study = studies.add_parser(name, help=what)
        study.add_argument("--out", type=Path, required=True, help="folder to write below")
        study.add_argument("--seed", type=int, default=0, help="another seed, another person (and lesion)")
        study.add_argument("--small", action="store_true", help="few and small images, for tests")
    cases = studies.add_parser(
        "brain-cases", help="many made brains with tumours, as BraTS lays out its folders"
    )
    cases.add_argument("--out", type=Path, required=True, help="folder to write below")
    cases.add_argument("--seed", type=int, default=0, help="of the first case; the others follow")
    cases.add_argument("--count", type=int, default=8, help="how many")
    cases.add_argument("--anatomy", nargs="+", choices=ANATOMIES, default=list(ANATOMIES), help="in turn")
    studies.choices["brain-mr"].add_argument("--healthy", action="store_true", help="without a lesion")
    return parser


if __name__ == "__main__":
    sys.exit(main())
