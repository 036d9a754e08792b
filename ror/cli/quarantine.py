"""``ror quarantine list | release``."""

from __future__ import annotations

import click

from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.errors import NotFound
from ror.gateway import QuarantinedObject, Status, release

__all__ = ["command"]


@click.group()
def command() -> None:
    """List the objects that could not be taken in, and let them in.

    Example: ror quarantine list
    """


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List what is held, and why; the files are in the quarantine folder under these names.

    Example: ror quarantine list --json
    """
    with opened(context) as app:
        rows = [
            (one.sha256, one.project, one.calling_ae, one.reason, one.detail, one.received_at)
            for one in app.quarantine.list()
        ]
    print_table(("sha256", "project", "from", "reason", "detail", "received_at"), rows, as_json=as_json)


@command.command("release")
@click.argument("sha256", nargs=-1)
@click.option("--project", help="Only what this project holds.")
@click.option("--reason", help="Only what is held for this reason.")
@home_option
@click.pass_context
def release_(
    context: click.Context, sha256: tuple[str, ...], project: str | None, reason: str | None
) -> None:
    """Let objects take the way in again, after what held them was mended; what is refused again stays.

    Objects are named by the beginning of their sha256, by project, by reason, or by several of these.

    Example: ror quarantine release --project lungs --reason unlisted_patient
    """
    if not (sha256 or project or reason):
        raise click.UsageError("say which: SHA256, --project or --reason")

    def meant(one: QuarantinedObject) -> bool:
        return (
            (not sha256 or one.sha256.startswith(sha256))
            and project in (None, one.project)
            and reason in (None, one.reason)
        )

    with opened(context) as app:
        # The first that came goes first, as the sender meant it.
        held = [one for one in reversed(app.quarantine.list()) if meant(one)]
        if not held:
            raise NotFound("nothing of that kind is in quarantine", "see `ror quarantine list`")
        stayed = 0
        for one in release(app.quarantine, app.intake, held):
            if one.answer.status is not Status.SUCCESS:
                stayed += 1
                click.echo(f"{one.held.sha256[:12]} stays: {one.answer.comment}")
        app.who.audit.record("release", project or "", detail=f"{len(held) - stayed} of {len(held)} objects")
    click.echo(f"{len(held) - stayed} objects are in the archive, {stayed} stay in quarantine")
