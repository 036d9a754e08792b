"""The proof of de-identification (make phi-report): identity planted by the hundred, and what is left of it.

Objects of many kinds are made from seeds, de-identified under several profiles, and searched byte by byte. Exits with
1 if anything is left that the standard takes out, or lost that it keeps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from anonymizer import Profile
from benchmarks.phi.burned_in import LinesScore, lines_scored
from benchmarks.phi.corpus import KEY, corpus, drawn_screens
from benchmarks.phi.profiles import PROFILES, treatment
from benchmarks.phi.report import as_json, as_markdown
from benchmarks.phi.score import Score, scored

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Make, treat, judge, tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.phi", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="how many corpora of 44 objects; default: 3")
    parser.add_argument("--screens", type=int, default=40, help="how many screens with text; default: 40")
    parser.add_argument("--folder", type=Path, help="where the report goes; default: a new temporary folder")
    wanted = parser.parse_args(arguments)
    objects = [one for seed in range(wanted.seeds) for one in corpus(seed)]
    scores = {}
    for name, profile in PROFILES.items():
        print(f"judging {name} …", file=sys.stderr)
        scores[name] = scored(objects, profile, treatment(profile, KEY))
    lines = _text_in_pixels(wanted.screens)
    text = as_markdown(scores, lines, wanted.seeds)
    print(text)
    folder = wanted.folder or Path(tempfile.mkdtemp(prefix="ror-phi-"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "phi-report.md").write_text(text, encoding="utf-8")
    told = json.dumps(as_json(scores, lines, wanted.seeds), indent=2, ensure_ascii=False)
    (folder / "phi-report.json").write_text(f"{told}\n", encoding="utf-8")
    print(f"written to {folder}", file=sys.stderr)
    return int(any(map(_failed, scores.values())))


def _failed(score: Score) -> bool:
    return bool(score.leaks or score.lost or score.keepers_lost or score.links.broken)


def _text_in_pixels(screens: int) -> LinesScore | None:
    if find_spec("rapidocr_onnxruntime") is None:
        print("TEXT IN PIXELS IS NOT MEASURED: install the search for it with `make ocr`", file=sys.stderr)
        return None
    print("judging text in pixels …", file=sys.stderr)
    profile = Profile.of(options=["clean-pixel-data"], find_text=True)
    return lines_scored(drawn_screens(0, screens), treatment(profile, KEY))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
