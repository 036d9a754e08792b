"""Small word lists: what is never mistaken for a person, and where identity is looked for.

Both lists are short on purpose. A word that is missing in `IMAGING_TERMS` costs a word of a series
description, or at worst sends an object to quarantine; it never lets a name through.
"""

from __future__ import annotations

from typing import Final

from pydicom.datadict import tag_for_keyword

__all__ = [
    "DEVICE_TAGS",
    "DUMMY_TEXT",
    "IDENTIFIER_TAGS",
    "IMAGING_TERMS",
    "OWN_WORDS",
    "PATIENT_ID_TAGS",
    "PLACE_TAGS",
    "TITLES",
    "listed",
]


def listed(words: str) -> frozenset[str]:
    """The words of a list that is written as text."""
    return frozenset(words.split())


DUMMY_TEXT: Final = "ANONYMIZED"
# What this package writes itself, and what others write in place of a name.
OWN_WORDS: Final = frozenset(
    {"anonymized", "anonymous", "anon", "removed", "unknown", "yes", "modified", "other"}
)

# Values of coded attributes and words of protocols. In a patient's name they are dropped from descriptors
# like any other word, but their standing in a coded attribute (BodyPartExamined = BRAIN) does not count as a
# leak.
IMAGING_TERMS: Final = listed(
    """
    ct mr mri pet pt nm us xa dx cr mg rt rf ot sc seg spect cta mra mrv angio angiography scan
    scout localizer topogram survey series study image images protocol routine standard original
    derived primary secondary head brain neck face orbit sinus skull spine cervical thoracic lumbar
    sacrum chest thorax lung lungs heart cardiac breast abdomen abd liver kidney spleen pancreas
    pelvis prostate bladder uterus hip knee ankle foot shoulder elbow wrist hand leg arm body whole
    wholebody total aorta coronary carotid vessel bone soft tissue ax axial sag sagittal cor coronal
    tra trans transverse transversal oblique left right lt rt ap pa lat t1 t2 t1w t2w pd pdw flair
    dwi dti adc trace swi tof mprage tfl tse fse gre se epi space vibe stir haste dixon bold fmri
    asl dsc dce perfusion diffusion fat sat fs water phase mag magnitude real contrast iv gd km
    native pre post early late arterial portal venous delayed plain with without wo w and of the in
    kernel sharp smooth recon mpr mip minip thin thick slice volume axis plane fov dose low high
    resp gated baseline followup follow up screening research test phantom quality no yes not none
    """
)
TITLES: Final = listed(
    """
    mr mrs ms miss dr prof md phd msc bsc rn rt jr sr ii iii iv cand med van von de der
    """
)


def _tags(keywords: str) -> frozenset[int]:
    found = {word: tag_for_keyword(word) for word in keywords.split()}
    return frozenset(int(tag) for tag in found.values() if tag is not None)


PATIENT_ID_TAGS: Final = _tags("PatientID OtherPatientIDs ClinicalTrialSubjectID MedicalRecordLocator")
IDENTIFIER_TAGS: Final = PATIENT_ID_TAGS | _tags(
    """AccessionNumber StudyID AdmissionID ServiceEpisodeID RequestedProcedureID ScheduledProcedureStepID
    PerformedProcedureStepID PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest
    PlacerOrderNumberProcedure FillerOrderNumberProcedure PatientTelephoneNumbers PersonTelephoneNumbers
    ReferringPhysicianTelephoneNumbers OrderCallbackPhoneNumber InsurancePlanIdentification
    ClinicalTrialSubjectReadingID PatientTelecomInformation DeviceSerialNumber StationName"""
)
# Cleaned from descriptors, but no leak elsewhere: they name a machine, and a maker's text may repeat them.
DEVICE_TAGS: Final = _tags("DeviceSerialNumber StationName")
PLACE_TAGS: Final = _tags(
    """InstitutionName InstitutionAddress InstitutionalDepartmentName PatientAddress PersonAddress
    ReferringPhysicianAddress RequestingService CurrentPatientLocation PatientInstitutionResidence
    IssuerOfPatientID CountryOfResidence RegionOfResidence StationName PerformedStationName
    ScheduledStationName"""
)
