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

    The transfer syntaxes of storage are those of --syntaxes; the others are the uncompressed ones.

    Example: ror conformance --json
    """
    if syntaxes:
        print_table(("transfer_syntax", "uid"), storage_syntaxes(), as_json=as_json)
    else:
        columns = [field.name for field in fields(SopClassLine)]
        print_table(columns, [astuple(line) for line in sop_classes()], as_json=as_json)
