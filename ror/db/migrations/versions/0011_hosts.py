"""Hosts, and which of them has which job"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010a"
branch_labels = None
depends_on = None

_WAITING = ["state", "host", "released_at", "project", "workflow", "created_at"]


def upgrade() -> None:
    op.create_table(
        "hosts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("cpus", sa.Double(), nullable=False),
        sa.Column("memory_mib", sa.Integer(), nullable=False),
        sa.Column("gpus", sa.JSON(), nullable=False),
        sa.Column("in_flight", sa.Integer(), nullable=False),
        sa.Column("release", sa.String(length=32), nullable=False),
        sa.Column("joins", sa.Integer(), nullable=False),
        sa.Column("joined_at", sa.Double(), nullable=False),
        sa.Column("beat_at", sa.Double(), nullable=False),
        sa.Column("beat_seconds", sa.Double(), nullable=False),
        sa.Column("drained", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_hosts")),
    )
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("host", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("gpu", sa.String(length=64), nullable=True))
        for name in ("host_share", "placed_at", "released_at", "reserved_at"):
            table.add_column(sa.Column(name, sa.Double(), nullable=True))
        table.drop_index(op.f("ix_jobs_state"))
        table.create_index(op.f("ix_jobs_placed_at"), ["placed_at"])
        table.create_index(op.f("ix_jobs_waiting"), _WAITING)
    # Jobs under way go on: the default worker takes them up, or if there is none, whoever is there.
    op.execute(
        "UPDATE jobs SET host = 'main', placed_at = started_at, released_at = "
        "(SELECT job_steps.ended_at FROM job_steps WHERE job_steps.job_id = jobs.id AND job_steps.step = 'execute') "
        "WHERE state = 'running'"
    )
    # Those that were handed to the durable engine, and had not begun, are handed to it under another number.
    op.execute(
        "UPDATE jobs SET attempt = attempt + 1 WHERE state = 'queued' AND dispatched_attempt = attempt"
    )


def downgrade() -> None:
    # An older release takes up what is queued.
    op.execute("UPDATE jobs SET state = 'queued', attempt = attempt + 1 WHERE state = 'running'")
    with op.batch_alter_table("jobs") as table:
        table.drop_index(op.f("ix_jobs_waiting"))
        table.drop_index(op.f("ix_jobs_placed_at"))
        table.create_index(op.f("ix_jobs_state"), ["state"])
        for name in ("reserved_at", "released_at", "placed_at", "host_share", "gpu", "host"):
            table.drop_column(name)
    op.drop_table("hosts")
