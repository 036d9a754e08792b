"""What is asked of a made archive: statements, the same as SQL by hand, and the workflows of a busy project."""

from __future__ import annotations

__all__ = ["CLOSEST", "EARLIEST", "NO_TERM", "THREE_NAMES", "by_hand", "fifty_workflows"]

THREE_NAMES = """
select study
  where series named T1 has
    ClassifyTypes containing T1 and SeriesDescription regexp "(?i)mprage|fspgr|tfe" and NumImages > 100
  also where named T2 has
    Modality = MR and SeriesDescription containing T2 and EchoTime between 80 and 120 and NumImages > 20
  also where named FLAIR has
    SeriesDescription iregexp flair and NumImages > 20
  check T1@FrameOfReferenceUID = T2@FrameOfReferenceUID and T1@FrameOfReferenceUID = FLAIR@FrameOfReferenceUID
"""
NO_TERM = "select study where Modality = MR and SoftwareVersions = 1.7 and EchoTime < 5"
CLOSEST = """
select study
  where named DWI has ClassifyTypes containing DIFFUSION and SeriesDescription containing "7"
  also where named T1 has ClassifyTypes containing T1 and NumImages > 150 closest to DWI by AcquisitionDateTime
"""
EARLIEST = """
select patient from earliest study by StudyDate
  where named T1 has ClassifyTypes containing T1 and NumImages > 200 pick largest by NumImages
"""

_BY_HAND = """
WITH t1 AS MATERIALIZED ({of} AND types.text = 'T1' AND ({position}(lower(description.text), 'mprage') > 0
       OR {position}(lower(description.text), 'fspgr') > 0 OR {position}(lower(description.text), 'tfe') > 0)
       AND {images} > 100),
     t2 AS MATERIALIZED ({of} AND modality.text = 'MR' AND {position}(description.text, 'T2') > 0
       AND {echo} BETWEEN 80 AND 120 AND {images} > 20),
     flair AS MATERIALIZED ({of} AND {position}(lower(description.text), 'flair') > 0 AND {images} > 20)
SELECT count(DISTINCT t1.study) FROM t1
  JOIN t2 ON t2.study = t1.study AND t2.frame = t1.frame
  JOIN flair ON flair.study = t1.study AND flair.frame = t1.frame
"""
_SERIES = """
SELECT catalogue.study, {frame} AS frame
  FROM catalogue JOIN series ON series.series_uid = catalogue.series_uid
  LEFT JOIN terms types ON types.id = "ClassifyTypes"
  LEFT JOIN terms description ON description.id = "SeriesDescription"
  LEFT JOIN terms images ON images.id = "NumImages"
  LEFT JOIN terms modality ON modality.id = "Modality"
  LEFT JOIN terms echo ON echo.id = "EchoTime"
 WHERE catalogue.project = 'bench'
"""
_FRAME = {
    "sqlite": "series.attributes ->> '$.FrameOfReferenceUID[0]'",
    "postgresql": "series.attributes -> 'FrameOfReferenceUID' ->> 0",
}
_POSITION = {"sqlite": "instr", "postgresql": "strpos"}


def by_hand(dialect: str) -> str:
    """`THREE_NAMES` as a person would ask these tables: the number of studies."""
    # Without a guard, PostgreSQL may read the texts of other attributes as numbers, too.
    number = "CASE WHEN {of}.attribute = '{attribute}' THEN CAST({of}.text AS REAL) END"
    images = number.format(of="images", attribute="NumImages")
    echo = number.format(of="echo", attribute="EchoTime")
    return _BY_HAND.format(
        images=images, echo=echo, of=_SERIES.format(frame=_FRAME[dialect]), position=_POSITION[dialect]
    )


_WANTED = (
    "select series where Modality = CT and NumImages > {n} and not ClassifyTypes containing LOCALIZER",
    "select series where ClassifyTypes containing T1 and NumImages > {n}",
    "select study where named PD has SeriesDescription iregexp pd and NumImages > {n} at least 2",
    "select study where named CT has Modality = CT and ConvolutionKernel = Br40d and NumImages > {n} pick newest",
    'select series where SeriesDescription regexp "(?i)ax.*(flair|dwi)" and SliceThickness < 6 and NumImages > {n}',
    "select study where named DWI has DiffusionBValue > 500 also where named ADC has DiffusionBValue = 0 "
    "and NumImages > {n} optional check DWI@FrameOfReferenceUID = ADC@FrameOfReferenceUID",
    "select patient from latest study by StudyDate where named XR has Modality in (CR, DX) and NumImages < {n}",
    "select study where named PET has Modality = PT and NumImages > {n} also where named CT has Modality = CT",
    "select series where Manufacturer containing GE and EchoTime between 2 and {n} and ImageType = ORIGINAL",
    THREE_NAMES + " and T1@NumImages within {n} of T1@NumImages",
)


def fifty_workflows() -> list[str]:
    """The select statements of a project with fifty enabled workflows; a few want any one study."""
    return [text.format(n=number) for text in _WANTED for number in (10, 30, 60, 120, 150)]
