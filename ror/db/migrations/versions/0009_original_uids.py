"""The way back to original UIDs, sealed, where results go to a clinical PACS"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "original_uids",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("uid", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_original_uids_project")),
        sa.PrimaryKeyConstraint("project", "uid", name=op.f("pk_original_uids")),
    )


def downgrade() -> None:
    op.drop_table("original_uids")
