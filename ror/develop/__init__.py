"""The developer's side: a workflow and some DICOM files on a laptop, and what would become of them in the hospital.

::

    start(folder, "python")                                # ror init
    project = DeveloperProject.at(folder)
    with DataIndex.opened(project.data_index) as index:
        scanning.scan(index, [data], jobs=2)               # ror config --data
        matches = select_lang.evaluate(project.statement(), index.series())

There is no service, no archive and no database of one. What a job finds, runs and makes is up to the parts of the
engine and of the way back themselves: `trial` puts them together for one job as `ror.app` does for a service.
`scanning` and `trial` are public by themselves, because what they need takes a second to load.
"""

from ror.develop.cloning import is_address
from ror.develop.data_index import DataIndex, FileState, Instance
from ror.develop.leftovers import sweep, to_be_removed
from ror.develop.project import DeveloperProject
from ror.develop.settings import DeveloperSettings
from ror.develop.starter import TYPES, Started, start

__all__ = [
    "TYPES",
    "DataIndex",
    "DeveloperProject",
    "DeveloperSettings",
    "FileState",
    "Instance",
    "Started",
    "is_address",
    "start",
    "sweep",
    "to_be_removed",
]
