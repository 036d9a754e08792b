"""A folder of files, de-identified into another folder: no service, no archive, no network.

::

    order = Order(source, out, Profile.of(), OwnSecret(secret), jobs=4)
    result = deidentify_folder(order)
    result.tally.written, result.report["studies"], result.undone

``out`` gets ``<pseudonym>/<study>/<series>/<instance>.dcm``, a marker and two reports, and nothing that the source
says. What did not come out is listed beside ``out``, for the operator alone. The same order once more goes on where it
stopped. `new_key`, `write_key` and `read_key` keep a secret in a file of its own.
"""

from ror.deid.folder import Order, Result, deidentify_folder
from ror.deid.key_file import new_key, read_key, write_key
from ror.deid.pool import default_jobs
from ror.deid.secret import OwnSecret, ProjectSecret, Secret
from ror.deid.tally import Outcome, Tally

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
