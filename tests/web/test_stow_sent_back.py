"""A segmentation that a viewer stores by STOW-RS, of a study that it has read here, is a correction."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import dcmread

from ror.gateway import Status
from tests.support.studies import small_ct
from tests.support.viewer import stored_by_ohif
from tests.web.conftest import Web, multipart


def test_it_is_told_whose_mask_it_could_have_corrected(web: Web, tmp_path: Path) -> None:
    stored = web.post(multipart(*(file.read_bytes() for file in small_ct(tmp_path))))
    assert stored.status_code == 200
    (study,) = web.app.index.studies("lungs")
    images = sorted(
        (dcmread(web.app.home.archive / one.path) for one in web.app.index.study_instances(study.study_uid)),
        key=lambda image: float(image.ImagePositionPatient[2]),
    )
    seg, file = stored_by_ohif(images, np.ones((len(images), 16, 16)), {1: "Box"}), BytesIO()
    seg.save_as(file, enforce_file_format=True)
    answer = web.post(multipart(file.getvalue()))
    (failed,) = answer.json()["00081198"]["Value"]
    assert answer.status_code == 409
    assert failed["00081197"]["Value"] == [Status.CORRECTION_REFUSED]
    (held,) = web.app.quarantine.list()
    assert (held.reason, held.calling_ae) == ("correction_other_series", "scanner")
    assert "no finished job of its study has made a mask" in held.detail
    assert len(web.app.index.study_instances(study.study_uid)) == len(images)
