"""Versions of workflows that run beside the current one, and deliver nothing"""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from ror.errors import NotAllowed

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
    _find_again()


def _find_again() -> None:
    """Jobs that ran in the shadow before the database went back tell it by their ids."""
    bind = op.get_bind()
    shadows = [
        {"of_job": row.id}
        for row in bind.execute(sa.text("SELECT id, workflow, package_digest, match_key, series FROM jobs"))
        if row.id == _shadow_id(row)
    ]
    if shadows:
        bind.execute(sa.text("UPDATE jobs SET shadow = true WHERE id = :of_job"), shadows)


def _shadow_id(row: Any) -> str:
    """As `ror.model.job_id` makes it in this release."""
    digest = hashlib.sha256(f"{row.workflow} {row.package_digest} {row.match_key} shadow\n".encode())
    for one in json.loads(row.series) if isinstance(row.series, str) else row.series:
        digest.update(f"{one['name']} {one['series_uid']} {one['content']}\n".encode())
    return f"{row.workflow}-{digest.hexdigest()[:20]}"


def downgrade() -> None:
    # An older release would deliver what is still to be done, or tried again.
    open_jobs = sa.text(
        "SELECT count(*) FROM jobs WHERE shadow AND state IN ('queued', 'running', 'review', 'failed')"
    )
    if number := op.get_bind().scalar(open_jobs):
        raise NotAllowed(
            f"jobs in the shadow of another version have not ended ({number}), and would deliver in that release",
            "disable these versions (ror workflow disable NAME --shadow), and let the jobs end, or cancel them",
        )
    for name in ("jobs", "workflows"):
        with op.batch_alter_table(name) as table:
            table.drop_column("shadow")
