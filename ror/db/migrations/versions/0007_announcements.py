"""What procedure steps and notifications of availability say of studies"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "announced_studies",
        sa.Column("announcement_uid", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("told_by", sa.String(length=64), nullable=False),
        sa.Column("told_at", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "state IN ('IN PROGRESS', 'COMPLETED', 'DISCONTINUED')", name=op.f("ck_announced_studies_state")
        ),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_announced_studies_project")),
        sa.PrimaryKeyConstraint(
            "announcement_uid", "project", "study_uid", name=op.f("pk_announced_studies")
        ),
    )
    op.create_index(op.f("ix_announced_studies_study_uid"), "announced_studies", ["study_uid"])
    op.create_table(
        "announced_instances",
        sa.Column("announcement_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_uid", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("announcement_uid", "sop_uid", name=op.f("pk_announced_instances")),
    )


def downgrade() -> None:
    op.drop_table("announced_instances")
    op.drop_index(op.f("ix_announced_studies_study_uid"), table_name="announced_studies")
    op.drop_table("announced_studies")
