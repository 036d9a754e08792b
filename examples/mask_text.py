"""Mask the text that a device drew into an image, then take the identity out of its header.

export ANONYMIZER_KEY=$(python -c 'import secrets; print(secrets.token_hex(32))')
python examples/mask_text.py in.dcm out.dcm            # where rules and ultrasound regions say
python examples/mask_text.py in.dcm out.dcm --search   # and where text is found: pip install ror-pacs[ocr]
"""

import os
import sys
from pathlib import Path

import anonymizer
from anonymizer import pixels


def main(arguments: list[str], secret: bytes) -> int:
    """Mask and de-identify ``arguments[0]`` into ``arguments[1]``; 0 if it was written."""
    source, target = map(Path, arguments[:2])
    find_text = pixels.text_found if "--search" in arguments else None
    try:
        instance = anonymizer.IdentifiedInstance.from_part10(source.read_bytes())
        instance, masking = pixels.masked(instance, pixels.Rules.shipped(), find_text)
        key = anonymizer.ProjectKey(secret)
        research, _ = anonymizer.deidentify(instance, anonymizer.Profile.of(), key)
    except anonymizer.DeidentificationError as error:
        print(error, file=sys.stderr)
        return 1
    target.write_bytes(research.to_part10())
    if masking is None:
        print("not an image that is known to have text: nothing was masked")
    else:
        print(f"{masking.share:.0%} masked, by {', '.join(masking.by) or 'a search that found nothing'}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or "ANONYMIZER_KEY" not in os.environ:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:], os.environ["ANONYMIZER_KEY"].encode()))
