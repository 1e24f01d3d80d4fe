"""A recording of a real device, brought in line by its marker."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import stream
from engine.stream import DeviceError
from models.pairs import PairsError, open_pairs, take
from models.pairs.checks import check
from models.pairs.record import record
from models.pairs.take import Session

from .folder import phrase, save

RATE = 48000


def played(*sounds: np.ndarray) -> take.Sheet:
    return take.sheet(list(sounds) or [phrase(1.0, rate=RATE)], RATE, 0.0)


def late(sound: np.ndarray, frames: int) -> np.ndarray:
    return np.concatenate((np.zeros(frames, np.float32), sound))[: len(sound)]


DEVICES = {
    "a cable": lambda x: x,
    "upside down": lambda x: -0.3 * x,
    "distortion": lambda x: np.tanh(40 * x),
    "noise": lambda x: 0.5 * x + np.random.default_rng(0).normal(0, 1e-3, len(x)),
    "echo": lambda x: x + 0.6 * late(x, 9000),
}


@pytest.mark.parametrize("frames", [0, 128, 4567])
@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_the_round_trip_is_counted_to_the_frame(device: str, frames: int) -> None:
    sheet = played()
    returned = late(DEVICES[device](sheet.sound), frames)
    assert take.round_trip(sheet, returned) == frames


def test_silence_or_another_sound_is_no_return() -> None:
    sheet = played()
    with pytest.raises(PairsError, match="only silence"):
        take.round_trip(sheet, np.zeros_like(sheet.sound))
    hiss = np.random.default_rng(0).normal(0, 0.1, len(sheet.sound)).astype(np.float32)
    with pytest.raises(PairsError, match="marker did not come back"):
        take.round_trip(sheet, hiss)


def hum(sound: np.ndarray) -> np.ndarray:
    return sound + 0.005 * np.sin(2 * np.pi * 50 * np.arange(len(sound)) / RATE)


def dropped(sound: np.ndarray) -> np.ndarray:
    return np.concatenate((sound[:110000], sound[110064:], np.zeros(64)))


def gone(sound: np.ndarray) -> np.ndarray:
    sound = sound.copy()
    loud = 96000 + int(np.argmax(np.abs(sound[96000:130000])))
    sound[loud : loud + 256] = 0.0
    return sound


WRONG = {
    "clipping": (lambda x: np.clip(4 * x, -1, 1), "clipped"),
    "hum": (hum, "hum of 50 Hz"),
    "noise": (lambda x: x + np.random.default_rng(0).normal(0, 0.01, len(x)), "noise is at -40"),
    "lost frames": (dropped, "the end is -64 frames off"),
    "a lost block": (gone, "1 dropouts"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_what_went_wrong_is_warned_of(case: str) -> None:
    spoil, said = WRONG[case]
    sheet = played(phrase(2.0, rate=RATE))
    returned = spoil(late(sheet.sound, 100)).astype(np.float32)
    trip = take.round_trip(sheet, returned)
    assert any(said in line for line in take.warnings(sheet, returned, trip, []))


def test_a_good_recording_has_no_warnings() -> None:
    sheet = played()
    hiss = np.random.default_rng(0).normal(0, 1e-5, len(sheet.sound))
    returned = (late(0.7 * sheet.sound, 300) + hiss).astype(np.float32)
    assert take.warnings(sheet, returned, 300, []) == []


def plug() -> None:
    """A cable from our output to our input, once they are there."""
    import jack

    client = jack.Client("cable", no_start_server=True)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            for source, sink in (("system:capture_1", "PortAudio:in_0"),):
                if any(p.name == source for p in client.get_all_connections(sink)):
                    client.disconnect(source, sink)
            client.connect("PortAudio:out_0", "PortAudio:in_0")
            break
        except jack.JackError:
            time.sleep(0.02)
    client.close()


def test_through_a_cable_wet_is_dry(jackd: Callable[..., Any], tmp_path: Path) -> None:
    jackd(1024)
    sounds = [0.7 * phrase(0.5, seed, RATE) for seed in (1, 2)]
    for number, sound in enumerate(sounds):
        save(tmp_path / "dry" / f"{number}.wav", sound, RATE)
    cable = threading.Thread(target=plug)
    cable.start()
    said = command(tmp_path, "--set", "drive=0.5", "--json")
    cable.join()
    assert said.returncode == 0, said.stderr
    done = json.loads(said.stdout)
    if any("driver reports" in line for line in done["warnings"]):
        pytest.skip("this machine is too busy to record")
    assert done["pairs"] == 2
    assert check(tmp_path / "out") == []
    for pair, sound in zip(open_pairs(tmp_path / "out").split("train"), sounds, strict=True):
        dry, wet = pair.whole.load()
        np.testing.assert_array_equal(dry, sound)
        np.testing.assert_array_equal(wet, dry)
        assert pair.knobs == {"drive": 0.5}
    with pytest.raises(PairsError, match="--set must tell the same"):
        record(tmp_path / "dry", tmp_path / "out", Session("JACK"))


def command(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: PortAudio looks for devices once in the life of one."""
    code = "from models.commands.pairs import pairs; pairs()"
    arguments = ["record", str(folder / "out"), str(folder / "dry"), "--device", "JACK", *options]
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )


def test_pairs_of_another_kind_are_left_alone(tmp_path: Path) -> None:
    from models.pairs import manifest
    from models.pairs.manifest import Header

    save(tmp_path / "a.wav", phrase(0.5))
    manifest.rewrite(tmp_path, Header(RATE, {"stages": []}), [])
    with pytest.raises(PairsError, match="were not recorded"):
        record(tmp_path / "a.wav", tmp_path, Session())


def test_a_device_that_cannot_be_used_is_told_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "devices", list)
    dry, out = save(tmp_path / "a.wav", phrase(0.5)), tmp_path / "out"
    for device, said in (
        ("virtual", "the virtual device has no output"),
        ("none", "no audio device is called 'none' and can play; allowed: none"),
    ):
        with pytest.raises(DeviceError, match=said):
            record(dry, out, Session(device))
        assert not out.exists()
