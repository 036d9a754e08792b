"""Routes by address and condition, with a settle time; why a study has settled, and how many instances it has"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PAIR = ["calling_ae", "called_ae"]


def upgrade() -> None:
    with op.batch_alter_table("routes") as table:
        table.add_column(sa.Column("address", sa.String(length=64), nullable=False, server_default="*"))
        table.add_column(sa.Column("condition", sa.String(length=500), nullable=False, server_default=""))
        table.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("settle_seconds", sa.Double(), nullable=True))
        table.add_column(sa.Column("until_release", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.drop_constraint(op.f("uq_routes_calling_ae_called_ae"), type_="unique")
        table.create_unique_constraint(
            op.f("uq_routes_calling_ae_called_ae_address_condition"), [*_PAIR, "address", "condition"]
        )
    # Only the routes that there were needed these.
    with op.batch_alter_table("routes") as table:
        for column in ("address", "condition", "priority", "until_release"):
            table.alter_column(column, server_default=None)
    with op.batch_alter_table("studies") as table:
        table.add_column(sa.Column("settle_seconds", sa.Double(), nullable=True))
        table.add_column(sa.Column("sent_whole_by", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("settled_because", sa.String(length=200), nullable=True))
    op.create_table(
        "expected_studies",
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("told_by", sa.String(length=64), nullable=False),
        sa.Column("told_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_expected_studies_project")),
        sa.PrimaryKeyConstraint("study_uid", name=op.f("pk_expected_studies")),
    )


def downgrade() -> None:
    op.drop_table("expected_studies")
    with op.batch_alter_table("studies") as table:
        for column in ("settled_because", "sent_whole_by", "settle_seconds"):
            table.drop_column(column)
    # An older release knows pairs of titles only: what it cannot tell apart, or would widen, goes.
    op.execute("DELETE FROM routes WHERE address <> '*' OR condition <> ''")
    with op.batch_alter_table("routes") as table:
        table.drop_constraint(op.f("uq_routes_calling_ae_called_ae_address_condition"), type_="unique")
        table.create_unique_constraint(op.f("uq_routes_calling_ae_called_ae"), _PAIR)
        for column in ("until_release", "settle_seconds", "priority", "condition", "address"):
            table.drop_column(column)
