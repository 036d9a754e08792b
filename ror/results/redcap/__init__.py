"""The REDCap project that the measurements of a project go to.

Contract
--------
::

    redcaps = Redcaps(secrets_folder, settings)          # one of a process: it keeps pace, and what REDCap has told
    told = redcaps.write(project, rows)                  # RedcapUnavailable: later; RedcapRefused: nothing was sent,
                                                         # with a fault for each field
    mismatches = redcaps.check(project, announced, events_named)   # what would be refused, before anything is measured
    text = dictionary_csv(dictionary_rows(manifests, form))              # what REDCap's "Upload data dictionary" takes

`api` talks to REDCap, `described` is what a REDCap project says of itself, `records` makes of measurements what such a
project takes.
"""

from ror.results.redcap.api import RedcapApi
from ror.results.redcap.blanks import Place
from ror.results.redcap.check import Announced, Mismatch
from ror.results.redcap.described import Described, RedcapField
from ror.results.redcap.dictionary import dictionary_csv, dictionary_rows, merged_dictionary
from ror.results.redcap.outlook import RedcapOutlook
from ror.results.redcap.pace import Pace
from ror.results.redcap.preview import would_send
from ror.results.redcap.records import Prepared
from ror.results.redcap.redcaps import Redcaps, with_event
from ror.results.redcap.target import RedcapTarget

__all__ = [
    "Announced",
    "Described",
    "Mismatch",
    "Pace",
    "Place",
    "Prepared",
    "RedcapApi",
    "RedcapField",
    "RedcapOutlook",
    "RedcapTarget",
    "Redcaps",
    "dictionary_csv",
    "dictionary_rows",
    "merged_dictionary",
    "with_event",
    "would_send",
]
