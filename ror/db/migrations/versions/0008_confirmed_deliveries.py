"""When results were made, how often objects were sent, and how a destination has shown that it holds them"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("results") as table:
        table.add_column(sa.Column("made_at", sa.Double(), nullable=False, server_default="0"))
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("times_sent", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("confirmed_at", sa.Double(), nullable=True))
        table.add_column(sa.Column("confirmed_by", sa.String(length=16), nullable=True))
    # Only the rows that there were needed these.
    for name, column in (("results", "made_at"), ("deliveries", "times_sent")):
        with op.batch_alter_table(name) as table:
            table.alter_column(column, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        for column in ("confirmed_by", "confirmed_at", "times_sent"):
            table.drop_column(column)
    with op.batch_alter_table("results") as table:
        table.drop_column("made_at")
