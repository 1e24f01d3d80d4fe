"""Any command that learns: what it is told is in braces, what it prints is JSON.

[options]
command = '''taraf style distil {data} --seconds {seconds} --minutes {minutes} {resume}
    --runs {folder}/runs --out {folder}/made --name mine --json'''
artefact = "made/mine"        # what of the folder is the result

[sweep]
metric = "loss"               # of what it prints; "score.loss" is inside

``{minutes}`` or ``{steps}`` is how far to come in all; ``{folder}`` holds what it left before, and
``{resume}`` is --resume then, else nothing.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from engine.whole import PART, replace_folder, whole
from models.cluster.hand import ending
from models.cluster.sweep.errors import SweepError
from models.cluster.sweep.trainers import Kind, Reached, Rung
from models.cluster.taraf import command

METRICS: dict[str, str] = {}
VALUES: dict[str, Kind] = {}
CODE = ("models",)
MINUTES, PLAYS, STEPS = 5.0, "", True


def advance(rung: Rung) -> Reached:
    """Run the command, for the share of the time."""
    told = {**rung.options, **rung.params, "data": rung.data, "folder": rung.folder}
    told |= {name: _plain(whole * rung.share) for name, whole in rung.budget.items()}
    told |= {"seed": rung.seed, "threads": rung.threads, "name": rung.name}
    told["resume"] = "--resume" if rung.resume else ""
    try:
        given = shlex.split(str(rung.options["command"]))
        words = [word for word in (part.format_map(told) for part in given) if word]
    except (KeyError, ValueError, IndexError) as error:
        raise SweepError(f"options.command: {error} is not told") from None
    if words and words[0] == "taraf":
        words = command(*words[1:])
    rung.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise SweepError(f"{words[0]}: it does not start: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:]
        raise SweepError(f"{words[0]}: {ending(done.returncode)}: {' '.join(said)[:300]}")
    return Reached(_numbers(done.stdout), time.monotonic() - began, 0)


def export(rung: Rung, target: Path) -> dict[str, Any]:
    """Copy what the command left."""
    artefact = str(rung.options.get("artefact", ""))
    source = rung.folder / artefact
    if not source.exists():
        raise SweepError(f"options.artefact: the command left no {artefact}")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        _copy_folder(source, target)
    else:
        with whole(target) as part:
            shutil.copyfile(source, part)
    return {}


def _copy_folder(source: Path, target: Path) -> None:
    """Put a copy in its place whole; SweepError where something else than an older one is there."""
    if os.path.lexists(target):
        ours = {".DS_Store", *(path.name for path in source.iterdir())}
        there = {path.name for path in target.iterdir()} if target.is_dir() else {target.name}
        if others := sorted(there - ours):
            raise SweepError(f"there is {others[0]}, which is none of its own; it is not replaced")
    part = target.with_name(f".{target.name}.{os.urandom(4).hex()}{PART}")
    try:
        shutil.copytree(source, part)
        replace_folder(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _numbers(text: str) -> dict[str, float]:
    """Every number of what was printed, by its name; of an object inside one, with a dot."""
    found: dict[str, float] = {}

    def walk(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{name}.{key}" if name else str(key))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)

    for line in reversed(text.strip().splitlines()):
        try:
            walk(json.loads(line), "")
        except ValueError:
            continue
        return found
    raise SweepError("the command printed no JSON; --json is missing?")


def _plain(number: float) -> str:
    return f"{number:.6g}"
