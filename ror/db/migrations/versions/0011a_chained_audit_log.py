"""Each event of the audit log has the hash of the one before it, and none can be changed or removed"""

import sqlalchemy as sa
from alembic import op

from ror.db.chain import BEFORE_THE_FIRST, chained

revision = "0011a"
down_revision = "0011"
branch_labels = None
depends_on = None

_AUDIT = sa.table(
    "audit",
    *(sa.column(name) for name in ("id", "at", "who", "action", "project", "pseudonym", "detail")),
    sa.column("previous"),
    sa.column("hash"),
)
_REFUSED = "the audit log is only ever added to"
_SQLITE = [
    f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
    for verb in ("UPDATE", "DELETE")
]
_POSTGRESQL = [
    "CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit()",
]


def upgrade() -> None:
    with op.batch_alter_table("audit") as table:
        table.add_column(sa.Column("previous", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("hash", sa.String(length=64), nullable=True))
    _chain_what_is_there()
    with op.batch_alter_table("audit") as table:
        for name in ("previous", "hash"):
            table.alter_column(name, existing_type=sa.String(length=64), nullable=False)
    for statement in _SQLITE if _is_sqlite() else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if _is_sqlite():
        op.execute("DROP TRIGGER audit_no_update")
        op.execute("DROP TRIGGER audit_no_delete")
    else:
        op.execute("DROP FUNCTION refuse_change_of_audit() CASCADE")
        # An older release takes its numbers from the sequence.
        op.execute("SELECT setval(pg_get_serial_sequence('audit', 'id'), max(id)) FROM audit")
    with op.batch_alter_table("audit") as table:
        table.drop_column("hash")
        table.drop_column("previous")


def _chain_what_is_there() -> None:
    """Number the events without gaps, which a transaction that failed has left, and give them their hashes."""
    connection = op.get_bind()
    previous = BEFORE_THE_FIRST
    rows = connection.execute(sa.select(_AUDIT).order_by(_AUDIT.c.id)).all()
    for number, row in enumerate(rows, start=1):
        fields = (row.at, row.who, row.action, row.project, row.pseudonym, row.detail)
        link = chained(previous, number, *fields)
        values = {"id": number, "previous": previous, "hash": link}
        connection.execute(_AUDIT.update().where(_AUDIT.c.id == row.id).values(values))
        previous = link


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
