"""When what jobs work on came in, and the jobs that have ended lately"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("job_id", sa.String(length=96), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=True),
        sa.Column("filed_at", sa.Double(), nullable=True),
        sa.Column("settled_at", sa.Double(), nullable=True),
        sa.Column("matched_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_arrivals_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_arrivals")),
    )
    op.create_index("ix_jobs_ended_at", "jobs", ["ended_at"])
    op.create_index("ix_deliveries_sop_uid", "deliveries", ["sop_uid"])


def downgrade() -> None:
    op.drop_index("ix_deliveries_sop_uid", "deliveries")
    op.drop_index("ix_jobs_ended_at", "jobs")
    op.drop_table("arrivals")
