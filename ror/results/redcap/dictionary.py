"""The data dictionary that REDCap's "Upload data dictionary" takes, for what workflows measure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass

from containers import Manifest, Measurement
from ror.errors import ConfigurationError
from ror.registry import redcap_instrument_fault

__all__ = ["DictionaryRow", "dictionary_csv", "dictionary_rows", "merged_dictionary"]

# The 18 columns, in REDCap's order: as the file names them, and as the API does.
_COLUMNS = {
    "Variable / Field Name": "field_name",
    "Form Name": "form_name",
    "Section Header": "section_header",
    "Field Type": "field_type",
    "Field Label": "field_label",
    "Choices, Calculations, OR Slider Labels": "select_choices_or_calculations",
    "Field Note": "field_note",
    "Text Validation Type OR Show Slider Number": "text_validation_type_or_show_slider_number",
    "Text Validation Min": "text_validation_min",
    "Text Validation Max": "text_validation_max",
    "Identifier?": "identifier",
    "Branching Logic (Show field only if...)": "branching_logic",
    "Required Field?": "required_field",
    "Custom Alignment": "custom_alignment",
    "Question Number (surveys only)": "question_number",
    "Matrix Group Name": "matrix_group_name",
    "Matrix Ranking?": "matrix_ranking",
    "Field Annotation": "field_annotation",
}
_RECORD_FORM = "record"
_NO_UNIT = "1"


@dataclass(frozen=True, slots=True)
class DictionaryRow:
    """One row: the 18 columns under the API's names."""

    field_name: str
    form_name: str
    section_header: str = ""
    field_type: str = "text"
    field_label: str = ""
    select_choices_or_calculations: str = ""
    field_note: str = ""
    text_validation_type_or_show_slider_number: str = ""
    text_validation_min: str = ""
    text_validation_max: str = ""
    identifier: str = ""
    branching_logic: str = ""
    required_field: str = ""
    custom_alignment: str = ""
    question_number: str = ""
    matrix_group_name: str = ""
    matrix_ranking: str = ""
    field_annotation: str = ""


def dictionary_rows(manifests: Iterable[Manifest], form: str = "") -> list[DictionaryRow]:
    """A row for each measurement, on the instrument `form`, or on one of each workflow's name; its record field first.

    All are text fields with the validation ``number``, their unit in the label, and what they measure as a code in the
    annotation, for whoever reads the exported dictionary.

    Raises
    ------
    ConfigurationError
        Two workflows give the same field, or none gives any; or `form` can be no instrument.
    """
    if form and (fault := redcap_instrument_fault(form)):
        raise ConfigurationError(fault, advice="lower case letters, digits and _: --form images")
    rows = [DictionaryRow("record_id", _RECORD_FORM, field_label="Record ID")]
    givers: dict[str, str] = {}
    faults = []
    for manifest in manifests:
        for measurement in manifest.outputs.measurements:
            if first := givers.get(measurement.field):
                faults.append(f"{measurement.field} is given by {first} and by {manifest.name}")
                continue
            givers[measurement.field] = manifest.name
            rows.append(_row(manifest, measurement, form or manifest.name))
    if faults:
        raise ConfigurationError(
            "workflows give the same fields:",
            tuple(faults),
            "one would overwrite the other: rename them in a manifest",
        )
    if not givers:
        raise ConfigurationError(
            "no measurement is announced",
            advice="announce them in workflow.toml as [[outputs.measurements]]; a package with a select.statement "
            "alone announces none",
        )
    return rows


def _row(manifest: Manifest, measurement: Measurement, form: str) -> DictionaryRow:
    unit = measurement.unit.value
    code = measurement.code
    return DictionaryRow(
        measurement.field,
        form,
        field_label=measurement.label if unit == _NO_UNIT else f"{measurement.label} ({unit})",
        field_note=f"by {manifest.name}",
        text_validation_type_or_show_slider_number="number",
        field_annotation=f"{code.scheme} {code.value} |{code.meaning}|",
    )


def merged_dictionary(
    there: Sequence[Mapping[str, str]], rows: Sequence[DictionaryRow]
) -> list[DictionaryRow]:
    """The dictionary that a project has, its own rows unchanged, and behind them what it lacks.

    An upload replaces the whole dictionary, so that what it leaves out is deleted there with its data. Rows of one
    instrument stay together, as REDCap wants them.
    """
    names = list(_COLUMNS.values())
    kept = [DictionaryRow(*(row.get(name, "") for name in names)) for row in there]
    known = {row.field_name for row in kept}
    for row in rows[1:]:  # the first is the record's, and the project has its own
        if row.field_name not in known:
            of_form = [at for at, one in enumerate(kept) if one.form_name == row.form_name]
            kept.insert(of_form[-1] + 1 if of_form else len(kept), row)
    return kept


def dictionary_csv(rows: Iterable[DictionaryRow]) -> str:
    """The file, in UTF-8 when written, with REDCap's header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue()
