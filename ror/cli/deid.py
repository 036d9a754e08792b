"""``ror deid``: de-identification without a service, and the profiles it goes by."""

from __future__ import annotations

import click

from ror.cli.deid_profile import profile
from ror.cli.deid_run import run

__all__ = ["command"]

_RUN = "run"


class _FolderFirst(click.Group):
    """Sends what is no command to `run`, so that the folder may stand right behind ``ror deid``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *self.get_help_option_names(ctx)):
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_FolderFirst, options_metavar="", subcommand_metavar="FOLDER --out DIR | COMMAND ...")
def command() -> None:
    """De-identify files by PS3.15, and look at the profiles by which this is done.

    `ror deid FOLDER --out DIR` is `ror deid run FOLDER --out DIR`; the options are told by `ror deid run --help`.

    Example: ror deid /data/trial --out /data/trial-research --key trial.key
    """


command.add_command(profile)
command.add_command(run)
