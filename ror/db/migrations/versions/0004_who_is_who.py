"""Who is who: rules of pseudonyms, subjects, sealed identities, and who has asked for them"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pseudonym_rules",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("scheme", sa.String(length=16), nullable=False),
        sa.Column("pattern", sa.String(length=100), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.Column("keeps_identities", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "scheme IN ('derived', 'counted', 'coupled')", name=op.f("ck_pseudonym_rules_scheme")
        ),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_pseudonym_rules_project")),
        sa.PrimaryKeyConstraint("project", name=op.f("pk_pseudonym_rules")),
    )
    op.create_table(
        "subjects",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("added_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_subjects_project")),
        sa.PrimaryKeyConstraint("project", "digest", name=op.f("pk_subjects")),
        sa.UniqueConstraint("project", "number", name=op.f("uq_subjects_project_number")),
    )
    op.create_index(op.f("ix_subjects_project_person"), "subjects", ["project", "person"])
    op.create_index(op.f("ix_subjects_project_pseudonym"), "subjects", ["project", "pseudonym"])
    op.create_table(
        "identities",
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_identities_project")),
        sa.PrimaryKeyConstraint("project", "study_uid", "pseudonym", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_project_pseudonym"), "identities", ["project", "pseudonym"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    # The same object may be refused by several projects, and each releases it by itself.
    _make_quarantine_anew("sha256", "project")


def downgrade() -> None:
    _make_quarantine_anew("sha256")
    for table in ("audit", "identities", "subjects", "pseudonym_rules"):
        op.drop_table(table)


def _make_quarantine_anew(*key: str) -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT * FROM quarantine ORDER BY received_at")).mappings().all()
    op.drop_table("quarantine")
    made = op.create_table(
        "quarantine",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=64), nullable="project" not in key),
        sa.Column("calling_ae", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_quarantine")),
    )
    kept = {tuple(row[column] for column in key): {**row, "project": row["project"] or ""} for row in rows}
    if kept:
        op.bulk_insert(made, list(kept.values()))
