"""A de-identified object says that it is one, by which rules, and which program did it."""

import pytest
from planted import minimal, part10
from pydicom import Dataset

from anonymizer import Deidentifier, IdentifiedInstance, Profile, ProjectKey, deidentify

KEY = ProjectKey(b"a key for these tests only")
PROFILE = Profile.of()


def treated(dataset: Dataset) -> Dataset:
    """The header as it comes out, the same with and without memory."""
    data = part10(dataset)
    alone, _ = deidentify(IdentifiedInstance.from_part10(data), PROFILE, KEY)
    remembering = Deidentifier(PROFILE, KEY)
    again, _ = remembering.deidentify(IdentifiedInstance.from_part10(data, remembering.memory))
    assert again.to_part10() == alone.to_part10()
    return alone.header()


def contributor(maker: str, **attributes: object) -> Dataset:
    item, purpose = Dataset(), Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = (
        "109101",
        "DCM",
        "Acquisition Equipment",
    )
    item.Manufacturer, item.PurposeOfReferenceCodeSequence = maker, [purpose]
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def test_the_program_is_contributing_equipment() -> None:
    (item,) = treated(minimal()).ContributingEquipmentSequence
    (purpose,) = item.PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("109104", "DCM")
    assert purpose.CodeMeaning == "De-identifying Equipment"
    assert item.Manufacturer == "ror"
    assert PROFILE.digest in item.ContributionDescription


def test_it_stands_behind_those_who_contributed_before_whose_people_are_gone() -> None:
    before = contributor("Qzscan", InstitutionName="Qzhospital", OperatorsName="Qzop^Anna")
    scanner, ours = treated(minimal(ContributingEquipmentSequence=[before])).ContributingEquipmentSequence
    assert scanner.Manufacturer == "Qzscan"
    assert "InstitutionName" not in scanner and "OperatorsName" not in scanner
    assert ours.Manufacturer == "ror"


@pytest.mark.parametrize("name", ["Ror^Anna", "Anonymizer^Profile", "Equipment^By"])
def test_a_patient_with_a_name_out_of_it_is_not_refused(name: str) -> None:
    assert len(treated(minimal(PatientName=name)).ContributingEquipmentSequence) == 1
