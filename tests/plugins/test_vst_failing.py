"""A plug-in that crashes, exits or hangs while it plays: started again, and nobody else notices."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack

from engine.plugin import Plugin, Setup
from engine.rack import Lane, Link, Rack, RackError
from engine.render import Renderer, play
from engine.stage import Stage
from plugins.vst.plugin import Effect

pytestmark = pytest.mark.realtime

pytest.importorskip("pedalboard")
RATE = 48000
PHONO = Path("/usr/lib/vst3/ZamPhono.vst3")


class Fails(Effect):
    """A real plug-in that, once in its life, does at its hundredth hop what ``how`` says."""

    how = ""

    def work(self, audio: Any, knobs: dict[str, float]) -> None:
        self.hops = getattr(self, "hops", 0) + 1
        flag = Path(os.environ["TARAF_TEST_FLAG"])
        if self.hops == 100 and not flag.exists():
            flag.touch()
            self.fail()
        super().work(audio, knobs)

    def fail(self) -> None:
        raise NotImplementedError


class Crashes(Fails):
    """Reads where nothing is."""

    def fail(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class Exits(Fails):
    """Ends its process."""

    def fail(self) -> None:
        os._exit(3)


class Hangs(Fails):
    """Never comes back."""

    def fail(self) -> None:
        time.sleep(1000)


class Lives(Fails):
    """Goes on."""

    def fail(self) -> None:
        pass


class DiesAtOnce(Effect):
    """Crashes when the worker loads it, though no scan saw it do so."""

    def open(self, setup: Setup) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


@pytest.fixture(autouse=True)
def _worker_finds_this_module(monkeypatch: pytest.MonkeyPatch) -> None:
    if not PHONO.exists():
        pytest.skip("needs zam-plugins")
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    for one in (Crashes, Exits, Hangs, Lives, DiesAtOnce):
        monkeypatch.setattr(one, "__module__", "test_vst_failing")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_one_that_crashes_when_it_is_loaded_says_so(use: Callable[..., Link]) -> None:
    says = rf"a\.diesatonce: {PHONO}: crashed with SIGSEGV while it was loaded"
    with pytest.raises(RackError, match=says):
        play(rack(phono(use(DiesAtOnce))), noise(640), RATE)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("kind", [Crashes, Exits, Hangs])
def test_one_that_fails_is_started_again_and_the_other_lanes_do_not_notice(
    kind: type[Fails],
    use: Callable[..., Link],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kind is Hangs:
        monkeypatch.setattr("engine.worker.HUNG_SECONDS", 1.0)
    monkeypatch.setenv("TARAF_TEST_FLAG", str(tmp_path / kind.__name__))
    broken, restarts, heard = live(phono(use(kind)), monkeypatch)
    assert restarts >= 1
    monkeypatch.setenv("TARAF_TEST_FLAG", str(tmp_path / "lives"))
    healthy, none, _ = live(phono(use(Lives)), monkeypatch, len(heard))
    assert none == 0
    np.testing.assert_array_equal(broken[:, 1], healthy[: len(broken), 1])  # the other lane
    passing = np.abs(broken[:, 0] - heard[: len(broken)]) < 1e-7
    assert passing.reshape(-1, 64)[100:].all(axis=1).sum() > 10  # it was bypassed for a while
    assert not passing[-640:].all()  # and plays again


def phono(link: Link) -> Link:
    """``link`` as a plug-in that changes noise audibly."""
    return replace(link, settings={"plugin": str(PHONO)})


def live(link: Link, monkeypatch: pytest.MonkeyPatch, frames: int = 0) -> Any:
    """Play noise in real time: the plug-in left, a lane without it right.

    Returns the sound, how often the plug-in's worker was started again, and what was played;
    of ``frames`` frames, or until the worker has been back for a hundred hops.
    """
    build = Stage.build

    def in_real_time(stage: Stage, *asked: Any) -> Any:
        stage.shared.control["offline"] = 0
        return build(stage, *asked)

    monkeypatch.setattr(Stage, "build", in_real_time)
    lanes = (
        Lane("a", "left", (link,), {"pan": -1.0}),
        Lane("b", "left", (Link("compressor", "c", {}, {}),), {"pan": 1.0}),
    )
    renderer = Renderer(Rack("t", lanes=lanes), RATE, 1)
    plugin: Plugin = renderer.table.nodes[0].plugin
    sound = noise(RATE * 20)
    out: list[Any] = []
    at = back = misses = 0
    until = time.monotonic() + 20.0
    while at < (frames or len(sound)) and time.monotonic() < until:
        out.append(renderer.push(sound[at : at + 64]))
        at += 64
        time.sleep(0.001)
        before, misses = misses, int(renderer.shared.control["misses"][0])
        back = back + 1 if plugin.restarts and misses == before else 0
        if back > 100 and not frames:
            break
    renderer.stage.close()
    monkeypatch.setattr(Stage, "build", build)
    return np.concatenate(out), plugin.restarts, sound[:at, 0]
