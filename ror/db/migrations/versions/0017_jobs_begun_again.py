"""An index of the jobs that were begun again, which are counted at every scrape"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    again = sa.text("attempt > 1")
    op.create_index("ix_jobs_again", "jobs", ["state"], sqlite_where=again, postgresql_where=again)


def downgrade() -> None:
    op.drop_index("ix_jobs_again", table_name="jobs")
