"""What is kept for how long, and the removal of what nothing needs any more: job folders, images, studies.

Never removed is what a job works with that is queued, runs, is in review or has failed, a result that is still to be
delivered, and the newest or an enabled version of a workflow. Every removal is an event of the audit log.
"""

from typing import TYPE_CHECKING

from ror.loading import on_demand

if TYPE_CHECKING:
    from ror.housekeeping.keeper import Housekeeper
    from ror.housekeeping.nightly import Nightly
    from ror.housekeeping.rules import REMOVED, Removal, Rules
else:
    __getattr__ = on_demand(
        __name__, {"keeper": "Housekeeper", "nightly": "Nightly", "rules": "REMOVED Removal Rules"}
    )

__all__ = ["REMOVED", "Housekeeper", "Nightly", "Removal", "Rules"]
