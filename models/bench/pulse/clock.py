"""Two tarafs: one follows drums and sends MIDI clock, the other's echo goes by it, recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine import preset
from engine.bench import Report
from engine.bench.stage import sound_server
from engine.bench.stage.far_end import FarEnd
from engine.bench.stage.telling import Missing, StageError
from engine.dsp.beats import NOTES
from engine.rack import Link, Rack
from models.bench.pulse.cost import BLOCK, LINK, rack
from models.bench.pulse.sounds import RATE, drums, excerpt
from models.pulse.judging.announced import follower
from models.pulse.judging.excerpts import RATE as MADE_AT

SET = "real"
SECONDS = 44.0
EVERY_SECONDS = 1.7
FROM_SECONDS = 10.0
START_SECONDS = 30.0
LEAST_ECHOES = 12
NEAR_SECONDS = 2.0
MOST_MS = 10.0
ECHO = Link(
    "delay", "delay",
    {"mix": 0.5, "feedback": 0.0, "sync": float(NOTES.index("1/4")), "tone_hz": 20_000.0},
)  # fmt: skip


def run(report: Report, seconds: float) -> None:
    """Add rows: the gap of the second taraf's echoes beside the drums' true beat."""
    try:
        import jack  # noqa: F401
        import rtmidi  # noqa: F401
    except (ImportError, OSError):
        raise Missing("needs JACK-Client and python-rtmidi") from None
    played = excerpt(SET)
    with sound_server.running(BLOCK), tempfile.TemporaryDirectory() as name:
        heard, sent = _performance(Path(name))
    at, gaps = echoes(heard, sent)
    report.add("clock to a second taraf: echoes found", len(gaps), "", f"at least {LEAST_ECHOES}",
               len(gaps) >= LEAST_ECHOES)  # fmt: skip
    if not len(gaps):
        return
    followed = follower()(played.sound, MADE_AT).beats
    for whose, beats in (("the drums'", played.beats), ("the follower's own", followed)):
        true = np.array([period(beats, when) for when in at])
        off = 1000.0 * np.abs(gaps - true)
        middle, most = float(np.median(off)), float(np.percentile(off, 90))
        report.add(f"its echo beside {whose} beat, off by, median", middle, "ms",
                   f"at most {MOST_MS:g} ms", middle <= MOST_MS)  # fmt: skip
        report.add(f"its echo beside {whose} beat, off by, p90", most, "ms")
    true = np.array([period(played.beats, when) for when in at])
    report.add("the beat meanwhile, from", 60.0 / float(true.max()), "BPM")
    report.add("the beat meanwhile, to", 60.0 / float(true.min()), "BPM")


def period(beats: npt.NDArray[np.float64], when: float) -> float:
    """The beat around a time: the mean of those within two seconds."""
    near = beats[np.abs(beats - when) <= NEAR_SECONDS]
    return float(np.diff(near).mean())


def echoes(
    heard: npt.NDArray[np.float32], sent: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """When each echo came (n,) and its gap (n,) in seconds; the recording has the click too."""
    at, gaps = [], []
    most = round((EVERY_SECONDS - 0.1) * RATE)
    for first in sent:
        click = int(first) + int(np.abs(heard[first : first + 4 * BLOCK]).argmax())
        part = np.abs(heard[click + RATE // 10 : click + most])
        if len(part) < most - RATE // 10 or part.max() <= 0.1 * abs(heard[click]):
            continue
        gap = RATE // 10 + int(part.argmax())
        if click + gap >= FROM_SECONDS * RATE:
            at.append((click + gap) / RATE)
            gaps.append(gap / RATE)
    return np.array(at), np.array(gaps)


def _performance(folder: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Drums into the first taraf, clicks into the second: what that plays, and each click."""
    sound = drums(SET)[: round(SECONDS * RATE)]
    clicks = np.zeros_like(sound)
    sent = np.arange(RATE // 2, len(sound), round(EVERY_SECONDS * RATE))
    clicks[sent] = 0.8
    np.save(folder / "drums.npy", sound)
    np.save(folder / "clicks.npy", clicks)
    with ExitStack() as stack:
        second = stack.enter_context(_taraf(folder, rack(ECHO), "--midi-port"))
        here = _ports("input"), _ports("output")
        options = ("--midi-port", "--midi-clock", "taraf-out")
        first = stack.enter_context(_taraf(folder, rack(LINK), *options))
        _patch(_ports("output") - here[1], here[0])
        band = stack.enter_context(
            FarEnd(
                "models.bench.pulse.band",
                play=[str(folder / "drums.npy"), str(folder / "clicks.npy")],
                to=[f"{first}:in_0", f"{second}:in_0"], hear=f"{second}:out_0",
                seconds=SECONDS, save=str(folder / "heard.npy"),
            )
        )  # fmt: skip
        band.told()
        band.told(SECONDS + 30.0)
    return np.load(folder / "heard.npy"), sent


@contextmanager
def _taraf(folder: Path, wanted: Rack, *options: str) -> Iterator[str]:
    """`taraf live` as a player starts it; yields the name of its JACK client."""
    before = set(_clients())
    file = folder / f"rack{len(before)}.toml"
    file.write_text(preset.dump(wanted))
    command = [sys.executable, "-P", "-c", "from engine.cli import main; main()", "live",
               str(file), "--device", "JACK", "--block", str(BLOCK), *options]  # fmt: skip
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    with (folder / f"{file.stem}.log").open("w+") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield _appeared(process, before, Path(log.name))
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _appeared(process: subprocess.Popen[bytes], before: set[str], log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        new = sorted(set(_clients()) - before)
        if new:
            time.sleep(2.0)  # until its MIDI ports are plugged
            return new[-1]
        time.sleep(0.2)
    said = " ".join(log.read_text().split()[-30:])
    raise StageError(f"taraf live does not play through JACK here: {said}")


def _ports(kind: str) -> set[str]:
    """MIDI ports of any taraf: those that it plays (output), or hears (input)."""
    import jack

    with jack.Client("taraf-bench-look", no_start_server=True) as client:
        found = client.get_ports("taraf.*:midi", is_midi=True, **{f"is_{kind}": True})
        return {port.name for port in found}


def _patch(outputs: set[str], inputs: set[str]) -> None:
    """Plug one into the other, as a player does: a taraf opens no port of a taraf by itself."""
    import jack

    if len(outputs) != 1 or len(inputs) != 1:
        raise StageError(f"MIDI ports to plug are {sorted(outputs)} and {sorted(inputs)}")
    with jack.Client("taraf-bench-look", no_start_server=True) as client:
        client.connect(outputs.pop(), inputs.pop())


def _clients() -> list[str]:
    """Clients that PortAudio has opened."""
    import jack

    with jack.Client("taraf-bench-look", no_start_server=True) as client:
        names = {port.name.rpartition(":")[0] for port in client.get_ports(is_audio=True)}
    return [name for name in names if name.startswith("PortAudio")]


__all__ = ["echoes", "period", "run"]
