"""``ror submit``: the workflow in this folder, sent to a server, and what becomes of its first job there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import click

from ror.cli.common import opened
from ror.cli.package_sources import package_of_archive, package_of_image
from ror.develop import DeveloperProject
from ror.develop.submitting import ENDED, Server, Submitted, followed, packed
from ror.errors import ConfigurationError
from ror.registry import checked_package
from ror.wording import counted

__all__ = ["command"]

_GOOD = ("succeeded", "review")
_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("sent", required=False, type=click.Path(exists=True, path_type=Path), metavar="[DIR|FILE]")
@click.option("--image", metavar="NAME", help="Send this image, which is built already, with its workflow.")
@click.option("--server", metavar="URL", help="The server, unless ror config --server has said it.")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the token, unless ror config --token has said it.",
)
@click.option("--match", is_flag=True, help="Have it run on the studies that the server holds, too.")
@click.option(
    "--follow/--no-follow", default=None, help="Say what becomes of its first job; with --match, yes."
)
@click.option("--working_directory", type=_folder, default=Path(), help="The project's folder.")
@click.pass_context
def command(
    context: click.Context,
    sent: Path | None,
    image: str | None,
    server: str | None,
    token_file: Path | None,
    match: bool,
    follow: bool | None,
    working_directory: Path,
) -> None:
    """Send the workflow in this folder, in DIR or a .tar.gz to a server, which checks, builds and enables it.

    What ror build --save has written, or --image NAME of this machine, goes with its image: nothing is built there,
    and no folder of a workflow is needed here.
    Its first job is told until it ends; the exit code is 1 if it fails. Ctrl-C ends only the telling.

    Example: ror submit --server https://ror.example.org:8104 --match
    """
    if sent is not None and image is not None:
        raise click.UsageError("name a folder, an archive or an --image, not two of them")
    folder = sent if sent is not None and sent.is_dir() else working_directory
    archive = None if sent == folder else sent
    project = (
        DeveloperProject.at(folder)
        if archive is None and image is None
        else DeveloperProject(folder.resolve())
    )
    token = _token_in(token_file) if token_file else ""
    given = {name: value for name, value in (("server", server), ("token", token)) if value}
    settings = project.settings(**given)
    if not (settings.server and settings.token):
        raise ConfigurationError(
            "which server, and with which token?",
            advice="name them: --server URL --token-file FILE; once for a workflow: ror config --server URL --token -",
        )
    to = Server(settings.server, settings.token)
    if to.is_overheard:
        click.echo("without TLS: the token can be read on the way", err=True)
    with _sent(context, archive, image, project) as (stream, is_image):
        submitted = to.submit(stream, click.echo, match=match, image=is_image)
    click.echo(
        f"{submitted.name} {submitted.version} ({submitted.digest[:12]}) is enabled in {submitted.project}"
    )
    if match:
        click.echo(f"{counted(submitted.queued, 'job')} of studies that are held")
    if match and not submitted.queued and not follow:
        before = to.first_job(submitted)
        click.echo(
            f"they have theirs already: {before}"
            if before
            else "next: ror jobs why STUDY on the server says why there are none"
        )
    elif match if follow is None else follow:
        context.exit(0 if _followed(to, submitted) else 1)
    else:
        click.echo("its first job is made by the next study that it selects; --follow waits for it")


def _token_in(file: Path) -> str:
    token = file.read_text(encoding="utf-8").strip()
    if not token:
        raise ConfigurationError(
            f"{file} has no token in it",
            advice="ror token add NAME --project P --may submit prints one there",
        )
    return token


@contextmanager
def _sent(
    context: click.Context, archive: Path | None, image: str | None, project: DeveloperProject
) -> Iterator[tuple[IO[bytes], bool]]:
    """What is sent, and whether it brings its image."""
    with ExitStack() as stack:
        folder = project.folder
        if image is not None:
            docker, _process = stack.enter_context(opened(context, make=True)).runtimes
            folder = stack.enter_context(package_of_image(docker, image))
        elif archive is not None:
            folder = stack.enter_context(package_of_archive(archive))
        package = checked_package(folder)
        yield stack.enter_context(packed(package)), package.image_archive is not None


def _followed(server: Server, submitted: Submitted) -> bool:
    try:
        for job in followed(server, submitted, time.sleep):
            click.echo(str(job) if job else "no study has made a job of it yet; this waits for the first one")
            if job is not None and job.state in ENDED:
                return job.state in _GOOD
    except KeyboardInterrupt:
        click.echo("the job goes on; the server knows more: ror jobs show", err=True)
    return True
