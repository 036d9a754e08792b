"""`workflow.toml`: golden files. To add a case, put a manifest and what is wrong with it into ``manifests/``.

``manifests/<name>.toml`` is a manifest. If ``manifests/<name>.faults`` exists, these are its faults, one a line;
without that file the manifest is right. Units are in ``units.txt``.
"""

import pickle
from pathlib import Path

import pytest

from containers import ManifestError, read_manifest
from containers.dimensions import fault_of_dimension
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


VOLUME, AREA, DIAMETER = ("SCT", "118565006"), ("SCT", "42798000"), ("SCT", "81827009")


@pytest.mark.parametrize(
    "unit", ["mL", "mm3", "cm3", "L", "dl", "m3", "mm2.cm", "10*-3.L", "{total}mL", "m.m.m"]
)
def test_a_volume_may_be_told_in(unit: str) -> None:
    assert fault_of_dimension(*VOLUME, unit) is None


@pytest.mark.parametrize("unit", ["kg", "mm", "mm2", "s", "%", "1", "mL/s", "[hnsf'U]", "deg", "/mL"])
def test_a_volume_is_not_told_in(unit: str) -> None:
    fault = fault_of_dimension(*VOLUME, unit)
    assert fault is not None and "is no unit of a volume; write one, such as 'mL'" in fault


@pytest.mark.parametrize(
    ("quantity", "right", "wrong"),
    [(AREA, ("mm2", "cm2", "ar"), "mm"), (DIAMETER, ("mm", "um", "cm2/mm"), "mm2")],
)
def test_areas_and_lengths_have_units_of_their_own(quantity, right, wrong: str) -> None:
    assert [fault_of_dimension(*quantity, unit) for unit in right] == [None] * len(right)
    assert fault_of_dimension(*quantity, wrong) is not None


@pytest.mark.parametrize("unit", ["Bq", "[iU]", "mol", "10*6"])
def test_what_is_not_known_is_not_judged(unit: str) -> None:
    assert fault_of_dimension("99ROR", "LAA950", "kg") is None
    assert fault_of_dimension(*VOLUME, unit) is None


def test_a_volume_in_kilograms_is_a_fault_of_the_manifest() -> None:
    text = (FOLDER / "whole.toml").read_text().replace('value = "mL"', 'value = "kg"')
    with pytest.raises(ManifestError) as caught:
        read_manifest(text)
    assert [str(fault) for fault in caught.value.faults] == [
        "outputs.measurements[0].unit.value: 'kg' is no unit of a volume; write one, such as 'mL'"
    ]
