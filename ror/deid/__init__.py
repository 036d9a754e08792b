"""A folder of files, de-identified into another folder: no service, no archive, no network.

::

    order = Order(source, out, Profile.of(), OwnSecret(secret), jobs=4)
    result = deidentify_folder(order)
    result.tally.written, result.report["studies"], result.undone

``out`` gets ``<pseudonym>/<study>/<series>/<instance>.dcm``, a marker and two reports, and nothing that the source
says. What did not come out is listed beside ``out``, for the operator alone. The same order once more goes on where it
stopped. `new_key`, `write_key` and `read_key` keep a secret in a file of its own.
"""

from typing import TYPE_CHECKING

from ror.loading import on_demand

if TYPE_CHECKING:
    from ror.deid.folder import Order, Result, deidentify_folder
    from ror.deid.key_file import new_key, read_key, write_key
    from ror.deid.pool import default_jobs
    from ror.deid.project_secret import ProjectSecret
    from ror.deid.secret import OwnSecret, Secret
    from ror.deid.tally import Outcome, Tally
else:
    __getattr__ = on_demand(
        __name__,
        {
            "folder": "Order Result deidentify_folder",
            "key_file": "new_key read_key write_key",
            "pool": "default_jobs",
            "project_secret": "ProjectSecret",
            "secret": "OwnSecret Secret",
            "tally": "Outcome Tally",
        },
    )

__all__ = [
    "Order",
    "Outcome",
    "OwnSecret",
    "ProjectSecret",
    "Result",
    "Secret",
    "Tally",
    "default_jobs",
    "deidentify_folder",
    "new_key",
    "read_key",
    "write_key",
]
