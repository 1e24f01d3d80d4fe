"""What somebody meant who named a command that is not there, or a preset where a file belongs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PLAYING = ("play", "run", "start", "perform", "go")


def commands_meant(error: Any) -> str:
    """The commands nearest to one that is not there, as a question; "" where none is near.

    ``error`` is typer's. Near is what plays, a preset of that name, and words the other way round.
    """
    from engine import preset

    context, said = getattr(error, "ctx", None), error.format_message()
    if context is not None and said.startswith("No such option: --preset"):
        return _question([f"{context.command_path} NAME"] if context.info_name == "live" else [])
    found = re.match(r"No such command '(\S+)'", said)
    if found is None or context is None:
        return ""
    word, root = found[1], context.find_root()
    groups = {name: getattr(one, "commands", {}) for name, one in root.command.commands.items()}
    if context is not root:
        here = context.info_name
        return _question([f"taraf {word} {here}"] if here in groups.get(word, {}) else [])
    near = ["taraf live"] if word in PLAYING else []
    near += [f"taraf live {word}"] if word in preset.names() else []
    return _question([*near, *(f"taraf {name} {word}" for name in groups if word in groups[name])])


def preset_meant(files: Iterable[Path]) -> str:
    """The first of ``files`` that is not there, but a preset of that name; "" where none is."""
    from engine import preset

    known = preset.names()
    return next((str(one) for one in files if str(one) in known and not one.exists()), "")


def _question(near: list[str]) -> str:
    return f"did you mean {' or '.join(near)}?" if near else ""


__all__ = ["commands_meant", "preset_meant"]
