"""PS3.15 de-identification of one DICOM object, in memory.

No files, no network, no memory between calls::

    instance = IdentifiedInstance.from_part10(data)
    research, report = deidentify(instance, Profile.of(), ProjectKey(secret))
    data = research.to_part10()

`IdentifiedInstance` shows nothing of what it holds; `ResearchInstance` is made by `deidentify` only. The same
input, profile and key give the same bytes. `fingerprint` and `same_content` tell the same object in another transfer
syntax. Whatever is not understood is refused with a
`DeidentificationError`, which carries a reason, a tag path and advice, never a value.
"""

from anonymizer.burned_in import check_text_search
from anonymizer.content import fingerprint, same_content
from anonymizer.errors import (
    BurnedInText,
    DeidentificationError,
    MissingIdentifier,
    ProfileError,
    ResidualIdentity,
    UnlistedPatient,
    Unreadable,
    Unsupported,
    WeakKey,
)
from anonymizer.instance import IdentifiedInstance, ResearchInstance
from anonymizer.key import ProjectKey
from anonymizer.options import Option
from anonymizer.original import OriginalIdentity
from anonymizer.pattern import PseudonymPattern
from anonymizer.pipeline import deidentify
from anonymizer.profile import Profile
from anonymizer.report import Report
from anonymizer.subject import Subject

__all__ = [
    "BurnedInText",
    "DeidentificationError",
    "IdentifiedInstance",
    "MissingIdentifier",
    "Option",
    "OriginalIdentity",
    "Profile",
    "ProfileError",
    "ProjectKey",
    "PseudonymPattern",
    "Report",
    "ResearchInstance",
    "ResidualIdentity",
    "Subject",
    "UnlistedPatient",
    "Unreadable",
    "Unsupported",
    "WeakKey",
    "check_text_search",
    "deidentify",
    "fingerprint",
    "same_content",
]
