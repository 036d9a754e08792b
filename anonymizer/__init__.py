"""PS3.15 de-identification of one DICOM object, in memory.

No files, no network, no memory between calls::

    instance = IdentifiedInstance.from_part10(data)
    research, report = deidentify(instance, Profile.of(), ProjectKey(secret))
    data = research.to_part10()

`IdentifiedInstance` shows nothing of what it holds; `ResearchInstance` is made by `deidentify` only. The same
input, profile and key give the same bytes. Whatever is not understood is refused with a
`DeidentificationError`, which carries a reason, a tag path and advice, never a value.
"""

from .deidentify import deidentify
from .errors import (
    BurnedInText,
    DeidentificationError,
    MissingIdentifier,
    ProfileError,
    ResidualIdentity,
    Unreadable,
    Unsupported,
    WeakKey,
)
from .instance import IdentifiedInstance, ResearchInstance
from .key import ProjectKey
from .profile import Profile
from .report import Report
from .subject import Subject

__all__ = [
    "BurnedInText",
    "DeidentificationError",
    "IdentifiedInstance",
    "MissingIdentifier",
    "Profile",
    "ProfileError",
    "ProjectKey",
    "Report",
    "ResearchInstance",
    "ResidualIdentity",
    "Subject",
    "Unreadable",
    "Unsupported",
    "WeakKey",
    "deidentify",
]
