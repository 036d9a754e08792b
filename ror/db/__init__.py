"""Tables, migrations, and the one class that knows whether the database is SQLite or PostgreSQL."""

from ror.db import tables
from ror.db.batches import in_batches
from ror.db.chain import BEFORE_THE_FIRST, chained
from ror.db.database import Database, in_turn
from ror.db.unheard import gives_up

__all__ = ["BEFORE_THE_FIRST", "Database", "chained", "gives_up", "in_batches", "in_turn", "tables"]
