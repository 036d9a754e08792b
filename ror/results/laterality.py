"""Which of a pair of body parts is shown, as the source of a picture has it (PS3.3 C.7.3.1 and C.7.6.1)."""

from __future__ import annotations

from pydicom.dataset import Dataset

__all__ = ["set_side"]

# Terms of PS3.16 Annex L (2026d) that are no paired structure there, as far as dciodvfy knows them too: of another
# term it wants Laterality, empty or not.
_UNPAIRED = frozenset(
    """
    ABDOMEN ABDOMENPELVIS AORTA BACK BLADDER BRAIN CEREBELLUM CERVIX CHEST CHESTABDOMEN CHESTABDPELVIS CIRCLEOFWILLIS
    COCCYX COLON CSPINE CTSPINE DUODENUM ESOPHAGUS FACE GALLBLADDER HEAD HEADNECK HEART ILEUM JAW JEJUNUM LARYNX LIVER
    LSPINE LSSPINE MAXILLA MEDIASTINUM MOUTH NECK NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV NOSE PANCREAS PELVIS
    PENIS PHARYNX PROSTATE RECTUM SCALP SKULL SPINE SPLEEN SSPINE STERNUM STOMACH THYROID TLSPINE TONGUE TRACHEA
    TSPINE URETHRA UTERUS VAGINA VULVA WHOLEBODY
    """.split()  # noqa: SIM905 - sixty words in quotes are harder to check against a table
)


def set_side(made: Dataset, source: Dataset) -> None:
    """Say which body part is shown and, where its source knows, which side; no side is guessed.

    Laterality is of paired parts only and may not be there for others (PS3.3 C.7.3.1); a side that the source names
    all the same, of the chest, say, goes into ImageLaterality, which is of parts that may be paired (C.7.6.1).
    Of parts that may be paired Laterality is there, empty where the source does not say.
    """
    body_part = source.get("BodyPartExamined")
    if body_part:
        made.BodyPartExamined = body_part
    is_paired = str(body_part or "").strip().upper() not in _UNPAIRED
    of_image, of_series = source.get("ImageLaterality"), source.get("Laterality")
    if of_image or not is_paired:  # they exclude each other
        if side := of_image or of_series:
            made.ImageLaterality = side
    else:
        made.Laterality = of_series or None
