"""taraf sampler page: trainings on a page in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.sampler.page.server import SamplerPage


def page(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Of the page; 0 takes any that is free.")
    ] = 8471,
    runs: Annotated[Path, typer.Option(help="Where the trainings lie.")] = Path("runs/sampler"),
    host: Annotated[
        str, typer.Option(help="127.0.0.1 is this machine alone; 0.0.0.0 all of the network.")
    ] = "127.0.0.1",
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open it in this machine's browser.")
    ] = False,
) -> None:
    """Train on a page: presets, all values, progress, the loss curve, previews to hear.

    Recordings are chosen from the folder where this is started, or uploaded. Ctrl-C closes the
    page; a training that runs goes on, and is there again when the page is opened again.

    Example: taraf sampler page --runs runs/sampler
    """
    from models.sampler.page.server import SamplerPage

    shown = SamplerPage(runs, Path("."), port, host)
    try:
        shown.start()
        typer.echo(shown.url)
        if open_browser:
            typer.launch(shown.url)
        shown.wait()
    except KeyboardInterrupt:
        pass
    finally:
        shown.close()
    for line in _left(shown):
        typer.echo(line, err=True)


def _left(shown: SamplerPage) -> list[str]:
    """What goes on or waits although the page is closed."""
    states = [(view.name, view.state()) for view in shown.trainings.views()]
    going = [name for name, state in states if state in ("starting", "running", "stopping")]
    waiting = sum(state == "waiting" for _, state in states)
    told = [f"{name} goes on; the same command shows it again" for name in going]
    return told + ([f"{waiting} wait until the page is open again"] if waiting else [])


__all__ = ["page"]
