"""A process that does a command on another machine: ``python -m models.cluster.calling``.

Arguments that name files are those that were brought here; what it prints is handed back.
"""

from __future__ import annotations

import inspect
import io
import json
import os
import shutil
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer

from engine.cli import complaint
from engine.whole import PART, replace_folder
from models.cluster.packing import content_hash
from models.cluster.staging import place_of
from models.pairs.stages import quiet

LOOK_S = 0.5
"""Between two looks at whether whoever asks is still there."""


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """What a command printed, and its exit code; ``error`` in one line if it could not be done."""
    module, name = task["function"].split(":")
    printed, said = io.StringIO(), io.StringIO()
    code = 0
    sys.argv[1:] = task["words"]
    try:
        command = getattr(import_module(module), name)
        given = _given(command, task)
        with redirect_stdout(printed), redirect_stderr(said):
            command(**given)
    except typer.Exit as leaving:
        code = leaving.exit_code
    except Exception as error:
        told = complaint(error) or f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return {"error": told, "asked": True}
    return {"printed": printed.getvalue(), "said": said.getvalue(), "code": code}


def _given(command: Any, task: dict[str, Any]) -> dict[str, Any]:
    """The arguments, with paths as they are here."""
    given = dict(task["given"])
    hints = get_type_hints(command)
    brought: dict[str, list[str]] = {}
    for key, value in task.items():
        kind, _, rest = key.partition(" ")
        if kind == "read":
            brought.setdefault(rest.rpartition(" ")[0], []).append(value)
    for name, paths in brought.items():
        given[name] = paths if isinstance(given[name], list) else paths[0]
    run = place_of(Path(task["run"]))
    if "runs" in given:
        given["runs"] = str(run.parent)
    if task["out"]:
        given[task["out"]] = str(place_of(Path(task["model"])).parent)
    run.parent.mkdir(parents=True, exist_ok=True)
    _begin(run, Path(task["before"]) if "before" in task else None)
    known = inspect.signature(command).parameters
    return {name: _typed(hints[name], value) for name, value in given.items() if name in known}


def _begin(run: Path, before: Path | None) -> None:
    """Let ``run`` hold what it held when the command was given, whatever a lost worker left."""
    if run.is_dir():
        if before and content_hash(run) == content_hash(before):
            return
        time.sleep(2.0 * LOOK_S)  # until the lost worker's process has left, too
    part = run.with_name(f".{os.urandom(4).hex()}{PART}")
    try:
        if before:
            shutil.copytree(before, part)
            replace_folder(part, run)
        elif run.is_dir():
            os.replace(run, part)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _typed(hint: Any, value: Any) -> Any:
    """A path where a path is wanted."""
    if value is None:
        return None
    kinds = [hint, *get_args(hint)]
    if isinstance(value, list):
        inner = [kind for one in kinds for kind in get_args(one)]
        return [Path(one) if Path in inner else one for one in value]
    return Path(value) if Path in kinds else value


def main() -> None:
    """Answer tasks until there are no more."""
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    sys.stdin.buffer.readline()
    with os.fdopen(quiet(), "w", encoding="utf-8") as output:
        for line in sys.stdin.buffer:
            print(json.dumps(answer(json.loads(line))), file=output, flush=True)
    os._exit(0)


def _leave_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)


if __name__ == "__main__":
    main()
