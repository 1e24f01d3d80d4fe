"""The deployed model's own command, anew: how long it takes, and whether it comes as near."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from engine.bench import Report
from engine.bench.parts import StageError
from engine.morph.file import read_morph
from models.bench.morph.sources import CARD, Deployed, all_deployed, folder, rendered_by
from models.bench.morph.telling import say

MOST_S = 900.0
SAME_DB = 0.3
"""Between two trainings of one command: machines round otherwise, and threads add otherwise."""
OURS = ("--data", "--runs", "--out", "--resume", "--json")


def run(report: Report, seconds: float) -> None:
    """Add rows of the seconds that a card tells, and of the same command now."""
    for found in all_deployed():
        told(report, found)
        again(report, found, folder() / f"train-{found.name}")


def told(report: Report, found: Deployed) -> None:
    """What the model's own record says of its training."""
    taken = float(found.model.job.get("seconds", float("nan")))
    report.add(f"{found.name}: its training took, by its record", taken, "s",
               f"at most {MOST_S:g} s", taken <= MOST_S)  # fmt: skip
    if "core_seconds" in found.model.job:  # on a busy machine the others' work is in the row above
        worked = float(found.model.job["core_seconds"])
        report.add(f"{found.name}: its training, all cores together", worked, "s")


def again(report: Report, found: Deployed, place: Path) -> None:
    """Train it here and compare."""
    command = command_of(found, str(rendered_by(data_of(found)).folder), place)
    say(f"train: {shlex.join(command)}")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    program = "import sys; from engine.cli import main; sys.exit(main())"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-P", "-c", program, *command[1:]],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip
    taken = time.monotonic() - began
    made = sorted(place.glob("*.npz"))
    if done.returncode or not made:
        raise StageError(f"the command of {found.name} ended with {done.returncode}")
    report.add(f"{found.name}: its command took", taken, "s", f"at most {MOST_S:g} s",
               taken <= MOST_S)  # fmt: skip
    before, now = (_score(dict(each.job)) for each in (found.model, read_morph(made[0])))
    for key, unit in (("rmse_db", "RMSE"), ("convergence_db", "convergence")):
        report.add(f"{found.name}: {unit} of the deployed model, by its record", before[key], "dB")
        report.add(f"{found.name}: {unit} of the one trained now", now[key], "dB",
                   f"within {SAME_DB:g} dB", now[key] <= before[key] + SAME_DB)  # fmt: skip


def command_of(found: Deployed, data: str, place: Path) -> list[str]:
    """The command of its record, with our folders; StageError where it has none."""
    given = shlex.split(str(found.model.job.get("command", "")))
    if given[:3] != ["taraf", "train", "morph"]:
        raise StageError(f"{found.path} does not record the command that made it")
    kept, skip = [], False
    for word in given:
        name = word.partition("=")[0]
        if skip:
            skip = False
        elif name in OURS:
            skip = "=" not in word and name not in ("--resume", "--json")
        else:
            kept.append(word)
    return [*kept, "--data", data, "--runs", str(place / "runs"), "--out", str(place)]


def data_of(found: Deployed) -> str:
    """The command, in its card, that makes what it learnt from; StageError where there is none."""
    card = found.path.with_name(CARD)
    try:
        return str(tomllib.loads(card.read_text("utf-8"))["trained"]["data"])
    except (OSError, ValueError, KeyError, TypeError):
        raise StageError(f"{card} does not tell what {found.name} was trained on") from None


def _score(job: dict[str, Any]) -> dict[str, float]:
    """The network's own row on the test instruments."""
    rows = [row for row in job.get("scores", ()) if row["name"] == "network"]
    rows = [row for row in rows if row.get("split", "test") == "test"] or rows
    if not rows:
        raise StageError("a model records no score of its network")
    return {key: float(rows[0][key]) for key in ("rmse_db", "convergence_db")}


__all__ = ["again", "command_of", "data_of", "run", "told"]
