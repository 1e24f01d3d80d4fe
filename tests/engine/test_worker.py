"""A Python plugin in its own process: on time, late, dead, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack

from engine import worker_life
from engine.hops import Memory
from engine.host import Host, Order
from engine.layout import NOTE
from engine.params import Param
from engine.plugin import PluginError, Setup
from engine.rack import Lane, Link, Rack, RackError
from engine.render import Move, Renderer, play
from engine.stream import DeviceChoice
from engine.worker import WorkerPlugin, worker_latency


class Halves(WorkerPlugin):
    """Multiplies by a knob, in Python."""

    factor = Param(0.5, 0.0, 1.0, smooth_ms=0.0)

    def work(self, audio: Any, knobs: dict[str, float]) -> None:
        audio *= np.float32(knobs["factor"])


class Refuses(WorkerPlugin):
    """Cannot be opened."""

    def open(self, setup: Setup) -> None:
        raise PluginError("the file is not there")


@pytest.fixture(autouse=True)
def _worker_finds_this_module(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    for plugin in (Halves, Refuses, Clicks, Dies, Shrinks):
        monkeypatch.setattr(plugin, "__module__", "test_worker")


@pytest.mark.parametrize(("block", "depth", "frames"), [
    (64, 1, 64), (64, 2, 128), (32, 2, 96), (128, 1, 128), (4096, 1, 4096), (333, 1, 396),
])  # fmt: skip
def test_latency_is_what_the_ring_needs(block: int, depth: int, frames: int) -> None:
    assert worker_latency(block, 0, depth) == frames


def test_a_render_is_the_same_at_every_block(use: Callable[..., Link]) -> None:
    chain = rack(use(Halves))
    sound, moves = noise(), [Move(640, "a.halves.factor", 0.25)]
    wanted = sound[:, 0] * np.where(np.arange(len(sound)) < 640, 0.5, 0.25).astype(np.float32)
    for block in (64, 333, 4096):
        made = play(chain, sound, 48000, block, moves)
        np.testing.assert_array_equal(made[:, 0], wanted)


def test_a_worker_that_cannot_open_says_why(use: Callable[..., Link]) -> None:
    with pytest.raises(RackError, match=r"a\.refuses: the file is not there"):
        play(rack(use(Refuses)), noise(), 48000)


class Clicks(WorkerPlugin):
    """Makes the velocity of each note at the frame where it begins."""

    def work(self, audio: Any, knobs: dict[str, float]) -> None:
        audio[:] = 0.0
        for frame, (status, _, velocity) in self.notes:
            if status & 0xF0 == 0x90:
                audio[:, frame] = velocity / 128


@pytest.mark.parametrize("block", [64, 48, 512])
def test_notes_reach_a_worker_once_each_and_on_their_frame(
    use: Callable[..., Link], block: int
) -> None:
    renderer = Renderer(rack(use(Clicks)), 48000, 1, block)
    wanted = np.zeros(9600, np.float32)
    for k, frame in enumerate((0, 1, 63, 64, 700, 703, 5000)):
        packed = 0x90 | 60 << 8 | (k + 1) << 16
        renderer.shared.send(renderer.table.id, 0, NOTE, float(packed), frame)
        wanted[frame] = (k + 1) / 128
    made = np.concatenate([renderer.push(noise(9600)), renderer.finish()])[:9600, 0]
    np.testing.assert_array_equal(made, wanted)


def test_messages_that_a_hop_has_no_room_for_come_with_the_next(use: Callable[..., Link]) -> None:
    renderer = Renderer(rack(use(Clicks)), 48000, 1)
    for k in range(70):
        renderer.shared.send(renderer.table.id, 0, NOTE, float(0x90 | (k + 1) << 16), 10)
    made = np.concatenate([renderer.push(noise(6400)), renderer.finish()])[:6400, 0]
    assert made[10] == 64 / 128
    assert made[64] == 70 / 128
    assert np.count_nonzero(made) == 2


class Dies(WorkerPlugin):
    """Ends its process at the twentieth hop."""

    def open(self, setup: Setup) -> None:
        self.hops = 0

    def work(self, audio: Any, knobs: dict[str, float]) -> None:
        self.hops += 1
        print("a chatty plugin " * 40, file=sys.stderr)
        if self.hops == 20:
            os._exit(3)


def test_a_render_does_not_wait_for_ever_for_a_worker_that_died(use: Callable[..., Link]) -> None:
    sound = noise(6400)
    made = play(rack(use(Dies)), sound, 48000)
    np.testing.assert_array_equal(made[: 19 * 64, 0], sound[: 19 * 64, 0])
    assert np.all(np.isfinite(made))


def torch_rack(folder: Path) -> Rack:
    torch = pytest.importorskip("torch")

    class Curve(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tanh(3.0 * x)

    torch.jit.script(Curve()).save(str(folder / "curve.pt"))
    link = Link("torchscript", "curve", {}, {"module": "curve.pt"})
    return Rack("torch", lanes=(Lane("a", "left", (link,)),), folder=folder)


def test_a_scripted_module_is_a_plugin(tmp_path: Path) -> None:
    sound = noise()
    made = play(torch_rack(tmp_path), sound, 48000)
    np.testing.assert_allclose(made[:, 0], np.tanh(3 * sound[:, 0]), atol=1e-6)


def test_a_file_that_is_no_module_is_one_clear_line(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "curve.pt").write_bytes(b"not a module")
    link = Link("torchscript", "curve", {}, {"module": "curve.pt"})
    with pytest.raises(RackError, match=r"curve\.pt: is not a module") as caught:
        play(Rack("bad", lanes=(Lane("a", "left", (link,)),), folder=tmp_path), noise(), 48000)
    assert "\n" not in str(caught.value)


def test_a_worker_that_dies_for_hours_is_still_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_life, "LONGEST_PAUSE_SECONDS", 0.0)
    memory = Memory(16, 1, 1)
    life = worker_life.WorkerLife("this", {}, memory.block, memory.header, 2.0, 0.5)
    try:
        life.process.wait()
        life.restarts = 5000
        life.look()
        assert life.restarts == 5001
        life.process.wait()
        first = life.process.pid
        with monkeypatch.context() as short:
            short.setattr(subprocess, "Popen", _no_room)
            life.look()
        assert life.process.pid == first
        life.look()
        assert life.process.pid != first
    finally:
        life.close()


def _no_room(*command: Any, **how: Any) -> None:
    raise BlockingIOError(11, "Resource temporarily unavailable")


def test_a_killed_worker_is_bypassed_counted_and_started_again(tmp_path: Path) -> None:
    import psutil

    host = Host(Order(DeviceChoice("virtual", 48000, 64)), torch_rack(tmp_path))
    try:
        time.sleep(0.5)
        before = host.statistics()
        (worker,) = [
            child
            for child in psutil.Process(host.pid).children()
            if "engine.worker" in child.cmdline()
        ]
        os.kill(worker.pid, signal.SIGKILL)
        until = time.monotonic() + 20
        while host.report()["worker_restarts"] == 0 and time.monotonic() < until:
            time.sleep(0.05)
        report = host.report()
        assert report["worker_restarts"] == 1
        missed = host.statistics()["worker_misses"]
        assert missed > before["worker_misses"]
        steady = -1
        while steady != host.statistics()["worker_misses"] and time.monotonic() < until:
            steady = host.statistics()["worker_misses"]
            time.sleep(0.5)
        assert steady == host.statistics()["worker_misses"]  # it answers again
        assert host.restarts == 0
        assert host.statistics()["mutes"] == 0
    finally:
        host.stop()


class Shrinks(WorkerPlugin):
    """Its file changes after its knobs are made: in the worker's process it has one less."""

    gone = Param(0.0, 0.0, 1.0)
    factor = Param(0.5, 0.0, 1.0, smooth_ms=0.0)

    def __init__(self, **settings: str | int) -> None:
        super().__init__(**settings)
        if Path(sys.argv[0]).name == "worker.py":
            self.params = {k: v for k, v in self.params.items() if k != "gone"}  # type: ignore[misc]

    def work(self, audio: Any, knobs: dict[str, float]) -> None:
        audio *= np.float32(knobs["factor"])


def test_a_worker_whose_file_has_fewer_knobs_by_now_says_so_and_turns_the_others(
    use: Callable[..., Link],
) -> None:
    sound = noise()
    moves = [Move(640, "a.shrinks.factor", 0.25), Move(640, "a.shrinks.gone", 1.0)]
    renderer = Renderer(rack(use(Shrinks)), 48000, 1, 64, moves)
    made = np.concatenate([renderer.push(sound), renderer.finish()])[: len(sound)]
    wanted = sound[:, 0] * np.where(np.arange(len(sound)) < 640, 0.5, 0.25).astype(np.float32)
    np.testing.assert_array_equal(made[:, 0], wanted)
    assert renderer.table.warnings == (
        "shrinks: has no gone any more; nothing turns there, all else goes on",
    )
    knob = (renderer.table.id, 0, 999, 1.0)  # what a window sends that knows the file as it is
    before = renderer.table.rows.copy()
    assert renderer.shared.send(*knob)
    renderer.push(sound[:640])
    assert int(renderer.shared.control["stale_events"][0]) == 1
    assert list(renderer.table.rows["n_knobs"]) == list(before["n_knobs"])
