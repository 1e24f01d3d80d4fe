"""`taraf latency`: exact under JACK, honest where there is nothing to measure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine import cli, jackplug
from engine.commands.latency import feel
from engine.latency import RoundTrip, cost, find, metres
from engine.stream import DeviceChoice, DeviceError

EVERY = 24_000


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capfd.readouterr()
    code = cli.main(["latency", *arguments])
    said = capfd.readouterr()
    return code, said.out, said.err


def trip(block: int, frames: int) -> RoundTrip:
    return RoundTrip("card", 48000, block, (frames,) * 9, 9, -6.0, frames - 10, False, 99, 99)


# --- through JACK


def test_under_jack_it_is_two_blocks_exactly(
    jackd: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    jackd(64)
    arguments = ("--device", "JACK", "--block", "64", "--seconds", "2", "--json")
    code, out, err = run(capfd, *arguments)
    assert code == 0
    document = json.loads(out.splitlines()[-1])
    assert (document["loopback"], document["jack_period"]) == ("jack", 64)
    [row] = document["measured"]
    assert row["frames"] == 128
    assert row["spread_frames"] == 0
    assert row["impulses_back"] == row["impulses_sent"] >= 2
    assert row["ms"] == 2.667
    assert row["buffer_percent"] == 100.0
    assert {"block": 128, "frames": 256.0, "ms": 5.333, "metres": 1.83} in document["computed"]
    assert "Careful" in err and "headphones" in err


def test_it_is_explained_in_words_and_plugged_without_a_library(
    jackd: Callable[..., Any], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jackd(64)
    monkeypatch.setattr(jackplug, "_with_library", lambda: False)
    if not all(jackplug.shutil.which(tool) for tool in jackplug.TOOLS):
        pytest.skip("needs jack_connect")
    code, out, _ = run(capfd, "--device", "JACK", "--seconds", "2")
    assert code == 0
    assert "block 64: 128 frames = 2.67 ms" in out
    assert "like standing 0.9 m from a loudspeaker" in out
    assert "the buffer's share is 100 %" in out
    assert "Half of 64 frames would save 1.33 ms (computed)" in out
    assert "   128 frames     5.33 ms   1.83 m  computed" in out


def test_where_nothing_comes_back_the_player_is_told_what_to_plug(
    jackd: Callable[..., Any], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jackd(64)
    monkeypatch.setattr(jackplug, "plug", lambda: False)
    code, out, err = run(capfd, "--device", "JACK", "--seconds", "1.5")
    assert code == 2
    assert not out.strip()
    line = err.splitlines()[-1]
    assert "nothing came back" in line
    assert "cable from output 1 to input 1" in line


# --- without a device


def test_the_virtual_device_is_refused_with_the_reason(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd, "--device", "virtual")
    assert code == 2
    assert "virtual device has no converters and no cable" in err
    assert "see taraf devices" in err
    assert len(err.splitlines()) == 1


def test_a_device_that_is_not_there_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd, "--device", "no such card")
    assert code == 2
    assert "no such card" in err or "PortAudio is not installed" in err
    assert "nothing came back" not in err


# --- what is found in a recording


def recording(delay: int, gain: float, noise: float = 0.0) -> tuple[Any, Any]:
    """Impulses that went, and what came: later, softer, smeared by a converter, in noise."""
    wet = np.zeros(5 * EVERY, np.float32)
    wet[100::EVERY] = 0.5
    smear = np.sinc(np.arange(-20, 21) * 0.9).astype(np.float32)
    late = np.roll(wet, delay)
    late[:delay] = 0.0
    dry = gain * np.convolve(late, smear, "same").astype(np.float32)
    dry += noise * np.random.default_rng(3).standard_normal(len(dry)).astype(np.float32)
    return dry, wet


@pytest.mark.parametrize("gain", [-1.0, 0.5, 0.01])
def test_a_smeared_and_soft_impulse_is_found_to_the_sample(gain: float) -> None:
    dry, wet = recording(317, gain, noise=1e-4)
    delays, sent, peak = find(dry, wet, EVERY)
    assert delays == [317] * sent
    assert sent == 4  # the fifth had no time to come back
    assert peak == pytest.approx(0.5 * abs(gain), rel=0.1)


def test_noise_and_silence_are_no_impulses() -> None:
    dry, wet = recording(317, 0.0, noise=0.1)
    assert find(dry, wet, EVERY)[:2] == ([], 4)
    assert find(np.zeros_like(wet), wet, EVERY)[:2] == ([], 4)
    assert find(np.zeros(0, np.float32), np.zeros(0, np.float32), EVERY) == ([], 0, 0.0)


# --- whose doing it is


def test_of_one_block_size_two_buffers_are_taken_for_granted() -> None:
    found = cost([trip(64, 200)])
    assert (found.buffers, found.rest, found.fitted) == (2.0, 72.0, False)
    assert found.frames(128) == 328.0
    assert cost([trip(64, 100)]).rest == 0.0  # less than two buffers: all of it is the buffer


def test_beside_jack_with_another_block_one_buffer_is_ours() -> None:
    adapted = replace(trip(128, 192), period=64)
    assert (cost([adapted]).buffers, cost([adapted]).rest) == (1.0, 64.0)
    assert cost([replace(adapted, block=64, delays=(128,), period=64)]).buffers == 2.0


def test_of_several_block_sizes_the_buffers_are_measured() -> None:
    found = cost([trip(64, 3 * 64 + 50), trip(128, 3 * 128 + 50), trip(256, 3 * 256 + 50)])
    assert found.fitted
    assert (found.buffers, found.rest) == (3.0, 50.0)


def test_a_millisecond_is_a_third_of_a_metre_and_feels_like_it() -> None:
    assert metres(1.0) == pytest.approx(0.34, abs=0.01)
    assert feel(3.0) != feel(10.0) != feel(100.0)


def test_what_a_port_is_plugged_into_is_read_from_jack_lsp() -> None:
    listed = (
        "system:capture_1\n   PortAudio:in_0\n   other:in\nPortAudio:in_0\n   system:capture_1\n"
    )
    assert jackplug.connections(listed, "system:capture_1") == ["PortAudio:in_0", "other:in"]
    assert jackplug.connections(listed, "PortAudio:in_0") == ["system:capture_1"]
    assert jackplug.connections(listed, "PortAudio:out_0") == []


def test_our_ports_are_found_beside_those_of_another_program() -> None:
    ports = ["system:capture_1", "PortAudio:in_0", "PortAudio:out_0"]
    ports += ["PortAudio-01:in_0", "PortAudio-01:out_0", "PortAudio-01:out_1"]
    assert jackplug.pairs(ports) == [("PortAudio-01:out_0", "PortAudio-01:in_0")]
    assert jackplug.pairs(ports[:3]) == [("PortAudio:out_0", "PortAudio:in_0")]
    assert jackplug.pairs(ports[:1]) == []


def test_a_device_error_is_a_players_mistake() -> None:
    assert cli.complaint(DeviceError("x")) == "x"
    assert DeviceChoice().block == 64
