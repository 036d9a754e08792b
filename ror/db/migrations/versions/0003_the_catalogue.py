"""The catalogue that select statements search"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ATTRIBUTES = (
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


def upgrade() -> None:
    op.create_table(
        "terms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attribute", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms")),
        sa.UniqueConstraint("digest", name=op.f("uq_terms_digest")),
    )
    op.create_index(op.f("ix_terms_attribute"), "terms", ["attribute"])
    op.create_table(
        "catalogue",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("patient", sa.Integer(), nullable=False),
        sa.Column("study", sa.Integer(), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        *(sa.Column(attribute, sa.Integer(), nullable=True) for attribute in _ATTRIBUTES),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_catalogue_project")),
        sa.ForeignKeyConstraint(["series_uid"], ["series.series_uid"], name=op.f("fk_catalogue_series_uid")),
        sa.PrimaryKeyConstraint("project", "patient", "study", "series_uid", name=op.f("pk_catalogue")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("series") as table:
        table.add_column(sa.Column("derived", sa.JSON(), nullable=True))
        table.add_column(sa.Column("classified_by", sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("series") as table:
        table.drop_column("classified_by")
        table.drop_column("derived")
    op.drop_table("catalogue")
    op.drop_table("terms")
