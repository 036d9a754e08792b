"""De-identify one DICOM file with the anonymizer alone.

    ANONYMIZER_KEY=$(python -c 'import secrets; print(secrets.token_hex(32))') \\
        python examples/deidentify_file.py in.dcm out.dcm

Keep the key: with the same key the same patient gets the same pseudonym, next year too.
"""

import os
import sys
from pathlib import Path

import anonymizer


def main(arguments: list[str], secret: bytes) -> int:
    """De-identify ``arguments[0]`` into ``arguments[1]``; 0 if it was written."""
    source, target = map(Path, arguments)
    try:
        instance = anonymizer.IdentifiedInstance.from_part10(source.read_bytes())
        key = anonymizer.ProjectKey(secret)
        research, report = anonymizer.deidentify(instance, anonymizer.Profile.of(), key)
    except anonymizer.DeidentificationError as error:
        print(error, file=sys.stderr)
        return 1
    target.write_bytes(research.to_part10())
    for action, count in report.counts.items():
        print(f"{count:5d} {action}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or "ANONYMIZER_KEY" not in os.environ:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:], os.environ["ANONYMIZER_KEY"].encode()))
