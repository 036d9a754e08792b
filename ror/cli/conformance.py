"""``ror conformance``."""

from __future__ import annotations

from dataclasses import astuple, fields

import click

from ror.cli.common import home_and_json, print_table
from ror.gateway import SopClassLine, sop_classes, storage_syntaxes

__all__ = ["command"]


@click.command()
@click.option("--syntaxes", is_flag=True, help="The transfer syntaxes in which objects are taken.")
@home_and_json
def command(syntaxes: bool, as_json: bool) -> None:
    """List the SOP classes that we accept and request, for a DICOM conformance statement.

    Of transfer syntaxes, `all` are those of --syntaxes, `native` the implicit and explicit VR ones and deflate,
    `little endian` the first two of these. --json has how many there are.

    Example: ror conformance --json
    """
    if syntaxes:
        print_table(("transfer_syntax", "uid"), storage_syntaxes(), as_json=as_json)
    else:
        columns = [field.name for field in fields(SopClassLine)]
        rows = [astuple(line) for line in sop_classes()]
        words = {2: "little endian", 4: "native", len(storage_syntaxes()): "all"}
        shown = rows if as_json else [(*row[:-1], words[row[-1]]) for row in rows]
        print_table(columns, shown, as_json=as_json)
