"""What taraf render tells while it works: a bar on the terminal and a line for each file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import typer

Progress = Callable[[int], None]
"""Is told of each piece: so many frames more."""


class Bar:
    """A progress bar on the terminal, and a line for each file; silent where ``hidden``."""

    def __init__(self, frames: int, hidden: bool) -> None:
        self._hidden = hidden
        self._bar: Any = None
        if not hidden:
            from rich.console import Console

            console = Console(stderr=True)
            if console.is_terminal:
                from rich.progress import Progress as RichProgress

                self._bar = RichProgress(console=console, transient=True)
                self._all = frames

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task("", total=self._all)
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()

    def start(self, name: str) -> Progress:
        """Name the file that is being rendered; returns what is told of each piece."""
        if not self._bar:
            return lambda frames: None
        from rich.markup import escape

        self._bar.update(self._task, description=escape(name))
        return lambda frames: self._bar.advance(self._task, frames)

    def warn(self, line: str) -> None:
        """Say that something was passed over."""
        if not self._hidden:
            typer.echo(f"warning: {line}", err=True)

    def tell(self, done: dict[str, Any]) -> None:
        """Say what came of one file."""
        if self._hidden:
            return
        peak = "silent" if done["peak_db"] is None else f"peak {done['peak_db']:.1f} dB"
        typer.echo(
            f"{done['output']}: {done['seconds']:.2f} s at {done['rate']} Hz, {peak}, "
            f"{done['times_real_time']:.0f} times real time, "
            f"{done['latency_frames']} frames of latency removed"
        )
        for warning in done["warnings"]:
            self.warn(warning)


__all__ = ["Bar", "Progress"]
