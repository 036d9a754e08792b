"""Rules are data: each shipped one can hold, a project's own come with all their faults, and no plain slice is hit."""

from importlib.resources import files

import pytest
from drawn import drawn, instance, part10, read, stack, ultrasound
from pydicom import Dataset
from pydicom.uid import CTImageStorage

from anonymizer import BurnedInText, ProfileError, pixels
from anonymizer.pixels.attributes import Attributes
from anonymizer.pixels.rules import DeviceRule, Kind, kind_of

SHIPPED = pixels.Rules.shipped().devices
OWN = """
[[device]]
name = "Ultrasound in room 4"
source = "seen on 2026-11-20"
when = { Modality = "US", Manufacturer = ["Sonix", "General"], Rows = 96 }
mask = [[0, 0, 128, 24]]
"""


def seen(dataset: Dataset) -> Kind:
    whole = ultrasound(drawn(), Modality=None, ImageType=None, Rows=None, Columns=None)
    whole.update(dataset)
    return kind_of(Attributes.of(instance(part10(whole))))


def of_kind(rule: DeviceRule) -> Dataset:
    dataset = Dataset()
    for keyword, values in rule.when:
        setattr(dataset, keyword, values[0])
    return dataset


def test_there_are_rules_from_a_named_source_with_its_licence() -> None:
    assert len(SHIPPED) > 80
    assert all(rule.source.startswith("deid.dicom") and rule.mask for rule in SHIPPED)
    assert "MIT" in files("anonymizer.pixels").joinpath("data", "devices.toml").read_text(encoding="utf-8")
    assert files("anonymizer.pixels").joinpath("data", "LICENSE.deid").is_file()


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda rule: f"{rule.name} {rule.mask[0].right}")
def test_every_shipped_rule_holds_for_its_kind_and_for_no_other_size(rule: DeviceRule) -> None:
    dataset = of_kind(rule)
    assert rule.holds(seen(dataset))
    size = "Rows" if "Rows" in dataset else "Columns"
    setattr(dataset, size, dataset[size].value + 1)
    assert not rule.holds(seen(dataset))


@pytest.mark.parametrize(
    "manufacturer", ["GE MEDICAL SYSTEMS", "SIEMENS", "Philips", "TOSHIBA", "Canon", "Vital Images"]
)
@pytest.mark.parametrize("kind", [["ORIGINAL", "PRIMARY", "AXIAL"], ["ORIGINAL", "PRIMARY", "LOCALIZER"]])
def test_a_plain_slice_is_hit_by_no_rule(manufacturer: str, kind: list[str]) -> None:
    slice_ = Dataset()
    slice_.Modality, slice_.Manufacturer, slice_.ImageType = "CT", manufacturer, kind
    slice_.ManufacturerModelName, slice_.SeriesDescription = "Revolution", "Thorax 1.0"
    slice_.Rows = slice_.Columns = 512
    assert not [rule.name for rule in SHIPPED if rule.holds(seen(slice_))]


def test_a_rule_of_the_project_masks_what_no_shipped_rule_knows() -> None:
    own = pixels.Rules.shipped(OWN)
    dataset = ultrasound(drawn(2), Manufacturer="GENERAL SOUND", SequenceOfUltrasoundRegions=[])
    out, masking = pixels.masked(instance(part10(dataset)), own)
    assert masking is not None and masking.by == ("Ultrasound in room 4",)
    assert not stack(read(out))[:, :24].any()


def test_a_text_holds_at_the_beginning_of_a_word_only() -> None:
    (rule, *_) = pixels.Rules.shipped(OWN.replace('["Sonix", "General"]', '"GE"')).devices
    dataset = of_kind(rule)
    for maker, holds in {"GE": True, "GE Healthcare": True, "x ge": True, "SIEGE": False, "": False}.items():
        dataset.Manufacturer = maker
        assert rule.holds(seen(dataset)) is holds
    del dataset.Manufacturer
    assert not rule.holds(seen(dataset))


def test_a_screen_of_doses_that_does_not_say_so_is_known_by_its_device() -> None:
    dose = ultrasound(
        drawn(),
        SOPClassUID=CTImageStorage,
        Modality="CT",
        Manufacturer="PHILIPS",
        ImageType=["DERIVED", "SECONDARY", "DOSE INFO"],
    )
    small = pixels.Rules.shipped(
        '[[device]]\nname = "a"\nsource = "b"\nwhen = { ImageType = "DOSE" }\nmask = [[0, 0, 128, 24]]'
    )
    out, masking = pixels.masked(instance(part10(dose)), small)
    assert masking is not None and not stack(read(out))[:, :24].any()


def test_a_number_that_is_none_keeps_no_plain_image_out() -> None:
    plain = ultrasound(drawn(), SOPClassUID=CTImageStorage, Modality="CT", WindowWidth="400")
    one = instance(part10(plain).replace(b"DS\x04\x00400 ", b"DS\x04\x004OO "))
    assert pixels.masked(one, pixels.Rules.shipped()) == (one, None)


def test_a_rule_may_refuse() -> None:
    rules = pixels.Rules.shipped(OWN.replace("mask = [[0, 0, 128, 24]]", "refuse = true"))
    with pytest.raises(BurnedInText) as caught:
        pixels.masked(instance(part10(ultrasound(drawn(), Manufacturer="Sonix"))), rules)
    assert caught.value.reason == "refused_by_rule"


def test_a_rule_beside_the_image_masks_nothing_and_counts_for_nothing() -> None:
    rules = pixels.Rules.shipped(OWN.replace("[0, 0, 128, 24]", "[500, 500, 10, 10]"))
    dataset = ultrasound(drawn(), Manufacturer="Sonix", SequenceOfUltrasoundRegions=[])
    with pytest.raises(BurnedInText) as caught:
        pixels.masked(instance(part10(dataset)), rules)
    assert caught.value.reason == "no_mask_rule"


def test_all_faults_of_the_rules_are_told_at_once() -> None:
    text = """
    [[device]]
    name = 3
    when = { Patient = "x", Rows = "96", Manufacturer = [] }
    mask = [[0, 0, 10]]
    colour = "black"

    [[device]]
    name = "a"
    source = "b"
    when = {}
    refuse = true
    mask = [[0, 0, 1, 1]]
    """
    with pytest.raises(ProfileError) as caught:
        pixels.Rules.shipped(text)
    for fault in (
        "device[0].colour: unknown",
        "device[0].name: a text",
        "device[0].source: a text",
        "device[0].when.Patient: unknown",
        "device[0].when.Rows: a number",
        "device[0].when.Manufacturer: a text",
        "device[0].mask: each rectangle",
        "device[1].when: at least one",
    ):
        assert fault in str(caught.value)


@pytest.mark.parametrize("text", ["[[device]", "device = 1", "[other]\na = 1", "device = [1]"])
def test_what_is_no_list_of_rules_is_refused(text: str) -> None:
    with pytest.raises(ProfileError):
        pixels.Rules.shipped(text)
