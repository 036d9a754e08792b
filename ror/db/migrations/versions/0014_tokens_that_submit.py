"""Tokens that may submit workflows"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tokens") as table:
        table.add_column(sa.Column("may_submit", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Only the rows that there were needed it.
    with op.batch_alter_table("tokens") as table:
        table.alter_column("may_submit", server_default=None)


def downgrade() -> None:
    # Who may do nothing else had no token before.
    op.execute("DELETE FROM tokens WHERE NOT may_store AND NOT may_read")
    with op.batch_alter_table("tokens") as table:
        table.drop_column("may_submit")
