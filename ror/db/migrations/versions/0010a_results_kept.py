"""Which series of the archive are results of jobs, and what PACS have said that they keep of results"""

import sqlalchemy as sa
from alembic import op

revision = "0010a"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("series", sa.Column("made_by", sa.String(length=96), nullable=True))
    op.create_index("ix_series_made_by", "series", ["made_by"])
    op.create_table(
        "commitments",
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("objects", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("kept", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("transaction_uid", name=op.f("pk_commitments")),
        sa.UniqueConstraint("destination", "objects", name=op.f("uq_commitments_destination_objects")),
    )


def downgrade() -> None:
    op.drop_table("commitments")
    ours = "SELECT series_uid FROM series WHERE made_by IS NOT NULL"
    op.execute(
        f"DELETE FROM instances WHERE series_uid IN ({ours})"
    )  # an earlier release took them for images
    op.execute("DELETE FROM series WHERE made_by IS NOT NULL")
    op.drop_index("ix_series_made_by", "series")
    with op.batch_alter_table("series") as table:
        table.drop_column("made_by")
