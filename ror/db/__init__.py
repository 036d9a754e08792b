"""Tables, migrations, and the one class that knows whether the database is SQLite or PostgreSQL."""

from ror.db import tables
from ror.db.batches import in_batches
from ror.db.database import Database

__all__ = ["Database", "in_batches", "tables"]
