"""Learning while playing, beside a taraf that plays: it hears it, and is heard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
from engine.recorder import Recorder
from engine.sampler.errors import SamplerError
from engine.sampler.file import read_sampler, write_sampler
from engine.stream import DeviceChoice
from models.sampler import folder as files
from models.sampler.export import exported
from models.sampler.live.collecting import Collected
from models.sampler.live.ears import Ears
from models.sampler.live.learning import learn
from models.sampler.live.listening import HEARS, NO_TAP, Listening
from models.sampler.live.playing import Heard, Lost, NotPlaying, Playing, SeveralPlay
from models.sampler.material import Material
from models.sampler.network import SamplerNetwork
from models.sampler.settings import Preview, Progress, in_silence, nothing

from .tiny import RATE, job_for, quick, two_tones

LIVE = 48_000
WINDOW = """
from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
host = Host(Order(), Rack("Other", lanes=(Lane("you", "left", (Link("tap", "tap"),)),)))
print("plays", flush=True)
input()
host.stop()
"""


def tone(seconds: float) -> NDArray[np.float32]:
    t = np.arange(round(seconds * LIVE)) / LIVE
    return np.asarray(0.3 * np.sin(2.0 * np.pi * 330.0 * t), np.float32)


def a_rack(model: Path, until: Path) -> Rack:
    knobs = {"dry_db": -60.0, "pause_ms": 20.0, "answer_s": 0.4, "return_s": 0.0}
    sampler = Link("sampler", "sampler", knobs, {"model": str(model), "until": str(until)})
    lanes = (Lane("you", "left", (Link("tap", "tap"),)), Lane("answer", "left", (sampler,)))
    return Rack("Learn", lanes=lanes)


def test_live_a_rack_plays_what_is_learnt_of_its_performer(tmp_path: Path) -> None:
    job, folder = job_for("vector"), tmp_path / "mine"
    first = SamplerNetwork(job).eval()
    until, phrases = tmp_path / "first.npz", tmp_path / "phrases.wav"
    write_sampler(until, exported(first, job, Material(two_tones(), job, 1).scale))
    soundfile.write(phrases, np.concatenate([tone(0.6), 0.0 * tone(0.6)]), LIVE)
    rack = a_rack(folder, until)
    node, index = rack.readouts()["answer.sampler.models"]
    host = Host(Order(DeviceChoice("virtual", LIVE, 64), input=str(phrases)), rack)
    try:
        recorder = Recorder(host, tmp_path)
        heard: list[str] = []
        asked = threading.Event()
        waiting = threading.Timer(60.0, asked.set)
        waiting.start()

        def stop() -> bool:
            taken = int(host.shared.control["readouts"][0, node, index])
            return taken >= 2 or asked.is_set()

        settings = quick(0, preview_every_s=0.5, preview_first_s=0.2, preview_share=1.0)
        learnt = learn(
            job, folder, Ears(enough_s=1.0), settings, told=nothing, doing=in_silence,
            said=heard.append, stop=stop,
        )  # fmt: skip
        taken = int(host.shared.control["readouts"][0, node, index])
        host.wait(1.5)
        recorded = recorder.stop()
        found = host.statistics()
        waiting.cancel()
    finally:
        host.stop()
    assert heard == ["listening to Learn"]
    assert taken >= 2 and learnt.stopped == "interrupted" and learnt.trained is not None
    assert (found["mutes"], recorded["dropped"]) == (0, 0)
    wet = soundfile.read(recorded["wet"])[0][:, 0]
    assert np.isfinite(wet).all() and np.abs(wet[-round(1.2 * LIVE) :]).max() > 0.003
    assert read_sampler(folder / "best.npz").rate == RATE
    assert (
        1.0
        <= learnt.heard_s
        == pytest.approx(soundfile.info(folder / files.SOURCE).duration, abs=3.0)
    )


def test_when_taraf_stops_learning_ends_and_the_same_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.sampler.live.learning.LEAVE_S", 0.2)
    job, folder = job_for("vector"), tmp_path / "mine"
    phrases = tmp_path / "phrases.wav"
    soundfile.write(phrases, tone(2.0), LIVE)
    rack = Rack("Tapped", lanes=(Lane("you", "left", (Link("tap", "tap"),)),))
    host = Host(Order(DeviceChoice("virtual", LIVE, 256), input=str(phrases)), rack)
    said: list[str] = []

    def told(event: Progress | Preview) -> None:
        if isinstance(event, Preview):
            host.stop()

    settings = quick(0, preview_every_s=0.2, preview_share=1.0)
    given: dict[str, Any] = {"told": told, "doing": in_silence, "said": said.append}
    try:
        ears = Ears(enough_s=1.0)
        learnt = learn(job, folder, ears, settings, **given, stop=lambda: False)
    finally:
        host.stop()
    assert learnt.stopped == "taraf stopped" and learnt.trained is not None
    assert said[0].startswith("listening to Tapped; to hear what it learns its sampler needs")
    assert said[-1] == "taraf has stopped"
    again = learn(job, folder, ears, quick(learnt.trained.steps + 2), **given, stop=lambda: False)
    assert again.stopped == "budget" and again.trained is not None
    assert again.trained.steps == learnt.trained.steps + 2
    assert again.heard_s >= learnt.heard_s - 0.1


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def test_it_listens_again_after_another_preset_and_after_a_crash(tmp_path: Path) -> None:
    phrases = tmp_path / "phrases.wav"
    soundfile.write(phrases, tone(2.0), LIVE)
    tapped = Rack("Tapped", lanes=(Lane("you", "left", (Link("tap", "tap"),)),))
    plain = Rack("Plain", lanes=(Lane("you", "left", (Link("gain", "gain"),)),))
    collected = Collected(RATE, 60.0, -50.0)
    host = Host(Order(DeviceChoice("virtual", LIVE, 256), input=str(phrases)), tapped)

    def hears_more() -> bool:
        before = collected.count
        return wait_for(lambda: listening.state == HEARS and collected.count > before)

    try:
        with Listening(collected) as listening:
            assert hears_more()
            host.load(plain)
            assert wait_for(lambda: (listening.state, listening.playing) == (NO_TAP, "Plain"))
            host.load(tapped)
            assert hears_more()
            os.kill(host.pid, signal.SIGKILL)
            assert wait_for(lambda: host.restarts == 1)
            assert hears_more()
            assert not listening.gone(0.0)
        ring = host.shared.tap(0)
        before = ring.written
        host.wait(0.2)
        assert ring.written == before  # nobody listens: it rests
    finally:
        host.stop()


def test_with_two_it_stays_with_its_window_and_without_ears_it_keeps_what_was_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phrases = tmp_path / "phrases.wav"
    soundfile.write(phrases, tone(2.0), LIVE)
    rack = Rack("Tapped", lanes=(Lane("you", "left", (Link("tap", "tap"),)),))
    order = Order(DeviceChoice("virtual", LIVE, 256), input=str(phrases))
    first, folder = Host(order, rack), tmp_path / "mine"
    others = [a_window_with_a_taraf(tmp_path)]
    events: list[Progress | Preview] = []
    try:
        collected = Collected(RATE, 60.0, -50.0)
        with Listening(collected, pid=first.pid) as listening:
            assert wait_for(lambda: listening.state == HEARS)
            os.kill(first.pid, signal.SIGKILL)
            assert wait_for(lambda: first.restarts == 1)
            before = collected.count
            assert wait_for(lambda: collected.count > before)
            assert listening.known is not None and listening.known[0].pid == first.pid
            listening.check()

        def broken(*_: object) -> None:
            raise IndexError("no such\nsample")

        def told(event: Progress | Preview) -> None:
            events.append(event)
            monkeypatch.setattr(Collected, "hear", broken)

        with pytest.raises(SamplerError, match="listening has failed: IndexError: no such sample"):
            learn(
                job_for("vector"), folder, Ears(pid=first.pid, enough_s=1.0),
                quick(0), told=told, doing=in_silence, said=in_silence, stop=lambda: False,
            )  # fmt: skip
    finally:
        for window in others:
            window.communicate("end\n", timeout=30)
        first.stop()
    assert isinstance(events[-2], Preview)  # what was learnt is tried and kept before it is said
    assert read_sampler(folder / files.BEST).rate == RATE


def test_who_plays_in_the_place_of_one_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.running.sounding", lambda: {1: None, 2: None})
    gone = 2**22 + 1  # above any number of a process
    with pytest.raises(SeveralPlay, match="there are: 1, 2"):
        Lost(gone, frozenset()).again(chosen=True)
    assert Lost(gone, frozenset({1, 2})).again(chosen=True) is None
    assert Lost(os.getpid(), frozenset()).again(chosen=False) is None  # its window is still there


def a_window_with_a_taraf(place: Path) -> subprocess.Popen[str]:
    """Another process whose taraf plays until it is told something."""
    window = subprocess.Popen(
        [sys.executable, "-P", "-c", WINDOW], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, cwd=place,
    )  # fmt: skip
    assert window.stdout is not None and window.stdout.readline() == "plays\n"
    return window


def test_a_taraf_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Rack("Plain", lanes=(Lane("you", "left", (Link("gain", "gain"),)),))
    host = Host(Order(), plain)
    asked, answer = threading.Event(), threading.Event()

    def hanging(_: Playing) -> Heard:
        asked.set()
        if not answer.wait(60.0):
            answer.set()
        raise NotPlaying

    monkeypatch.setattr(Playing, "ask", hanging)
    try:
        with Listening(Collected(RATE, 60.0, -50.0)):
            assert asked.wait(20.0)
        assert not answer.is_set()
    finally:
        answer.set()
        host.stop()


def test_a_model_at_another_rate_is_said_to_be_unheard(tmp_path: Path) -> None:
    job, folder = job_for("vector", rate=2 * RATE), tmp_path / "mine"
    other = job_for("vector")
    until, phrases = tmp_path / "first.npz", tmp_path / "phrases.wav"
    scale = Material(two_tones(), other, 1).scale
    write_sampler(until, exported(SamplerNetwork(other).eval(), other, scale))
    soundfile.write(phrases, tone(2.0), LIVE)
    order = Order(DeviceChoice("virtual", LIVE, 256), input=str(phrases))
    place = folder / ".." / "mine"
    host, said = Host(order, a_rack(place, until)), list[str]()
    end = time.monotonic() + 60.0
    try:
        learn(
            job, folder, Ears(enough_s=1.0),
            quick(0, preview_first_s=0.1), told=nothing, doing=in_silence, said=said.append,
            stop=lambda: len(said) > 1 or time.monotonic() > end,
        )  # fmt: skip
    finally:
        host.stop()
    rates = f"is of {2 * RATE} Hz, what plays of {RATE} Hz; it is heard when taraf is begun again"
    assert said == ["listening to Learn", f"{place / files.BEST}: {rates}"]


def test_where_nothing_is_tapped_it_says_how(tmp_path: Path) -> None:
    plain = Rack("Plain", lanes=(Lane("you", "left", (Link("gain", "gain"),)),))
    host = Host(Order(), plain)
    said: list[str] = []
    until = time.monotonic() + 20.0
    try:
        learn(
            job_for("vector"), tmp_path, Ears(), quick(1), told=nothing, doing=in_silence,
            said=said.append, stop=lambda: bool(said) or time.monotonic() > until,
        )  # fmt: skip
    finally:
        host.stop()
    assert said == ['Plain has no tap: put `use = "tap"` where it is to listen']


def test_of_a_tap_that_is_not_there_it_says_which_are(tmp_path: Path) -> None:
    rack = Rack("Tapped", lanes=(Lane("you", "left", (Link("tap", "tap"),)),))
    host, said = Host(Order(), rack), list[str]()
    until = time.monotonic() + 20.0
    try:
        learn(
            job_for("vector"), tmp_path, Ears(tap="wrong"), quick(1), told=nothing,
            doing=in_silence, said=said.append,
            stop=lambda: bool(said) or time.monotonic() > until,
        )  # fmt: skip
    finally:
        host.stop()
    assert said == ["Tapped has no tap called wrong; there are: you.tap"]
