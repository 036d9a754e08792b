"""A viewer of others in a real browser shows what the archive holds, over DICOMweb alone."""

from __future__ import annotations

import json
import logging
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from examples import viewer
from examples.data.dicom_series import SeriesText, StudyText, write_series
from examples.data.identity import PlantedIdentity
from examples.data.volume import Volume
from orthanc import free_port
from tests.web.browser import browsing, needs_chromium, pages
from tests.web.conftest import multipart, serving_at

_FOLDER = viewer.CACHE / viewer.VERSION
_PATIENCE_SECONDS = 60  # with a browser on a busy machine
# When the viewport shows more than black, what the page says and how many shades it has.
_TELLS = """
const looking = setInterval(() => {
    const canvas = document.querySelector("canvas.cornerstone-canvas");
    if (!canvas) return;
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const shades = new Set(pixels.filter((_, at) => at % 4 == 0));
    if (shades.size < 8) return;
    clearInterval(looking);
    const said = JSON.stringify({shades: shades.size, text: document.body.innerText});
    fetch(SAID, {method: "POST", mode: "no-cors", body: said});
}, 250);
"""


def ct(folder: Path) -> list[bytes]:
    """Five slices of a round thing that is brighter from left to right."""
    across = np.linspace(-1, 1, 64)
    inside = across[:, None] ** 2 + across[None, :] ** 2 < 0.6
    slices = np.repeat(np.where(inside, 400 * across[None, :], -1000).astype(np.int16)[..., None], 5, axis=2)
    study = StudyText("viewer", PlantedIdentity.from_seed(1), "CT CHEST")
    files = write_series(
        folder,
        Volume(slices, np.diag([-4.0, -4.0, 3.0, 1.0])),
        study,
        SeriesText("CT", 1, "round thing", "CHEST"),
    )
    return [file.read_bytes() for file in files]


@pytest.mark.slow
@needs_chromium
@pytest.mark.skipif(not _FOLDER.is_dir(), reason="`make viewer` fetches OHIF by npm")
def test_ohif_shows_what_was_stored(
    tmp_path: Path, migrated_sqlite: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ror.web.reads")
    port = free_port()
    with ExitStack() as stack:
        settings = f'allowed_origins = ["http://127.0.0.1:{port}"]'
        web = stack.enter_context(serving_at(tmp_path, migrated_sqlite, settings, _PATIENCE_SECONDS))
        assert web.post(multipart(*ct(tmp_path / "ct"))).status_code == 200
        (study,) = (one["0020000D"]["Value"][0] for one in web.get("/studies").json())
        told = stack.enter_context(pages())
        script = viewer.configuration(web.url) + _TELLS.replace("SAID", json.dumps(told.origin))
        origin = stack.enter_context(viewer.serving(_FOLDER, script, port))
        stack.enter_context(browsing(f"{origin}/viewer?StudyInstanceUIDs={study}#token={web.read}"))
        said = told.said()
    assert said["shades"] >= 8
    assert "CT CHEST" in said["text"] and "round thing" in said["text"]
    lines = [one.getMessage() for one in caplog.records if one.name == "ror.web.reads"]
    assert all(line.endswith("status 200") for line in lines)
    assert any(line.startswith("viewer reads frames") for line in lines)


def test_without_a_token_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer, "fetch", lambda: pytest.fail("nothing is fetched for what cannot be shown"))
    with pytest.raises(SystemExit, match="ror token add viewer --project NAME --may read"):
        viewer.main(["--port", "0"])
