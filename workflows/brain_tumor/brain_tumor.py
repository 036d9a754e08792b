"""Necrotic core, oedema and enhancing tumour in four MR series: ``python brain_tumor.py /data /output``.

The series are those that the select statement calls T1w, T1wCE, T2w and FLAIR; raw ones are registered and stripped
here, prepared ones (one grid, 0 outside the brain) are taken as they are.
"""

import argparse
import json
import os
import sys
from pathlib import Path

_MODELS = "unet (default), classical, bundle DIR, ensemble FILE or nnunet DIR; goes before the option of the same name"


def main(words: list[str]) -> int | str:
    """Process one job; a sentence says why there is no mask."""
    asked = _arguments(words)
    print("brain_tumor: loading", flush=True)
    # Late, so that the first line is there at once.
    from job import Unusable
    from pipeline import run

    try:
        run(asked.data, asked.output, asked.model)
    except Unusable as reason:
        return f"brain_tumor: not processed, because {reason}"
    return 0


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="brain_tumor.py", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    option = json.loads(os.environ.get("ROR_CONT_OPTIONS") or "{}").get("model", "unet")
    parser.add_argument(
        "--model", nargs="+", default=str(option).split(maxsplit=1), metavar="MODEL", help=_MODELS
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
