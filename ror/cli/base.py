"""``ror base``: what images of workflows are built on."""

from __future__ import annotations

import click

from ror.cli.common import opened
from ror.develop.base_images import BASES, base_image

__all__ = ["command"]


@click.group()
def command() -> None:
    """Make what images of workflows are built on.

    Example: ror base build slim
    """


@command.command()
@click.argument("kind", type=click.Choice(BASES))
@click.pass_context
def build(context: click.Context, kind: str) -> None:
    """Make a base image on this machine, and say how large it is: Python alone, or with torch and MONAI.

    It is called ror-base:KIND. slim is the image that engine.base_image names; where neither this machine nor a
    registry has that one, it is a Debian made by debootstrap. The wheels of the others are downloaded first, and the
    build itself has no network.

    Example: ror base build torch-cpu
    """
    with opened(context, make=True) as app:
        wanted = app.settings.engine.base_image
        name, image, size = base_image(kind, app.home.runtimes / "docker", wanted, click.echo)
    click.echo(f"{name}: {size / 1e6:.0f} MB, {image.digest}")
    if kind != "slim":
        click.echo(f"next: FROM {name} in a Dockerfile, as that of ror init --type monai, and ror build")
    elif image.reference == wanted:
        click.echo("next: ror build, in the folder of a workflow")
    else:
        click.echo(
            f'next: base_image = "{name}" in section [engine] of {app.home.root}/ror.toml, then ror build'
        )
