"""Live equals offline: the project's strongest promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import preset
from engine.host import Host, Order
from engine.performance import guitar
from engine.recorder import Recorder
from engine.render import play
from engine.stream import DeviceChoice

RATE = 48000
SECONDS = 6


OTHERWISE = {
    "glass": "its worker answers as soon as it has time; a render waits for it",
    "morph": "waits for keys",
    "morph-live": "waits for keys",
}


@pytest.mark.parametrize("block", [32, 64, 333, 4096])
@pytest.mark.parametrize("name", [name for name in preset.names() if name not in OTHERWISE])
def test_a_performance_and_a_render_are_the_same_samples(
    name: str, block: int, tmp_path: Path
) -> None:
    real = Path(__file__).parents[3] / "shared" / "data" / "guitar" / "guitar_di_48k.wav"
    if real.is_file():
        sound = soundfile.read(real, dtype="float32", always_2d=True)[0]
    else:
        sound = guitar(RATE)[:, None]
    sound = sound[: SECONDS * RATE]
    soundfile.write(tmp_path / "in.wav", sound, RATE, subtype="FLOAT")
    rack = preset.load(preset.find(name)).rack
    order = Order(
        DeviceChoice("virtual", RATE, block),
        input=str(tmp_path / "in.wav"),
        frames=len(sound),
        fast=True,
        armed=True,
    )
    host = Host(order, rack)
    recorder = Recorder(host, tmp_path)
    assert host.wait(60)
    recorded = recorder.stop()
    report, found = host.report(), host.statistics()
    host.stop()
    live = soundfile.read(recorded["wet"], dtype="float32")[0]
    frames = len(sound) - report["latency_frames"]
    assert recorded["frames"] == -(-len(sound) // block) * block
    assert found["mutes"] == found["input_faults"] == 0
    assert np.abs(live[:frames]).max() > 0.01
    offline = play(rack, sound, RATE, 64)
    np.testing.assert_array_equal(live[:frames], offline[:frames])
