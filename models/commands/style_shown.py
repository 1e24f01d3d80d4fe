"""What the commands of `taraf style` share: options, a bar with the loss, previews, a stop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.style.settings import ENGINES, PATHS, STARTS, Knobs, Settings

if TYPE_CHECKING:
    from models.style.folder import Folder
    from models.style.sound import Recording
    from models.style.transfer import Progress, Result, Stop, Transfer
    from models.style.windows import Windows

USUAL = Settings()
KNOBS = Knobs()
PREVIEW = 25

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Page = Annotated[bool, typer.Option(help="Write a page with the sounds beside the result.")]
Resume = Annotated[bool, typer.Option(help="Go on from the run's last checkpoint.")]
Run = Annotated[
    Path | None,
    typer.Option(help="Folder of previews, checkpoint, losses; runs/style/NAME unless given."),
]
Shares = Annotated[
    list[float] | None,
    typer.Option("--share", min=0.0, help="Of each style in the mixture, in their order."),
]
Iterations = Annotated[int, typer.Option(min=1, max=100_000, help="Of L-BFGS.")]
Rate = Annotated[
    int | None, typer.Option(help="Hz to work at, 8000 to 48000; the first sound's unless given.")
]
Mono = Annotated[bool, typer.Option(help="Mix two channels to one: half the work.")]
Engine = Annotated[
    str, typer.Option(help=f"The style loss: {', '.join(ENGINES)}; the others check the first.")
]
Filters = Annotated[
    int | None, typer.Option(help="That are drawn, if any; 4096, or 2048 of the stack.")
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Threads = Annotated[
    int, typer.Option(min=1, max=64, help="Processor cores: windows at a time of a long sound.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**31, help="Of noise and of filters.")]
Previews = Annotated[
    int, typer.Option(min=0, help="Iterations from a preview to the next; 0 makes none.")
]
Begin = Annotated[str, typer.Option(help=f"{', '.join(STARTS)}.")]
Way = Annotated[
    str, typer.Option(help=f"What is optimised: {', '.join(PATHS)} (magnitudes; of one channel).")
]


class Bar:
    """What is being done, on a bar; ``bar`` None shows nothing."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar
        self.task = bar.add_task("reading", total=1.0)

    def say(self, what: str) -> None:
        """Tell what is done now."""
        self.bar.update(self.task, description=what)

    def tell(self, iteration: int, iterations: int, best: float) -> None:
        """How far it is and how low the loss has come."""
        self.bar.update(
            self.task, completed=iteration / max(iterations, 1), description=f"loss {best:.4f}"
        )


@contextmanager
def shown(hidden: bool) -> Iterator[Bar]:
    """A bar on the terminal; nothing where it is none, or where JSON is asked for."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), Left())
    quiet = hidden or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        yield Bar(bar)


def folder_of(run: Path | None, out: Path) -> Path:
    """Where a run is kept whose result is ``out``."""
    return run if run is not None else Path("runs") / "style" / (out.stem or "run")


def watched(
    transfer: Transfer | Windows, folder: Folder, asked: dict[str, Any], bar: Bar,
    every: int, stop: Stop,
) -> Result:  # fmt: skip
    """Run it to its end: on the bar, with previews and checkpoints in the run's folder."""
    wanted = transfer.material.settings.iterations
    kept = 0

    def told(progress: Progress) -> None:
        nonlocal kept
        bar.tell(progress.iteration, progress.iterations, progress.best_loss)
        over = int(progress.done * wanted)  # of windows: each one's share
        if every and over // every > kept and over < wanted:
            kept = over // every
            folder.preview(progress)
            folder.save(transfer, asked)

    result = transfer.run(told=told, stop=stop)
    folder.save(transfer, asked)
    folder.finish(result)
    return result


def interrupted(folder: Path) -> None:
    """Say that Ctrl-C has kept the best."""
    print(f"stopped; the best so far is kept, --resume goes on from {folder}", file=sys.stderr)


def as_asked(sound: Recording, mono: bool) -> Recording:
    """In one channel where that is asked for."""
    from models.style.sound import with_channels

    return with_channels(sound, 1) if mono else sound


def ready(threads: int, engine: str = USUAL.engine) -> None:
    """Torch's threads: one for the closed form, whose steps of 15 ms lose more than they gain by
    waiting for a second: on cores that others use too, two took seven times as long as one.
    """
    import torch

    torch.set_num_threads(1 if engine == USUAL.engine else threads)


Made = Callable[[], Path]


def page_of(wanted: bool, bar: Bar, make: Made) -> str:
    """The page's path, or nothing where none is wanted."""
    if not wanted:
        return ""
    bar.say("page")
    return str(make())


__all__ = [
    "KNOBS", "PREVIEW", "USUAL", "AsJson", "Bar", "Begin", "Device", "Engine", "Filters",
    "Iterations", "Mono", "Page", "Previews", "Rate", "Resume", "Run", "Seed", "Shares", "Threads",
    "Way", "as_asked", "folder_of", "interrupted", "page_of", "ready", "shown",
    "watched",
]  # fmt: skip
