"""The command `taraf`: every mistake of its user is one line, and Ctrl-C is not a mistake."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from engine.addons import commands
from engine.commands.bench import bench
from engine.commands.demo import demo
from engine.commands.doctor import doctor
from engine.commands.guessing import commands_meant
from engine.commands.latency import latency
from engine.commands.listing import devices, plugins, presets
from engine.commands.live import attach, live, stop
from engine.commands.models import models
from engine.commands.render import render

PROBLEM, INTERRUPTED = 2, 130
OURS = ("engine", "plugins", "models")
MEANT = r"(?<=')\. | \("
"""Where, in what typer says of a wrong word, its own guess begins."""

app = typer.Typer(
    name="taraf",
    help="A live audio host for instruments that learn.",
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _taraf(
    version: Annotated[bool, typer.Option("--version", help="Say which release this is.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as release

        typer.echo(release("taraf"))


# A command's module imports only typer and what is free; the engine comes in when it runs.
for command in (
    live,
    render,
    demo,
    plugins,
    presets,
    devices,
    doctor,
    bench,
    latency,
    attach,
    stop,
):
    app.command()(command)
app.add_typer(models, name="models")
for name, added in commands().items():
    if isinstance(added, typer.Typer):
        app.add_typer(added, name=name)
    else:
        app.command(name)(added)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may hold any bytes
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _ending():
            code = typer.main.get_command(app).main(
                args=given or ["--help"], prog_name="taraf", standalone_mode=False
            )
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:  # `taraf plugins | head`
        # rich and typer, too, leave at a closed pipe
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if _was_interrupted(error):
            return INTERRUPTED
        line = complaint(error)
        if line is None:
            raise
        print(f"taraf: {line}", file=sys.stderr)
        return PROBLEM
    return code if isinstance(code, int) else 0


@contextmanager
def _ending() -> Iterator[None]:
    """Let a kill or a closed terminal end a command as Ctrl-C does: nothing half done is left.

    What is ignored stays so (nohup), and what a command starts does not inherit it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    ours = [one for one in known if one is not None and signal.getsignal(one) == signal.SIG_DFL]
    for one in ours:
        signal.signal(one, _end)
    try:
        yield
    finally:
        for one in ours:
            signal.signal(one, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does just now; a training finishes its step."""
    if number != signal.SIGTERM:  # a terminal that closes may say so twice: once is enough
        signal.signal(number, signal.SIG_IGN)
    interrupt = signal.getsignal(signal.SIGINT)
    if not callable(interrupt):  # Ctrl-C is ignored, as in the background of a script
        raise KeyboardInterrupt
    interrupt(number, frame)


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: some libraries wrap it while they are imported."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def complaint(error: Exception) -> str | None:
    """What to tell a user whose mistake ``error`` is, in one line; None if it is ours."""
    if isinstance(error, OSError):
        text = error.strerror or str(error)
        if error.filename:
            text = f"{error.filename}: {text}"
    elif hasattr(error, "format_message"):  # typer's: a wrong option, a missing argument
        context = getattr(error, "ctx", None)
        help_ = f"see {context.command_path} --help" if context else "see taraf --help"
        said = error.format_message().rstrip(".")
        if meant := commands_meant(error):
            said = f"{re.split(MEANT, said)[0]}; {meant}"
        text = f"{said}; {help_}" if said else help_
    elif isinstance(error, ValueError) and _is_ours(type(error)):
        text = str(error)
    else:
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _is_ours(kind: type[Exception]) -> bool:
    """Whether an exception, or what it derives from, is defined in this project."""
    return any(base.__module__.split(".")[0] in OURS for base in kind.__mro__)


__all__ = ["app", "complaint", "main"]
