"""Jobs that wait in review or were rejected, what people have decided on them, and the masks that they corrected"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BEFORE = ("queued", "running", "succeeded", "failed", "cancelled", "superseded")
_NOW = ("queued", "running", "review", "succeeded", "failed", "rejected", "cancelled", "superseded")


def _allow(states: tuple[str, ...]) -> None:
    with op.batch_alter_table("jobs") as table:
        table.drop_constraint(op.f("ck_jobs_state"), type_="check")
        told = ", ".join(f"'{state}'" for state in states)
        table.create_check_constraint(op.f("ck_jobs_state"), f"state IN ({told})")


def upgrade() -> None:
    _allow(_NOW)
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=96), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("corrections", sa.JSON(), nullable=False),
        sa.Column("decided_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_reviews_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_index(op.f("ix_reviews_job_id"), "reviews", ["job_id"])
    op.create_table(
        "corrections",
        sa.Column("sop_uid", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=96), nullable=False),
        sa.Column("mask", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("agreement", sa.JSON(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_corrections_job_id")),
        sa.PrimaryKeyConstraint("sop_uid", name=op.f("pk_corrections")),
        sa.UniqueConstraint("job_id", "mask", "version", name=op.f("uq_corrections_job_id_mask_version")),
    )


def downgrade() -> None:
    op.drop_table("corrections")
    op.drop_index(op.f("ix_reviews_job_id"), "reviews")
    op.drop_table("reviews")
    # An older release knows neither state; it can run such a job again.
    op.execute("UPDATE jobs SET state = 'cancelled' WHERE state IN ('review', 'rejected')")
    _allow(_BEFORE)
