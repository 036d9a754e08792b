"""Objects from files: a folder, a ZIP or one file takes the way in, object by object, in memory.

::

    done = import_objects(Path("/media/cd"), "lungs", intake)
    done.count(Outcome.TAKEN_IN), done.reasons(Outcome.QUARANTINED), done.complete

The same import once more is harmless: what is held is known again by its content.
"""

from ror.gateway.importing.outcome import Done, Imported, Outcome, outcome_of
from ror.gateway.importing.run import import_objects

__all__ = ["Done", "Imported", "Outcome", "import_objects", "outcome_of"]
