"""What goes wrong: jobs and files that are none, a full disk, a training that is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from engine.bench import Report
from engine.bench.stage.far_end import FarEnd
from engine.bench.stage.telling import StageError
from models.bench.refusals import LIMIT_S, Bad, is_clear
from models.bench.sampler.learner import SMALL, settings, small
from models.bench.sampler.telling import say
from models.sampler import folder as files

RATE = 11_025
KILL_AT = 50
MORE = 20
"""Updates after which it is killed, at least, and that it then makes."""


PAGE, ROOM = 4096, 250_000
"""Of a tmpfs; and what a recording takes that is written again, but not a preview of 10 s."""
ON_A_DISK = """
mount -t tmpfs -o size="$0" tmpfs "$1" && cp -r "$2" "$1/" || exit 99
disk="$1"; run="$2"; shift 2; "$@"; status=$?
rm -r "$run" && cp -r "$disk/$(basename "$run")" "$run" || exit 98
exit $status
"""
"""A shell's: a disk of $0 bytes at $1 with the folder $2, the command, and the folder back."""


def run(report: Report, seconds: float) -> None:
    """Add rows: bad jobs with one clear line, what a full disk left, a killed training."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "loop.wav"
        soundfile.write(source, _loop(), RATE, subtype="FLOAT")
        cases = list(_cases(folder, source))
        clear = sum(is_clear(case, say) for case in cases)
        report.add("bad jobs that give one clear line", clear, f"of {len(cases)}", "all",
                   clear == len(cases))  # fmt: skip
        _full_disk(report, folder, source)
        _killed(report, folder, source)


def _loop() -> Any:
    """Two tones in turn, 4 s."""
    t = np.arange(4 * RATE) / RATE
    tone = np.sin(2.0 * np.pi * np.where((t * 4.0) % 2.0 >= 1.0, 551.25, 367.5) * t)
    return (0.3 * tone).astype(np.float32)


def _cases(folder: Path, source: Path) -> Iterator[Bad]:
    def job(name: str, text: str | None = None, **values: Any) -> tuple[str, ...]:
        path = folder / f"{name}.json"
        given = {**SMALL, "source": str(source), **values}
        path.write_text(json.dumps(given) if text is None else text)
        return ("sampler", "train", str(path), "--runs", str(folder / "runs"))

    def sound(name: str, samples: Any) -> str:
        soundfile.write(folder / name, samples, RATE)
        return str(folder / name)

    cut = folder / "cut.flac"
    soundfile.write(cut, np.random.default_rng(1).uniform(-0.3, 0.3, 8 * RATE), RATE)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    yield Bad("unknown key", job("key", colour=3), ("key.json", "colour"))
    yield Bad("wrong type", job("type", num_layers="two"), ("type.json", "num_layers", "two"))
    yield Bad("out of range", job("range", lr=-1.0), ("range.json", "lr", "-1"))
    yield Bad("impossible shapes", job("shape", label_shape=[1, 999]), ("label_shape", "999"))
    yield Bad("unknown approach", job("way", approach="matrix"), ("approach", "matrix"))
    yield Bad("half a job", job("half", '{"approach": "vector", "seg'), ("half.json", "line 1"))
    short = job("short", source=sound("short.wav", _loop()[:200]))
    yield Bad("too short a recording", short, ("short.wav", "too short"))
    silent = job("silent", source=sound("silent.wav", np.zeros(4 * RATE)))
    yield Bad("silence", silent, ("silent.wav", "silent"))
    yield Bad("a truncated recording", job("cut", source=str(cut)), ("cut.flac",))
    gone = job("gone", source=str(folder / "gone.wav"))
    yield Bad("no recording", gone, ("gone.wav",))
    yield from _broken_files(folder, source)


def _broken_files(folder: Path, source: Path) -> Iterator[Bad]:
    """A model and a checkpoint that break off."""
    from models.sampler.training import train

    for name in ("model", "checkpoint", "full"):
        train(small(source), folder / "runs" / name, settings=settings(2))
    model = folder / "runs" / "model" / files.BEST
    checkpoint = folder / "runs" / "checkpoint" / files.CHECKPOINT
    for path in (model, checkpoint):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    dream = ("sampler", "dream", str(model), "--out", str(folder / "out.wav"))
    yield Bad("half a model", dream, (files.BEST,))
    yield Bad("half a checkpoint", _again("checkpoint", folder / "runs"), (files.CHECKPOINT,))


def _again(name: str, runs: Path) -> tuple[str, ...]:
    """The command that goes on with a training of ours."""
    job = str(runs / name / files.JOB)
    return ("sampler", "train", job, "--runs", str(runs), "--name", name, "--resume")


def _full_disk(report: Report, folder: Path, source: Path) -> None:
    """A training goes on where there is room for little more: what was there must be left."""
    from engine.sampler.errors import SamplerError
    from engine.sampler.file import read_sampler
    from models.sampler.training import train

    run, disk = folder / "runs" / "full", folder / "disk"
    disk.mkdir()
    if not _small_disks(disk):
        say("a full disk is left out: needs unshare, and leave to mount a tmpfs")
        return
    before = (run / files.CHECKPOINT).read_bytes()
    room = sum(path.stat().st_size + PAGE for path in run.rglob("*")) + ROOM
    inside = ("unshare", "-rm", "sh", "-c", ON_A_DISK, str(room), str(disk), str(run))
    again = _again("full", disk)
    clear = is_clear(Bad("a full disk", again, ("disk is full",)), say, inside)
    report.add("a full disk: one clear line", clear, "", "yes", clear)
    lost = int((run / files.CHECKPOINT).read_bytes() != before)
    try:
        read_sampler(run / files.BEST)
        stood = _step(run / files.CHECKPOINT)
        resumed = train(small(source), run, settings=settings(stood + 1), resume=True)
        lost += resumed.steps != stood + 1
    except SamplerError as error:
        say(f"after a full disk: {error}")
        lost += 1
    report.add("a full disk: checkpoint, best model or the way on lost", lost, "", "none",
               lost == 0)  # fmt: skip


def _small_disks(disk: Path) -> bool:
    """Whether a disk of a given size can be had here, seen by one command alone."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    return subprocess.run(command, capture_output=True).returncode == 0


def _killed(report: Report, folder: Path, source: Path) -> None:
    """Kill it, go on, and compare with one that was never stopped."""
    from models.sampler.training import train

    run = folder / "killed"
    with FarEnd("models.bench.sampler.learner", source=str(source), folder=str(run)) as learner:
        while learner.told(LIMIT_S)["step"] < KILL_AT:
            pass
        os.kill(learner.pid, signal.SIGKILL)
    stood = _step(run / files.CHECKPOINT)
    made = 0

    def counts() -> bool:
        """Is asked before each update."""
        nonlocal made
        made += 1
        return False

    resumed = train(
        small(source), run, settings=settings(stood + MORE), resume=True, stop=counts
    )  # fmt: skip
    whole = train(small(source), folder / "whole", settings=settings(stood + MORE))
    report.add("a killed training: updates that its checkpoint has", stood, "")
    report.add("a killed training: updates that were left, and made", made, "", f"{MORE}",
               made == MORE and resumed.steps == stood + MORE)  # fmt: skip
    apart = max(
        float(np.abs(a - b).max())
        for a, b in zip(_weights(resumed.model), _weights(whole.model), strict=True)
    )
    report.add("a killed training: weights beside one never stopped", apart, "", "equal",
               apart == 0.0)  # fmt: skip


def _step(checkpoint: Path) -> int:
    import torch

    if not checkpoint.is_file():
        raise StageError(f"{checkpoint.name} was not written before the training was killed")
    return int(torch.load(checkpoint, weights_only=True)["stands"]["step"])


def _weights(model: Any) -> list[Any]:
    layers = [part for one in model.layers for part in (one.kernel, one.recurrent, one.bias)]
    return [*layers, model.head.kernel, model.head.bias]


__all__ = ["run"]
