"""How often each step of a job has failed in which way, where a retry begins anew, and what was withdrawn"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("first_attempt", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("job_steps") as table:
        table.add_column(sa.Column("setbacks", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("next_at", sa.Double(), nullable=True))
    # Only the rows that there were needed these.
    for name, column in (("jobs", "first_attempt"), ("job_steps", "setbacks")):
        with op.batch_alter_table(name) as table:
            table.alter_column(column, server_default=None)
    op.create_table(
        "withdrawals",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("readmitted_at", sa.Double(), nullable=True),
        sa.Column("remains", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_withdrawals_project")),
        sa.PrimaryKeyConstraint("project", "pseudonym", "study_uid", name=op.f("pk_withdrawals")),
    )


def downgrade() -> None:
    op.drop_table("withdrawals")
    with op.batch_alter_table("job_steps") as table:
        for column in ("next_at", "setbacks"):
            table.drop_column(column)
    with op.batch_alter_table("jobs") as table:
        table.drop_column("first_attempt")
