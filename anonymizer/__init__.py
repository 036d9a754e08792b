"""PS3.15 de-identification of one DICOM object::

    instance = IdentifiedInstance.from_part10(data)
    research, report = deidentify(instance, Profile.of(), ProjectKey(secret))
    data = research.to_part10()

No network, and no memory between calls. A `Deidentifier` does the same for many objects and remembers, for as long as
it lives, what became of their elements: the same bytes, twenty times as fast. `read_file` and `write_file` leave pixel
data in its file.

`IdentifiedInstance` shows nothing of what it holds; a `ResearchInstance` is made by de-identification only. The same
input, profile and key give the same bytes. `fingerprint` and `same_content` tell the same object in another transfer
syntax. Whatever is not understood is refused with a
`DeidentificationError`, which carries a reason, a tag path and advice, never a value.
"""

from anonymizer.burned_in import check_text_search
from anonymizer.content import fingerprint, same_content
from anonymizer.deidentifier import Deidentifier
from anonymizer.difference import Difference, ToldRule, differences, rules_of, standard_of
from anonymizer.errors import (
    BurnedInText,
    DeidentificationError,
    MissingIdentifier,
    ProfileError,
    ProfileFault,
    ResidualIdentity,
    UnlistedPatient,
    Unreadable,
    Unsupported,
    WeakKey,
)
from anonymizer.files import read_file, write_file
from anonymizer.inheritance import Changes, extended
from anonymizer.instance import IdentifiedInstance, ResearchInstance
from anonymizer.key import ProjectKey
from anonymizer.lines import Line, PrivateLine, Treatment
from anonymizer.options import Option
from anonymizer.original import OriginalIdentity
from anonymizer.pattern import PseudonymPattern
from anonymizer.pipeline import deidentify
from anonymizer.profile import Profile
from anonymizer.profile_file import NamedProfile, load_profile, read_profile, shipped_profiles
from anonymizer.profile_text import write_profile
from anonymizer.report import Report
from anonymizer.subject import Subject

__all__ = [
    "BurnedInText",
    "Changes",
    "DeidentificationError",
    "Deidentifier",
    "Difference",
    "IdentifiedInstance",
    "Line",
    "MissingIdentifier",
    "NamedProfile",
    "Option",
    "OriginalIdentity",
    "PrivateLine",
    "Profile",
    "ProfileError",
    "ProfileFault",
    "ProjectKey",
    "PseudonymPattern",
    "Report",
    "ResearchInstance",
    "ResidualIdentity",
    "Subject",
    "ToldRule",
    "Treatment",
    "UnlistedPatient",
    "Unreadable",
    "Unsupported",
    "WeakKey",
    "check_text_search",
    "deidentify",
    "differences",
    "extended",
    "fingerprint",
    "load_profile",
    "read_file",
    "read_profile",
    "rules_of",
    "same_content",
    "shipped_profiles",
    "standard_of",
    "write_file",
    "write_profile",
]
