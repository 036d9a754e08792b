"""Hosts without the shared folder, and their tokens"""

import sqlalchemy as sa
from alembic import op

revision = "0016a"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("hosts") as table:
        table.add_column(sa.Column("has_folder", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("hosts") as table:  # only the rows that there were needed it
        table.alter_column("has_folder", server_default=None)
    with op.batch_alter_table("tokens") as table:
        table.add_column(sa.Column("host", sa.String(length=64), nullable=True))
        table.alter_column("project", existing_type=sa.String(length=64), nullable=True)


def downgrade() -> None:
    # An older release would give such a host jobs that it has no studies for, and takes every token for a project's.
    op.execute(
        "UPDATE jobs SET state = 'queued', attempt = attempt + 1, first_attempt = attempt + 1, host = NULL, "
        "gpu = NULL, reserved_at = NULL WHERE state IN ('queued', 'running') AND released_at IS NULL "
        "AND host IN (SELECT name FROM hosts WHERE NOT has_folder)"
    )
    op.execute("DELETE FROM hosts WHERE NOT has_folder")
    op.execute("DELETE FROM tokens WHERE project IS NULL")
    with op.batch_alter_table("tokens") as table:
        table.alter_column("project", existing_type=sa.String(length=64), nullable=False)
        table.drop_column("host")
    with op.batch_alter_table("hosts") as table:
        table.drop_column("has_folder")
