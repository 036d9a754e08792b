"""`workflow.toml` as checked, frozen values. The text is an edge, so this is pydantic; `manifest_rules` has
the rules, also those that look at more than one value at a time.
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    field_validator,
)

from containers import manifest_rules as rules
from containers.dimensions import is_size, measures_extent
from containers.errors import Fault, ManifestError
from containers.manifest_cross import cross_faults

__all__ = [
    "Code",
    "FileOutput",
    "Manifest",
    "MaskOutput",
    "Measurement",
    "Outputs",
    "Resources",
    "Segment",
    "Unit",
    "read_manifest",
]

# PS3.5 6.2: SH holds 16 characters, LO 64; neither holds a backslash or control characters.
LongText = Annotated[str, Field(max_length=64), AfterValidator(rules.plain_text)]
ShortText = Annotated[str, Field(max_length=16), AfterValidator(rules.plain_text)]
ByteValue = Annotated[StrictInt, Field(ge=0, le=255)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Code(_Frozen):
    """A coded concept (PS3.3 8): ``{ value = "44029006", scheme = "SCT", meaning = "Left lung" }``."""

    value: LongText
    scheme: ShortText
    meaning: LongText


class Unit(Code):
    """A unit of measurement (PS3.3 C.18.1): a code of UCUM."""

    value: Annotated[str, AfterValidator(rules.ucum_unit)]
    scheme: Literal["UCUM"]


class Segment(_Frozen):
    """One value of a label map and what it stands for (PS3.3 C.8.20.4)."""

    value: Annotated[StrictInt, Field(ge=1, le=65535)]
    label: LongText
    category: Code
    type: Code
    color: tuple[ByteValue, ByteValue, ByteValue] | None = None


class MaskOutput(_Frozen):
    """A label map ``mask/<name>.nii.gz | .seg.nrrd | .npz | .seg.dcm`` on the grid of the series named `on`.

    `segments` is sorted by value, so ``segments[v - 1]`` belongs to the value v. `encoding` is that of the
    segmentation: a "labelmap" is smaller where there are many segments, but older PACS fail at it; a "fractional"
    mask holds the probability, 0 to 1, of its only segment. With `rtstruct` it is sent as an RT Structure Set, too.
    """

    name: Annotated[str, AfterValidator(rules.mask_name)]
    on: Annotated[str, AfterValidator(rules.plain_text)]
    encoding: Literal["binary", "labelmap", "fractional"] = "binary"
    rtstruct: StrictBool = False
    segments: tuple[Segment, ...]

    @field_validator("segments")
    @classmethod
    def _by_value(cls, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        return tuple(sorted(segments, key=lambda segment: segment.value))


class Measurement(_Frozen):
    """A number of ``output.json``: its REDCap field, what it measures and in which unit."""

    field: Annotated[str, AfterValidator(rules.redcap_field)]
    label: LongText
    code: Code
    unit: Unit
    segment: str | None = None

    @property
    def is_extent(self) -> bool:
        """Whether it says how large something is, which is 0 where there is nothing."""
        return measures_extent(self.unit.value)

    @property
    def is_size(self) -> bool:
        """Whether its code says that it is a length, an area or a volume, which is never less than 0."""
        return is_size(self.code.scheme, self.code.value)

    @property
    def segment_of(self) -> tuple[str, int] | None:
        """The mask and the value the number belongs to, or None."""
        return _segment_of(self.segment)


class FileOutput(_Frozen):
    """Files that are kept beside the measurements: a glob below /output.

    A mesh `on` a series goes to the PACS, too, if it is STL: its coordinates are millimetres of the patient in `space`.
    `segment` (mask/value) is that whose surface it is. Unless `beyond`, it lies within the images.
    """

    pattern: Annotated[str, AfterValidator(rules.relative_glob)]
    kind: Literal["figure", "mesh", "report", "data"]
    on: Annotated[str, AfterValidator(rules.plain_text)] | None = None
    segment: str | None = None
    space: Literal["LPS", "RAS"] = "LPS"
    beyond: StrictBool = False

    @property
    def segment_of(self) -> tuple[str, int] | None:
        """The mask and the value whose surface it is, or None."""
        return _segment_of(self.segment)


def _segment_of(reference: str | None) -> tuple[str, int] | None:
    if reference is None:
        return None
    mask, _, value = reference.partition("/")
    return mask, int(value)


class Outputs(_Frozen):
    """Everything a workflow announces, and what is made of it beside segmentations and a report of numbers.

    `captures` are pictures with outlines for viewers without segmentations, of the slices where a segment is largest
    ("key") or of all that hold one ("all"); `report` is a page in PDF.
    """

    captures: Literal["none", "key", "all"] = "none"
    report: StrictBool = False
    masks: tuple[MaskOutput, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    files: tuple[FileOutput, ...] = ()


class Resources(_Frozen):
    """What one run may use. Sizes in MiB, time in seconds, cpus in cores.

    A card is the run's alone, unless `gpu_memory_mib` says how much of it is enough. With `cpu_fallback` it runs
    without where no host has one. `labels` are those that its host must have.
    """

    gpu: StrictBool = False
    gpu_memory_mib: Annotated[StrictInt, Field(ge=0)] = 0
    cpu_fallback: StrictBool = False
    labels: tuple[Annotated[str, AfterValidator(rules.plain_text)], ...] = ()
    memory_mib: Annotated[StrictInt, Field(ge=16)] = 4096
    cpus: Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)] = 2.0
    timeout_s: Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)] = 600.0
    shm_mib: Annotated[StrictInt, Field(ge=1)] = 64
    output_mib: Annotated[StrictInt, Field(ge=1)] = 10240
    pids: Annotated[StrictInt, Field(ge=8)] = 256


class Manifest(_Frozen):
    """What a workflow is, wants and gives.

    `command` is empty only for an older package: then the image's own entrypoint runs. `announced` is False
    only for an older package, which declares no outputs: what it writes is taken as it is. `options` are JSON
    values. `retries` says how often more the program is run that ends with another exit code than 0.
    """

    name: Annotated[str, AfterValidator(rules.workflow_name)]
    version: Annotated[str, AfterValidator(rules.version)]
    description: str = ""
    command: tuple[Annotated[str, Field(min_length=1)], ...]
    select: Annotated[str, AfterValidator(rules.not_blank)]
    options: dict[str, Any] = Field(default_factory=dict)
    retries: Annotated[StrictInt, Field(ge=0, le=10)] = 0
    resources: Resources = Resources()
    outputs: Outputs = Outputs()
    announced: StrictBool = True

    def series_names_needed(self) -> frozenset[str]:
        """Names that the select statement must define, because an output is on the grid of that series."""
        meshes = (file.on for file in self.outputs.files if file.on)
        return frozenset((*(mask.on for mask in self.outputs.masks), *meshes))

    def mask(self, name: str) -> MaskOutput:
        """The mask of that name.

        Raises
        ------
        KeyError
            No mask of that name is announced.
        """
        for mask in self.outputs.masks:
            if mask.name == name:
                return mask
        raise KeyError(name)


def read_manifest(text: str, source: str = "workflow.toml") -> Manifest:
    """Read the text of a `workflow.toml`.

    Raises
    ------
    ManifestError
        With all faults at once; `source` names the file in the message.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(source, [Fault("", f"not TOML: {error}")]) from error
    faults = cross_faults(raw)
    manifest = None
    try:
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        faults = [*rules.field_faults(error, Manifest), *faults]
    if faults or manifest is None:
        select = raw.get("select")
        raise ManifestError(source, rules.ordered(faults, raw), select if isinstance(select, str) else "")
    return manifest
