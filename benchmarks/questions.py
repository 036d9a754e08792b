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
WITH t1 AS MATERIALIZED ({of} AND "ClassifyTypes" IN ({types} AND text = 'T1')
       AND "SeriesDescription" IN ({description} AND ({position}(lower(text), 'mprage') > 0
         OR {position}(lower(text), 'fspgr') > 0 OR {position}(lower(text), 'tfe') > 0))
       AND "NumImages" IN ({images} AND {number} > 100)),
     t2 AS MATERIALIZED ({of} AND "Modality" IN ({modality} AND text = 'MR')
       AND "SeriesDescription" IN ({description} AND {position}(text, 'T2') > 0)
       AND "EchoTime" IN ({echo} AND {number} BETWEEN 80 AND 120)
       AND "NumImages" IN ({images} AND {number} > 20)),
     flair AS MATERIALIZED ({of} AND "SeriesDescription" IN ({description} AND {position}(lower(text), 'flair') > 0)
       AND "NumImages" IN ({images} AND {number} > 20))
SELECT count(DISTINCT t1.study) FROM t1
  JOIN t2 ON t2.study = t1.study AND t2.frame = t1.frame
  JOIN flair ON flair.study = t1.study AND flair.frame = t1.frame
"""
_SERIES = """SELECT catalogue.study, {frame} AS frame
  FROM catalogue JOIN series ON series.series_uid = catalogue.series_uid WHERE catalogue.project = 'bench'"""
_FRAME = {
    "sqlite": "series.attributes ->> '$.FrameOfReferenceUID[0]'",
    "postgresql": "series.attributes -> 'FrameOfReferenceUID' ->> 0",
}
_POSITION = {"sqlite": "instr", "postgresql": "strpos"}
# Without the guard, PostgreSQL may read the texts of other attributes as numbers, too.
_NUMBER = "CASE WHEN attribute IN ('NumImages', 'EchoTime') THEN CAST(text AS REAL) END"
_ATTRIBUTES = {
    "types": "ClassifyTypes",
    "description": "SeriesDescription",
    "images": "NumImages",
    "modality": "Modality",
    "echo": "EchoTime",
}


def by_hand(dialect: str) -> str:
    """`THREE_NAMES` as a person who knows these tables would ask them: the number of studies."""
    terms = {name: f"SELECT id FROM terms WHERE attribute = '{one}'" for name, one in _ATTRIBUTES.items()}
    series = _SERIES.format(frame=_FRAME[dialect])
    return _BY_HAND.format(of=series, position=_POSITION[dialect], number=_NUMBER, **terms)


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
    """The select statements of a project with fifty enabled workflows: ten of five sizes each."""
    return [text.format(n=number) for text in _WANTED for number in (10, 30, 60, 120, 150)]
