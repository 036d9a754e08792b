"""The command line: each command parses, makes one call, prints. Heavy libraries load when a command needs them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ror import __version__
from ror.cli.faults import told_in_two_lines
from ror.cli.one_dash import with_two_dashes

__all__ = ["main", "uncollected"]

# command: (module, its help in one line); modules are imported only for the command that is called.
_COMMANDS = {
    "annotate": ("ror.cli.annotate", "Tag series by hand; tags are types of them."),
    "audit": ("ror.cli.audit", "List who has asked for identities, and verify that record."),
    "base": ("ror.cli.base", "Make what images of workflows are built on."),
    "build": ("ror.cli.build", "Build the image of a workflow, and try it once."),
    "completion": ("ror.cli.completion", "Let a shell complete commands and options."),
    "config": ("ror.cli.config", "Say which data a workflow is tried on, and what it selects."),
    "conformance": ("ror.cli.conformance", "List the SOP classes and transfer syntaxes that we know."),
    "database": ("ror.cli.database", "Say which revision the database is of, and bring it back."),
    "deid": ("ror.cli.deid", "De-identify files; list, show and compare profiles."),
    "doctor": ("ror.cli.doctor", "Check the installation, and say how to mend what is wrong."),
    "housekeeping": ("ror.cli.housekeeping", "Remove what nothing needs any more."),
    "hosts": ("ror.cli.hosts", "List, drain and forget the hosts that run jobs."),
    "import": ("ror.cli.import_", "Take in the objects of a folder, a ZIP or a medium."),
    "init": ("ror.cli.init", "Make a workflow that works at once."),
    "jobs": ("ror.cli.jobs", "List, show, match and retry jobs; say what one waits for."),
    "mcp": ("ror.cli.mcp", "Serve the project in this folder to an assistant."),
    "measurements": ("ror.cli.measurements", "Show the measurements of finished jobs."),
    "project": ("ror.cli.project", "Add, change and list projects."),
    "pseudonyms": ("ror.cli.pseudonyms", "Say where the pseudonyms of a project come from."),
    "pull": ("ror.cli.pull", "Fetch studies from a PACS."),
    "quarantine": ("ror.cli.quarantine", "List the objects that could not be taken in, and let them in."),
    "redcap": ("ror.cli.redcap", "Say what a REDCap would refuse; make its data dictionary."),
    "reidentify": ("ror.cli.reidentify", "Tell whose studies are held under a pseudonym, on record."),
    "review": ("ror.cli.review", "Accept or reject results that wait for a decision."),
    "route": ("ror.cli.route", "Add, remove and list routes from senders to projects."),
    "select": ("ror.cli.select", "Check, run and explain select statements, and propose one."),
    "serve": ("ror.cli.serve", "Receive studies and run their workflows."),
    "status": ("ror.cli.status", "Say which jobs a workflow makes of its data, and why not more."),
    "studies": ("ror.cli.studies", "List the studies of the archive; wait no longer for one."),
    "submit": ("ror.cli.submit", "Send a workflow to a server; tell of its first job."),
    "token": ("ror.cli.token", "Add, remove and list the tokens of those who come by HTTP."),
    "trigger": ("ror.cli.trigger", "Run a job of a workflow on a laptop, to its results."),
    "work": ("ror.cli.work", "Run workflows, without receiving."),
    "workflow": ("ror.cli.workflow", "Install, enable, disable and list workflows."),
}
_OF_OLD = {"create": "init"}  # names in the tool of old; not listed


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking again and again at what is needed to the end."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class _LazyGroup(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_two_dashes(self, ctx, args))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = _OF_OLD.get(cmd_name, cmd_name)
        if name not in _COMMANDS:
            return None
        with uncollected():  # a twentieth of a command's start
            command = import_module(_COMMANDS[name][0]).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in (*_COMMANDS, *_OF_OLD) and args[0][:1].isalnum() and not ctx.resilient_parsing:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=_COMMANDS, ctx=ctx)
        name, command, words = super().resolve_command(ctx, args)
        return name, command, words if command is None else with_two_dashes(command, ctx, words)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # Click's own loads every command, to leave out those that are hidden.
        named = [
            CompletionItem(name, help=text)
            for name, (_module, text) in sorted(_COMMANDS.items())
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_module, text) in sorted(_COMMANDS.items())])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ror")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="ROR_HOME",
    default=Path.home() / ".ror",
    show_default="~/.ror",
    help="Folder that holds everything: database, archive, quarantine, jobs.",
)
@click.pass_context
def cli(context: click.Context, home: Path) -> None:
    """ror: a research-PACS workflow engine. Studies come in, models run by themselves, results go back.

    Example: ror --home /srv/ror serve
    """
    context.obj = home


def main() -> None:
    """Run the command line."""
    with told_in_two_lines():
        sys.exit(cli())
