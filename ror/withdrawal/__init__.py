"""Taking a study, or all of a patient, out of a project again: wherever it went, as far as that can be done.

`Withdrawing` lets nothing more of it come in first, ends its jobs, takes back what was delivered, and only then removes
what says where that lies. So the same command again goes on where it stopped.
"""

from typing import TYPE_CHECKING

from ror.loading import on_demand

if TYPE_CHECKING:
    from ror.withdrawal.withdrawing import Found, Outcome, Withdrawing
else:
    __getattr__ = on_demand(__name__, {"withdrawing": "Found Outcome Withdrawing"})

__all__ = ["Found", "Outcome", "Withdrawing"]
