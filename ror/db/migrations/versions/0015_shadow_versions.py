"""Versions of workflows that run beside the current one, and deliver nothing"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("workflows", "jobs"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("shadow", sa.Boolean(), nullable=False, server_default=sa.false()))
        with op.batch_alter_table(name) as table:  # only the rows that there were needed it
            table.alter_column("shadow", server_default=None)


def downgrade() -> None:
    # An older release would deliver what is still to be done.
    op.execute(
        "UPDATE jobs SET state = 'cancelled', detail = 'ran beside the current version' "
        "WHERE shadow AND state IN ('queued', 'running')"
    )
    for name in ("jobs", "workflows"):
        with op.batch_alter_table(name) as table:
            table.drop_column("shadow")
