"""`workflow.toml`: golden files. To add a case, put a manifest and what is wrong with it into ``manifests/``.

``manifests/<name>.toml`` is a manifest. If ``manifests/<name>.faults`` exists, these are its faults, one a line;
without that file the manifest is right. Units are in ``units.txt``.
"""

import pickle
from pathlib import Path

import pytest

from containers import ManifestError, read_manifest
from containers.ucum import fault_of_unit

FOLDER = Path(__file__).parent / "manifests"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_manifest(path: Path) -> None:
    golden = path.with_suffix(".faults")
    text = path.read_text(encoding="utf-8")
    if not golden.exists():
        assert read_manifest(text).name
        return
    with pytest.raises(ManifestError) as caught:
        read_manifest(text)
    found = "".join(f"{fault}\n" for fault in caught.value.faults)
    assert found == golden.read_text(encoding="utf-8")


def test_faults_survive_pickling() -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest('select = "select series from study"')
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.faults) == (str(caught.value), caught.value.faults)
    assert copy.select == "select series from study"


def test_a_whole_manifest_says_what_it_needs_and_gives() -> None:
    manifest = read_manifest((FOLDER / "whole.toml").read_text())
    assert manifest.series_names_needed() == {"CT"}
    assert [segment.value for segment in manifest.mask("lungs").segments] == [1, 2]
    assert manifest.outputs.measurements[0].segment_of == ("lungs", 1)
    assert manifest.outputs.measurements[1].segment_of is None
    assert manifest.resources.memory_mib == 2048 and manifest.resources.pids == 256


def test_a_manifest_cannot_be_changed() -> None:
    manifest = read_manifest((FOLDER / "whole.toml").read_text())
    with pytest.raises(ValueError, match="frozen"):
        manifest.name = "other"


@pytest.mark.parametrize("line", (FOLDER / "units.txt").read_text(encoding="utf-8").splitlines())
def test_unit(line: str) -> None:
    """``mL`` is a unit; ``ml3 -> ?`` is none; ``mm^3 -> mm3`` is none, and that spelling is proposed."""
    unit, arrow, proposal = line.partition(" -> ")
    fault = fault_of_unit(unit)
    if not arrow:
        assert fault is None
    else:
        assert fault is not None
        assert (f"write '{proposal}'" in fault or f'write "{proposal}"' in fault) == (proposal != "?")
