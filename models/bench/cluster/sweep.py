"""12 trainings of an effect: successive halving, killed and resumed, beside all to their ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from models.bench.cluster import say
from models.bench.cluster.material import dry
from models.cluster.here import Here
from models.cluster.sweep.ledger import NAME, Ledger, Part
from models.cluster.sweep.run import Running, Summary
from models.cluster.sweep.spec import read_sweep
from models.cluster.taraf import command
from models.pairs import spec
from models.pairs.effect import Effect
from models.pairs.render import Work, render

if TYPE_CHECKING:
    from engine.bench import Report

KILLED_AFTER = 5
"""Parts that are done when the sweep is killed."""
JOBS = 2
CHAIN = "pedalboard:Distortion(drive_db=20)|pedalboard:LowpassFilter(cutoff_frequency_hz=3000)"
SWEEP = """
[sweep]
trainer = "effect"
data = "{data}"
method = "{method}"
samples = 12
steps = 300
seed = 2

[params]
learning_rate = {{ low = 1e-3, high = 5e-2, log = true }}
arch = ["lstm-small", "lstm", "ssm-small"]
segment = [1024, 2048, 4096]

[options]
batch = 8
"""


def run(report: Report) -> None:
    """Sweep with halving, then train the same 12 whole."""
    with tempfile.TemporaryDirectory(prefix="taraf-", dir="/tmp") as made:
        folder = Path(made)
        source = dry(folder / "dry", 6, 4.0)
        pairs = folder / "pairs"
        render(source, pairs, Effect(spec.parse_chain(CHAIN)), Work(JOBS))
        for method in ("asha", "random"):
            text = SWEEP.format(data=pairs, method=method)
            (folder / f"{method}.toml").write_text(text)
        halved, killed = _killed_and_resumed(folder)
        parts = Ledger(folder / "runs" / "asha").parts
        say("sweep: all 12 to their ends")
        whole = _whole(folder)
    default = next(part for part in whole.parts if part.trial == 0)
    spent = _cpu(parts) / _cpu(list(whole.parts))
    found = float(halved["value"])
    usual = float(default.metric or 0.0)
    twice = sum(n - 1 for n in Counter(part.key for part in parts).values())
    report.add("sweep: parts that were done when it was killed", killed, "")
    report.add("sweep: parts done in all", len(parts), "")
    report.add("sweep: parts done twice", twice, "", "0", twice == 0)
    report.add("sweep: ESR of the default, trained whole", usual, "ESR")
    report.add("sweep: ESR of what halving found", found, "ESR", "the default's or less",
               found <= usual)  # fmt: skip
    report.add(
        "sweep: ESR of the best of all 12 trained whole", float(whole.best.part.metric or 0), "ESR"
    )
    report.add("sweep: processor time over that of training all 12", spent, "", "0.5 or less",
               spent <= 0.5)  # fmt: skip
    report.add("sweep: updates over those of training all 12", float(halved["spent"]), "")


def _killed_and_resumed(folder: Path) -> tuple[dict[str, float], int]:
    """The sweep's own words, and how many parts were done when it was killed."""
    words = ["sweep", str(folder / "asha.toml"), "--jobs", str(JOBS), "--json"]
    words += ["--runs", str(folder / "runs"), "--out", str(folder / "models")]
    environment = {**os.environ, "TARAF_JOBS": str(folder / "jobs")}
    ledger = folder / "runs" / "asha" / NAME
    first = subprocess.Popen(
        command(*words), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    while first.poll() is None and _lines(ledger) < KILLED_AFTER:
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    killed = _lines(ledger)
    say(f"sweep: killed after {killed} parts; it goes on")
    again = subprocess.run(
        command(*words), env=environment, capture_output=True, text=True, check=False
    )
    if again.returncode:
        raise ValueError(again.stderr.strip().splitlines()[-1])
    told: dict[str, float] = json.loads(again.stdout)
    return told, killed


def _whole(folder: Path) -> Summary:
    sweep = read_sweep(folder / "random.toml")
    return Running(sweep, folder / "runs" / "random", Here(JOBS)).run()


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def _cpu(parts: list[Part]) -> float:
    return sum(part.cpu_seconds for part in parts)
