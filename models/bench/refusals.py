"""Commands that cannot be done: what is to be refused, and whether that is one clear line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LIMIT_S = 120.0
WRONG = 2
"""The exit status of a command that its user got wrong."""
PROGRAM = "import sys; from engine.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Bad:
    """A command that cannot be done, and words that its one line must have."""

    name: str
    command: tuple[str, ...]
    words: tuple[str, ...]


def is_clear(case: Bad, say: Callable[[str], None], inside: Sequence[str] = ()) -> bool:
    """Whether it is refused, after whatever it was about to do, with one line that says why.

    ``say`` is told where it is not; ``inside`` is another program that is given the command.
    """
    status, said = taraf(case.command, inside)
    told = [line for line in said if line.startswith("taraf: ")]
    right = (
        status == WRONG
        and len(told) == 1
        and told == said[-1:]
        and not any("Traceback" in line for line in said)
        and all(word in told[0] for word in case.words)
    )
    if not right:
        say(f"{case.name}: status {status}, {len(said)} lines: {' | '.join(said[-3:])}")
    return right


def taraf(command: Sequence[str], inside: Sequence[str] = ()) -> tuple[int, list[str]]:
    """The exit status of a command, and the lines it says on standard error."""
    given = [*inside, sys.executable, "-P", "-c", PROGRAM, *command]
    try:
        done = subprocess.run(given, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIMIT_S)  # fmt: skip
    except subprocess.TimeoutExpired:
        return -1, [f"did not end in {LIMIT_S:g} s"]
    return done.returncode, [line for line in done.stderr.splitlines() if line.strip()]


__all__ = ["LIMIT_S", "PROGRAM", "WRONG", "Bad", "is_clear", "taraf"]
