"""``python dicognito_files.py OUT FILE…``: de-identify files by dicognito, and print what that took of a processor.

Run by an environment that has dicognito and nothing of this project.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dicognito.anonymizer import Anonymizer  # type: ignore[import-not-found]
from pydicom import dcmread


def main(out: Path, files: list[Path]) -> None:
    """Treat all, after the first once for warming up."""
    anonymizer = Anonymizer(seed="benchmark")

    def treat(file: Path) -> None:
        with dcmread(file) as image:
            anonymizer.anonymize(image)
            image.save_as(out / file.name)

    treat(files[0])
    began = time.process_time()
    for file in files:
        treat(file)
    print(time.process_time() - began)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(one) for one in sys.argv[2:]])
