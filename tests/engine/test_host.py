"""Things die: what happens then, and that the player is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from conftest import rack

from engine import catalogue
from engine.host import Host, HostError, Order, door, sounding
from engine.host.launch import Launch
from engine.layout import RING
from engine.rack import Link, RackError
from engine.recorder import Recorder
from engine.shared import RING_AT
from engine.stream import DeviceChoice, DeviceError

GAIN = Link("gain", "gain", {"gain_db": -6.0})


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def test_a_killed_audio_process_is_back_within_two_seconds_with_the_last_rack() -> None:
    host = Host(Order(), rack(GAIN))
    try:
        host.set("a.gain.gain_db", -12.0)
        first = host.pid
        os.kill(first, signal.SIGKILL)
        assert wait_for(lambda: host.restarts == 1)
        assert host.pid != first
        assert host.gap_seconds < 2.0
        assert "sounding again" in host.events[-1].message
        assert host.rack.lanes[0].chain[0].knobs["gain_db"] == -12.0
        assert "-12.0" in host.report()["rack"]["toml"]
    finally:
        host.stop()


def test_a_stopped_audio_process_is_replaced() -> None:
    host = Host(Order(), rack(GAIN))
    try:
        host.report()
        os.kill(host.pid, signal.SIGSTOP)
        assert host.report()["table"]  # asked of a process that hangs: the last known
        assert wait_for(lambda: host.restarts == 1)
        assert host.gap_seconds < 2.0
    finally:
        host.stop()


_FRONT = """
import sys, time
from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
host = Host(Order(), Rack("left alone", lanes=(Lane("a", "left", (Link("gain", "gain"),)),)))
print(host.pid, flush=True)
time.sleep(60)
"""


def test_sound_outlives_its_window_and_another_takes_over() -> None:
    front = subprocess.Popen([sys.executable, "-c", _FRONT], stdout=subprocess.PIPE, text=True)
    assert front.stdout is not None
    pid = int(front.stdout.readline())
    with pytest.raises(HostError, match="still belongs"):
        Host.attach(pid)
    front.send_signal(signal.SIGKILL)
    front.wait()
    time.sleep(0.5)
    assert sounding()[pid] is None
    host = Host.attach(pid)
    try:
        before = host.statistics()
        assert host.rack.name == "left alone"
        time.sleep(0.3)
        after = host.statistics()
        assert after["blocks"] > before["blocks"]
        assert after["seconds"] > 0.5  # it never began anew
        host.set("a.gain.gain_db", -3.0)
        assert host.load(rack(GAIN)) == []
    finally:
        host.stop()
    assert not psutil.pid_exists(pid)
    assert pid not in sounding()


def test_an_orphan_that_was_to_play_for_a_while_ends_by_itself() -> None:
    program = _FRONT.replace("Order()", "Order(frames=48000)")
    front = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert front.stdout is not None
    pid = int(front.stdout.readline())
    front.send_signal(signal.SIGKILL)
    front.wait()
    assert wait_for(lambda: not psutil.pid_exists(pid))


def test_a_killed_recording_lacks_at_most_its_last_second(tmp_path: Path) -> None:
    for kind in ("wav", "flac"):
        folder = tmp_path / kind
        program = f"""
import time
from pathlib import Path
from engine.host import Host, Order
from engine.recorder import Recorder
from engine.rack import Lane, Rack
host = Host(Order(armed=True), Rack("r", lanes=(Lane("a"),)))
recorder = Recorder(host, Path({str(folder)!r}), {kind!r})
time.sleep(3)
print(host.pid, int(host.shared.control["frames"][0]), flush=True)
time.sleep(60)
"""
        front = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert front.stdout is not None
        pid, frames = map(int, front.stdout.readline().split())
        front.send_signal(signal.SIGKILL)
        front.wait()
        os.kill(pid, signal.SIGKILL)
        for name in ("dry", "wet"):
            sound, rate = soundfile.read(folder / f"{name}.{kind}", dtype="float32")
            assert rate == 48000
            assert len(sound) > frames - 48000
            assert np.any(sound)


def test_what_was_recorded_is_what_sounded(tmp_path: Path) -> None:
    order = Order(DeviceChoice("virtual", 48000, 64), frames=48000, fast=True, armed=True)
    host = Host(order, rack(GAIN))
    recorder = Recorder(host, tmp_path)
    assert host.wait(10)
    recorded = recorder.stop()
    host.stop()
    assert recorded["frames"] == 48000
    assert recorded["dropped"] == 0
    dry, _ = soundfile.read(recorded["dry"], dtype="float32")
    wet, _ = soundfile.read(recorded["wet"], dtype="float32")
    np.testing.assert_allclose(wet[:, 0], dry * 10 ** (-6 / 20), rtol=1e-6)


def test_a_rack_that_does_not_build_leaves_the_old_one_sounding() -> None:
    host = Host(Order(), rack(GAIN))
    try:
        before = host.table
        with pytest.raises(RackError):
            host.load(rack(Link("model", "model", {}, {"model": "nosuch"})))
        assert host.table == before
        assert host.report()["table"] == before
    finally:
        host.stop()


def test_a_first_start_compiles_before_it_sounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARAF_CACHE", str(tmp_path))
    told: list[str] = []
    host = Host(Order(), rack(GAIN), told.append)
    try:
        assert {"gain", "callback", "virtual_device"} <= set(told)
        assert wait_for(lambda: host.statistics()["blocks"] > 500)
        assert host.restarts == 0
    finally:
        host.stop()


def test_a_device_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(DeviceError) as caught:
        Host(Order(DeviceChoice("no such card", 48000, 64)), rack(GAIN))
    assert "\n" not in str(caught.value)


def test_a_jack_server_that_dies_is_reported_and_recovered_from(jackd: Any) -> None:
    server = jackd(64)
    host = Host(Order(DeviceChoice("JACK", 48000, 64)), rack(GAIN))
    try:
        assert wait_for(lambda: host.statistics()["blocks"] > 100)
        server.kill()
        server.wait()
        assert wait_for(lambda: any("trying again" in event.message for event in host.events))
        jackd(64)
        assert wait_for(lambda: host.restarts == 1)
        assert wait_for(lambda: host.statistics()["blocks"] > 100)
    finally:
        host.stop()


def test_an_order_in_frames_is_played_to_its_end_across_a_restart() -> None:
    host = Host(Order(frames=3 * 48000), rack(GAIN))
    try:
        began = time.monotonic()
        assert wait_for(lambda: host.statistics()["frames"] > 48000)
        os.kill(host.pid, signal.SIGKILL)
        assert host.wait(20)
        assert host.restarts == 1
        assert 2.9 < time.monotonic() - began < 8.0
    finally:
        host.stop()


def test_a_connection_that_fails_once_does_not_end_the_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host(Order(), rack(GAIN))
    try:
        connect, failed = Host._connect, []

        def fail_once(self: Host, known: dict[str, Any]) -> None:
            if not failed:
                failed.append(1)
                raise ConnectionRefusedError("not yet")
            connect(self, known)

        monkeypatch.setattr(Host, "_connect", fail_once)
        os.kill(host.pid, signal.SIGKILL)
        assert wait_for(lambda: host.restarts == 1)
    finally:
        host.stop()


def _no_room(self: Launch) -> None:
    raise BlockingIOError(11, "Resource temporarily unavailable")


def test_a_start_that_the_system_refuses_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(Order(), rack(GAIN))
    try:
        with monkeypatch.context() as full:
            full.setattr(Launch, "__init__", _no_room)
            os.kill(host.pid, signal.SIGKILL)
            assert wait_for(lambda: any("does not start" in e.message for e in host.events))
        assert wait_for(lambda: host.restarts == 1)
    finally:
        host.stop()


def test_stopping_what_does_not_start_costs_no_stranger_his_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host(Order(), rack(GAIN))
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    monkeypatch.setattr(Launch, "__init__", _no_room)
    os.kill(host.pid, signal.SIGKILL)
    assert wait_for(lambda: any("does not start" in e.message for e in host.events))
    host._process.pid = stranger.pid  # numbers of processes come again
    host.stop()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            stranger.wait(0.2)
    finally:
        stranger.kill()
        stranger.wait()


def test_a_machine_that_stood_still_costs_no_restart() -> None:
    program = _FRONT.replace("time.sleep(60)", "input(); print(host.restarts); host.stop()")
    pipe = subprocess.PIPE
    front = subprocess.Popen([sys.executable, "-c", program], text=True, stdin=pipe, stdout=pipe)
    assert front.stdout is not None
    pid = int(front.stdout.readline())
    time.sleep(0.5)
    for stopped in (front.pid, pid):
        os.kill(stopped, signal.SIGSTOP)
    time.sleep(0.6)
    for stopped in (front.pid, pid):
        os.kill(stopped, signal.SIGCONT)
        time.sleep(0.05)
    time.sleep(0.5)
    assert front.communicate("\n")[0].strip() == "0"


_CHATTY = """
from plugins.gain import Gain

class Chatty(Gain):
    def prepare(self, setup):
        print("x" * 200_000)
        return super().prepare(setup)
"""


def test_a_plugin_that_prints_a_lot_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "chatty-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: chatty\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[taraf.plugins]\nchatty = chatty:Chatty\n")
    (tmp_path / "chatty.py").write_text(_CHATTY)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setattr(door, "ANSWER_SECONDS", 30.0)
    monkeypatch.syspath_prepend(tmp_path)
    _look_again()
    host = Host(Order(), rack(GAIN))
    try:
        assert host.load(rack(Link("chatty", "chatty"))) == []
    finally:
        host.stop()
        _look_again()


def _look_again() -> None:
    catalogue.entries.cache_clear()
    catalogue.find.cache_clear()


def test_a_recording_past_4_gib_can_be_read_to_its_end(tmp_path: Path) -> None:
    host = Host(Order(), rack(GAIN))
    try:
        recorder = Recorder(host, tmp_path)
        time.sleep(0.3)
        os.truncate(recorder.dry.path, 5 << 30)  # as if it had gone on for seven hours
        time.sleep(1.2)  # its header says so
        recorded = recorder.stop()
    finally:
        host.stop()
    assert soundfile.info(recorded["dry"]).frames > (4 << 30) // 4
    assert soundfile.info(recorded["wet"]).format == "WAVEX"  # a plain wav where it is short
    Path(recorded["dry"]).unlink()


def test_a_take_does_not_count_what_an_earlier_one_lacked(tmp_path: Path) -> None:
    host = Host(Order(), rack(GAIN))
    try:
        takes = []
        for _ in range(2):
            recorder = Recorder(host, tmp_path)
            host.shared.memory[RING_AT:][: RING.itemsize].view(RING)["dropped"] += 480
            takes.append(recorder.stop()["dropped"])
        assert takes == [480, 480]
    finally:
        host.stop()


def test_stopping_stops_what_has_a_window_and_what_has_lost_it() -> None:
    from engine.playing import stop_all

    program = _FRONT.replace("time.sleep(60)", "host.wait(60)")
    told = "print(host.pid, flush=True)\nhost.wait(60)"  # it may be stopped as soon as that
    tried = "try:\n " + told.replace("\n", "\n ") + "\nexcept KeyboardInterrupt: host.stop()"
    ended = program.replace(told, tried)
    assert ended != program
    fronts = [
        subprocess.Popen([sys.executable, "-c", p], stdout=subprocess.PIPE, text=True)
        for p in (program, ended)
    ]
    pids = [int(front.stdout.readline()) for front in fronts if front.stdout]
    fronts[0].kill()
    fronts[0].wait()
    assert stop_all() == 2
    assert wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    fronts[1].wait(5)
    assert sounding() == {}


def test_a_stale_note_does_not_cost_a_stranger_his_process() -> None:
    from engine.playing import stop_all

    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    note = Path(os.environ["TARAF_RUNTIME"]) / f"live-{stranger.pid}.json"
    known = {"pid": stranger.pid, "front": 1 << 30, "address": "nowhere", "key": "00", "shm": "x"}
    note.write_text(json.dumps(known))
    assert stop_all() == 0
    assert stranger.poll() is None
    assert not note.exists()
    stranger.kill()
    stranger.wait()


def test_a_folder_that_others_may_write_to_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setenv("TARAF_RUNTIME", str(tmp_path / "open"))
    with pytest.raises(ValueError, match="others may write"):
        sounding()


def test_an_earlier_take_is_kept(tmp_path: Path) -> None:
    order = Order(DeviceChoice("virtual", 48000, 64), frames=4800, fast=True, armed=True)
    names = []
    for _ in range(3):
        host = Host(order, rack(GAIN))
        recorder = Recorder(host, tmp_path)
        assert host.wait(10)
        names.append(Path(recorder.stop()["dry"]).name)
        host.stop()
    assert names == ["dry.wav", "dry-2.wav", "dry-3.wav"]


def test_a_recording_goes_on_in_line_after_a_restart(tmp_path: Path) -> None:
    host = Host(Order(armed=True), rack(GAIN))
    recorder = Recorder(host, tmp_path)
    try:
        time.sleep(0.5)
        os.kill(host.pid, signal.SIGKILL)
        assert wait_for(lambda: host.restarts == 1)
        time.sleep(0.5)
        recorded = recorder.stop()
    finally:
        host.stop()
    dry, _ = soundfile.read(recorded["dry"], dtype="float32")
    wet, _ = soundfile.read(recorded["wet"], dtype="float32")
    assert len(dry) == len(wet) > 0.8 * 48000
    np.testing.assert_allclose(wet[:, 0], dry * 10 ** (-6 / 20), rtol=1e-6)


def test_nothing_is_left_behind() -> None:
    import tempfile

    before = set(Path(tempfile.gettempdir()).glob("pymp-*"))
    host = Host(Order(), rack(GAIN))
    name, pid = host.shared.name, host.pid
    host.stop()
    from engine import memory

    assert not (memory._folder() / name).exists()
    assert not psutil.pid_exists(pid)
    runtime = Path(os.environ["TARAF_RUNTIME"])
    assert not list(runtime.glob(f"live-{pid}.*"))
    assert set(Path(tempfile.gettempdir()).glob("pymp-*")) == before
