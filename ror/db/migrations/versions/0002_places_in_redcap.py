"""Places in REDCap"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "redcap_instances",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("record_id", sa.String(length=100), nullable=False),
        sa.Column("event_name", sa.String(length=100), nullable=False),
        sa.Column("instrument", sa.String(length=100), nullable=False),
        sa.Column("workflow", sa.String(length=64), nullable=False),
        sa.Column("match_key", sa.String(length=64), nullable=False),
        sa.Column("instance", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_redcap_instances_project")),
        sa.PrimaryKeyConstraint(
            "project",
            "record_id",
            "event_name",
            "instrument",
            "workflow",
            "match_key",
            name=op.f("pk_redcap_instances"),
        ),
        sa.UniqueConstraint(
            "project",
            "record_id",
            "event_name",
            "instrument",
            "workflow",
            "instance",
            name=op.f("uq_redcap_instances_instance"),
        ),
    )
    op.create_table(
        "redcap_owners",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("record_id", sa.String(length=100), nullable=False),
        sa.Column("event_name", sa.String(length=100), nullable=False),
        sa.Column("workflow", sa.String(length=64), nullable=False),
        sa.Column("field_name", sa.String(length=100), nullable=False),
        sa.Column("match_key", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=96), nullable=False),
        sa.Column("owned_since", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_redcap_owners_job_id")),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_redcap_owners_project")),
        sa.PrimaryKeyConstraint(
            "project",
            "record_id",
            "event_name",
            "workflow",
            "field_name",
            name=op.f("pk_redcap_owners"),
        ),
    )


def downgrade() -> None:
    op.drop_table("redcap_owners")
    op.drop_table("redcap_instances")
