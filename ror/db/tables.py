"""The tables, in one dialect-neutral schema. Times are seconds since 1970-01-01 UTC (float), UIDs are text.

Nothing here is identified: patients, studies, series and instances are known by pseudonym and hashed UIDs. What
`identities` and `original_uids` hold is encrypted, and its key is not in the database.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ror.model import JobState, PseudonymScheme, StepState, StudyState

__all__ = [
    "CATALOGUE_ATTRIBUTES",
    "announced_instances",
    "announced_studies",
    "arrivals",
    "audit",
    "catalogue",
    "commitments",
    "corrections",
    "deliveries",
    "expected_studies",
    "hosts",
    "identities",
    "instances",
    "job_steps",
    "jobs",
    "measurements",
    "metadata",
    "original_uids",
    "projects",
    "pseudonym_rules",
    "quarantine",
    "redcap_instances",
    "redcap_owners",
    "results",
    "reviews",
    "routes",
    "series",
    "studies",
    "subjects",
    "terms",
    "tokens",
    "withdrawals",
    "workflows",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Name = String(64)
Uid = String(64)


def _one_of(
    column: str, states: type[StudyState] | type[JobState] | type[PseudonymScheme] | type[StepState]
) -> CheckConstraint:
    values = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} IN ({values})", name=column)


projects = Table(
    "projects",
    metadata,
    Column("name", Name, primary_key=True),
    Column("settings", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
)

# Where a project's pseudonyms come from; one without a row derives them from its secret.
pseudonym_rules = Table(
    "pseudonym_rules",
    metadata,
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column("scheme", String(16), nullable=False),
    Column("pattern", String(100), nullable=False),
    Column(
        "next_number", Integer, nullable=False
    ),  # the atomic counter: its row is locked by who takes a number
    Column("keeps_identities", Boolean, nullable=False),
    _one_of("scheme", PseudonymScheme),
)

# Patients that were counted or coupled, found by keyed digests of their ids.
subjects = Table(
    "subjects",
    metadata,
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column(
        "digest", String(64), primary_key=True
    ),  # of id and issuer, and of the accession number if one was listed
    Column("person", String(64), nullable=False),  # of id and issuer
    Column("pseudonym", String(64), nullable=False),
    Column("event", String(64), nullable=False),
    Column("number", Integer),  # of those that were counted
    Column("added_at", Double, nullable=False),
    UniqueConstraint("project", "number"),
    Index(None, "project", "person"),
    Index(None, "project", "pseudonym"),
)

# The way back to a patient, sealed by AES-256-GCM with a key that lies in a file.
identities = Table(
    "identities",
    metadata,
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column("study_uid", Uid, primary_key=True),
    Column("pseudonym", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("sealed_at", Double, nullable=False),
    Index(None, "project", "pseudonym"),
)

# The original UIDs behind those of research, sealed in the same way, where results go to a clinical PACS.
original_uids = Table(
    "original_uids",
    metadata,
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column("uid", Uid, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

# Who has opened or changed what leads to patients. Rows are only ever added, which triggers hold, and each has the hash
# of the one before it (`ror.db.chain`).
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1, 2, 3, ... without gaps
    Column("at", Double, nullable=False, index=True),
    Column("who", String(128), nullable=False),
    Column("action", String(32), nullable=False),
    Column("project", Name, nullable=False),
    Column("pseudonym", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

routes = Table(
    "routes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("calling_ae", String(16), nullable=False),  # "*": any
    Column("called_ae", String(16), nullable=False),
    Column("project", Name, ForeignKey("projects.name"), nullable=False),
    Column("address", String(64), nullable=False),  # of a host or a network, "*": any
    Column("condition", String(500), nullable=False),  # "": every object
    Column("priority", Integer, nullable=False),
    Column("settle_seconds", Double),
    Column("until_release", Boolean, nullable=False),
    UniqueConstraint("calling_ae", "called_ae", "address", "condition"),
)

# Who may come by HTTP; of a token itself there is only its SHA-256.
tokens = Table(
    "tokens",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("project", Name, ForeignKey("projects.name")),  # NULL: it is of a host
    Column("host", Name),
    Column("may_store", Boolean, nullable=False),
    Column("may_read", Boolean, nullable=False),
    Column("may_submit", Boolean, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("added_at", Double, nullable=False),
)

workflows = Table(
    "workflows",
    metadata,
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column("name", Name, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("version", Name, nullable=False),
    Column("select_text", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("shadow", Boolean, nullable=False, default=False),  # beside the enabled one, to be compared
    Column("added_at", Double, nullable=False),
)

studies = Table(
    "studies",
    metadata,
    Column("study_uid", Uid, primary_key=True),
    Column("project", Name, ForeignKey("projects.name"), nullable=False, index=True),
    Column("patient_id", Uid, nullable=False),
    Column("state", String(16), nullable=False),
    Column("first_received_at", Double, nullable=False),
    Column("last_received_at", Double, nullable=False),
    Column("settled_at", Double),
    Column("matched_at", Double),
    Column("settle_seconds", Double),  # of the route of its latest object; None as the settings say
    Column("sent_whole_by", String(64)),  # who has said after its latest object that this was all
    Column("settled_because", String(200)),
    _one_of("state", StudyState),
    Index(None, "project", "patient_id"),
    Index(None, "state", "last_received_at"),
)

# How many instances a study has where it comes from; told before its first object, or at any time later.
expected_studies = Table(
    "expected_studies",
    metadata,
    Column("study_uid", Uid, primary_key=True),
    Column("project", Name, ForeignKey("projects.name"), nullable=False),
    Column("instances", Integer, nullable=False),
    Column("told_by", String(64), nullable=False),
    Column("told_at", Double, nullable=False),
)

# What procedure steps (MPPS) and notifications of availability say of studies, under UIDs of research.
announced_studies = Table(
    "announced_studies",
    metadata,
    Column("announcement_uid", Uid, primary_key=True),
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column("study_uid", Uid, primary_key=True, index=True),
    Column("state", String(16), nullable=False),
    Column("told_by", String(64), nullable=False),
    Column("told_at", Double, nullable=False),
    _one_of("state", StepState),
)

# The instances that such a step has made, or that are available.
announced_instances = Table(
    "announced_instances",
    metadata,
    Column("announcement_uid", Uid, primary_key=True),
    Column("sop_uid", Uid, primary_key=True),
)

series = Table(
    "series",
    metadata,
    Column("series_uid", Uid, primary_key=True),
    Column("study_uid", Uid, ForeignKey("studies.study_uid"), nullable=False, index=True),
    # Attributes of the instance with the smallest SOPInstanceUID, so that the order of arrival makes no difference.
    Column("attributes_of", Uid, nullable=False),
    Column("attributes", JSON, nullable=False),
    # What we say of the series ourselves, like its number of images; written when its study has settled.
    Column("derived", JSON),
    Column("classified_by", String(64)),  # digest of the rules that the types in `derived` come from
    Column("made_by", String(96), index=True),  # the job of results beside images; None for what was sent
)

# The values of an attribute, parted by backslashes, each once: the catalogue holds their numbers.
terms = Table(
    "terms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("attribute", String(64), nullable=False, index=True),
    Column("text", Text, nullable=False),
    # Of attribute and text: PostgreSQL's indices hold no long texts.
    Column("digest", String(32), nullable=False, unique=True),
)

# The attributes that select statements use most, as numbers of terms, so that a whole archive is searched in a second.
# Any other attribute can be selected by, too, from `series.attributes`.
CATALOGUE_ATTRIBUTES = (
    "AcquisitionDate",
    "BodyPartExamined",
    "ClassifyTypes",
    "ContrastBolusAgent",
    "ConvolutionKernel",
    "DiffusionBValue",
    "EchoTime",
    "FlipAngle",
    "ImageType",
    "InversionTime",
    "KVP",
    "MRAcquisitionType",
    "MagneticFieldStrength",
    "Manufacturer",
    "ManufacturerModelName",
    "Modality",
    "NumImages",
    "PatientAge",
    "PatientPosition",
    "PatientSex",
    "PixelSpacing",
    "ProtocolName",
    "RepetitionTime",
    "ScanningSequence",
    "SequenceName",
    "SequenceVariant",
    "SeriesDescription",
    "SeriesNumber",
    "SliceThickness",
    "StudyDate",
    "StudyDescription",
)

catalogue = Table(
    "catalogue",
    metadata,
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column("patient", Integer, primary_key=True),
    Column("study", Integer, primary_key=True),
    Column("series_uid", Uid, ForeignKey("series.series_uid"), primary_key=True),
    *(Column(attribute, Integer) for attribute in CATALOGUE_ATTRIBUTES),
    # In SQLite the rows lie in the order of this key, so that the series of a study come together.
    sqlite_with_rowid=False,
)

instances = Table(
    "instances",
    metadata,
    Column("sop_uid", Uid, primary_key=True),
    Column("series_uid", Uid, ForeignKey("series.series_uid"), nullable=False, index=True),
    Column("sop_class_uid", Uid, nullable=False),
    Column("path", Text, nullable=False),  # below the archive folder
    Column("sha256", String(64), nullable=False),
    Column("source_digest", String(64), nullable=False),  # keyed: tells a resend from a different object
    Column("received_at", Double, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("project", Name, primary_key=True),
    Column("calling_ae", String(16), nullable=False),
    Column("reason", Name, nullable=False),
    Column("detail", Text, nullable=False),
    Column("received_at", Double, nullable=False),
)

# The workers of this database, by the name of their executor; times are those of the database's clock.
hosts = Table(
    "hosts",
    metadata,
    Column("name", Name, primary_key=True),
    Column("labels", JSON, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("cpus", Double, nullable=False),
    Column("memory_mib", Integer, nullable=False),
    Column("gpus", JSON, nullable=False),
    Column("in_flight", Integer, nullable=False),
    Column("has_folder", Boolean, nullable=False, default=True),  # else it asks the gateway for studies
    Column("release", String(32), nullable=False),
    Column("joins", Integer, nullable=False),
    Column("joined_at", Double, nullable=False),
    Column("beat_at", Double, nullable=False),
    Column("beat_seconds", Double, nullable=False),
    Column("drained", Boolean, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("project", Name, ForeignKey("projects.name"), nullable=False, index=True),
    Column("workflow", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("package_digest", String(64), nullable=False),
    Column("patient_id", Uid, nullable=False),
    Column("study_uid", Uid, nullable=False, index=True),
    Column("match_key", Uid, nullable=False),
    Column("series", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("shadow", Boolean, nullable=False, default=False),  # whatever has become of its version since
    Column("attempt", Integer, nullable=False),
    Column("dispatched_attempt", Integer, nullable=False),
    Column("first_attempt", Integer, nullable=False, default=1),  # what earlier ones have made is gone
    Column("detail", Text, nullable=False),
    Column("superseded_by", String(96)),
    Column("image", Text, nullable=False),
    Column("image_digest", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double, index=True),
    # Who has the job; None while it waits for a place.
    Column("host", Name),
    Column("gpu", String(64)),
    Column("host_share", Double),
    Column("placed_at", Double, index=True),
    Column("released_at", Double),  # its program has ended, and holds nothing of the host any more
    Column("reserved_at", Double),
    _one_of("state", JobState),
    Index(None, "project", "workflow", "match_key"),
    # The few that were begun again, among a hundred thousand that wait.
    Index("ix_jobs_again", "state", sqlite_where=text("attempt > 1"), postgresql_where=text("attempt > 1")),
    Index("ix_jobs_waiting", "state", "host", "released_at", "project", "workflow", "created_at"),
)

# When what a job works on came in, as it was when it was queued: later objects of the study change the study's own.
arrivals = Table(
    "arrivals",
    metadata,
    Column("job_id", String(96), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("received_at", Double),  # the first object of its series
    Column("filed_at", Double),  # the last one
    Column("settled_at", Double),
    Column("matched_at", Double, nullable=False),
)

job_steps = Table(
    "job_steps",
    metadata,
    Column("job_id", String(96), ForeignKey("jobs.id"), primary_key=True),
    Column("step", String(16), primary_key=True),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("detail", Text, nullable=False),
    # Since the job was last queued: how many tries have failed in which way, and when the next one is.
    Column("setbacks", JSON, nullable=False, default=dict),
    Column("next_at", Double),
)

results = Table(
    "results",
    metadata,
    Column("sop_uid", Uid, primary_key=True),
    Column("job_id", String(96), ForeignKey("jobs.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("sop_class_uid", Uid, nullable=False),
    Column("series_uid", Uid, nullable=False),
    Column("study_uid", Uid, nullable=False),
    Column("path", Text, nullable=False),  # below the job's folder
    Column("made_at", Double, nullable=False),
)

# What people have decided on the results of jobs; the latest row of a job counts, and none is ever taken away.
reviews = Table(
    "reviews",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", String(96), ForeignKey("jobs.id"), nullable=False, index=True),
    Column("accepted", Boolean, nullable=False),
    Column("who", String(128), nullable=False),  # the user of the system
    Column("reader", String(64), nullable=False),  # in whose name, "": their own
    Column("note", String(500), nullable=False),
    Column("corrections", JSON, nullable=False),  # UIDs of those that take the place of masks
    Column("decided_at", Double, nullable=False),
)

# Masks that were corrected in a viewer and sent back, each a version of its own.
corrections = Table(
    "corrections",
    metadata,
    Column("sop_uid", Uid, primary_key=True),
    Column("job_id", String(96), ForeignKey("jobs.id"), nullable=False),
    Column("mask", Name, nullable=False),
    Column("version", Integer, nullable=False),
    Column("series_uid", Uid, nullable=False),  # of the images that it lies on
    Column("sender", String(64), nullable=False),
    Column("received_at", Double, nullable=False),
    Column("agreement", JSON, nullable=False),  # Dice of each segment with the mask of the workflow
    Column("path", Text, nullable=False),  # below the home folder
    UniqueConstraint("job_id", "mask", "version"),
)

# What a destination has acknowledged, how often it was sent there, and how the destination has shown that it holds it.
deliveries = Table(
    "deliveries",
    metadata,
    Column("destination", Name, primary_key=True),
    Column("sop_uid", Uid, primary_key=True),
    Column("delivered_at", Double, nullable=False),
    Column("times_sent", Integer, nullable=False),
    Column("confirmed_at", Double),
    Column("confirmed_by", String(16)),
    Index(None, "sop_uid"),
)

# Storage commitment that was asked of destinations; UIDs are in it as digests only.
commitments = Table(
    "commitments",
    metadata,
    Column("transaction_uid", Uid, primary_key=True),
    Column("destination", Name, nullable=False),
    Column("objects", String(64), nullable=False),  # of all instances that were asked for
    Column("asked_at", Double, nullable=False),
    Column("kept", JSON),  # of each instance that it keeps; NULL until it has told
    UniqueConstraint("destination", "objects"),
)

measurements = Table(
    "measurements",
    metadata,
    Column("job_id", String(96), ForeignKey("jobs.id"), primary_key=True),
    Column("field_name", String(100), primary_key=True),
    Column("repeat_instrument", String(100), primary_key=True),
    Column("repeat_instance", Integer, primary_key=True),
    Column("record_id", String(100), primary_key=True),
    Column("event_name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
    Column("unit", String(32), nullable=False),
    Column("recorded_at", Double, nullable=False),
)

# Which repeat instance of REDCap a match writes to, so that every run of it writes to the same one.
redcap_instances = Table(
    "redcap_instances",
    metadata,
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column("record_id", String(100), primary_key=True),
    Column("event_name", String(100), primary_key=True),
    Column("instrument", String(100), primary_key=True),
    Column("workflow", Name, primary_key=True),
    Column("match_key", Uid, primary_key=True),
    Column("instance", Integer, nullable=False),
    UniqueConstraint(
        "project",
        "record_id",
        "event_name",
        "instrument",
        "workflow",
        "instance",
        name="uq_redcap_instances_instance",  # PostgreSQL cuts names off at 63 characters
    ),
)

# Which match has written a field of a record that does not repeat, so that no other one overwrites it.
redcap_owners = Table(
    "redcap_owners",
    metadata,
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column("record_id", String(100), primary_key=True),
    Column("event_name", String(100), primary_key=True),
    Column("workflow", Name, primary_key=True),
    Column("field_name", String(100), primary_key=True),
    Column("match_key", Uid, nullable=False),
    Column("job_id", String(96), ForeignKey("jobs.id"), nullable=False),
    Column("owned_since", Double, nullable=False),
)

# What nobody may take in again: a study of a patient, or whatever is theirs ("").
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("project", Name, ForeignKey("projects.name"), primary_key=True),
    Column("pseudonym", Uid, primary_key=True),
    Column("study_uid", Uid, primary_key=True),
    Column("withdrawn_at", Double, nullable=False),
    Column("ended_at", Double),  # all that could be removed is
    Column("readmitted_at", Double),
    Column("remains", JSON, nullable=False),  # which objects are where nothing can be removed
)
