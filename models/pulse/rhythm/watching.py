"""What a training of the rhythm model shows: a bar."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from engine.jobs import progress


class Bar:
    """A line of progress on standard error, silent where it is not wanted; a job hears it, too."""

    def __init__(self, shown: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), disable=not shown)
        self._task = self._bar.add_task("training", total=1.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, done: float, step: int, bits: float, best: float) -> None:
        """Show the share that is done, bits a step now, and the best on development takes."""
        text = f"step {step}  {bits:.2f} bits  best {best:.3f}"
        self._bar.update(self._task, completed=done, description=text)
        progress(done, text)


__all__ = ["Bar"]
