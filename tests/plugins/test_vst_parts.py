"""Parts of the plug-in host that need no plug-in: alignment, parameters, notes, states."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import noise

from plugins.vst.alignment import Aligned
from plugins.vst.controls import learn, unique
from plugins.vst.errors import VstError
from plugins.vst.loading import packed, unpacked
from plugins.vst.plugin import Instrument, Vst


class Delays:
    """A plug-in 96 frames late, as pedalboard hands it out: the first frames dropped, or not."""

    reported_latency_samples = 96

    def __init__(self, drops: int) -> None:
        self._line, self._drops = np.zeros((1, 96), np.float32), drops

    def process(self, audio: Any, rate: float, buffer_size: int, reset: bool) -> Any:
        assert (buffer_size, reset) == (64, False)
        line = np.concatenate([self._line, audio], axis=1)
        self._line, made = line[:, -96:], line[:, :64]
        gone = min(self._drops, 64)
        self._drops -= gone
        return made[:, gone:]


@pytest.mark.parametrize("drops", [0, 32, 96])
@pytest.mark.parametrize("reckoned", [96, 160])
def test_short_blocks_are_made_whole_and_always_equally_late(drops: int, reckoned: int) -> None:
    aligned = Aligned(Delays(drops), 48000, 1, reckoned)
    sound = noise(640).T
    made = sound.copy()
    for start in range(0, 640, 64):
        aligned.process(made[:, start : start + 64])
    np.testing.assert_array_equal(made[:, :reckoned], 0.0)
    np.testing.assert_array_equal(made[:, reckoned:], sound[:, : 640 - reckoned])


def test_an_instrument_gets_its_notes_at_their_frames() -> None:
    heard: list[Any] = []

    class Synth:
        reported_latency_samples = 0

        def process(self, notes: Any, seconds: float, rate: float, **more: Any) -> Any:
            heard.append((notes, int(seconds * rate), more["num_channels"]))
            return np.full((more["num_channels"], 64), 0.5, np.float32)

    instrument = Instrument.__new__(Instrument)
    instrument.standing = SimpleNamespace(found=SimpleNamespace(controls=()))  # type: ignore[assignment]
    instrument._rate, instrument._out, instrument._controls = 48000, 1, []
    instrument._aligned = Aligned(Synth(), 48000, 1, 0)
    instrument.notes = [(24, bytes([0x90, 60, 100])), (63, bytes([0xC0, 5, 0]))]
    audio = np.ones((2, 64), np.float32)
    instrument.work(audio, {})
    assert heard == [
        ([(bytes([0x90, 60, 100]), 24 / 48000), (bytes([0xC0, 5]), 63 / 48000)], 64, 1)
    ]
    np.testing.assert_array_equal(audio, 0.5)
    assert Vst.plays_notes


def control(texts: Callable[[float], str], steps: int = 1 << 30, raw: float = 0.0) -> Any:
    return learn("p", 0, "P", "", steps, raw, True, texts)


@pytest.mark.parametrize(
    ("texts", "steps", "allowed"),
    [
        (lambda raw: f"{20 * 1000**raw:.1f} Hz", 1 << 30, "20 to 20000 Hz"),
        (lambda raw: f"{2 * raw:.2f} kHz" if raw > 0.5 else f"{2000 * raw:.0f} Hz", 1 << 30,
         "0 to 2000 Hz"),
        (lambda raw: "-inf dB" if raw == 0 else f"{60 * raw - 60:.2f} dB", 1 << 30,
         "-79.06 to 0 dB"),
        (lambda raw: f"{10 - 20 * raw:.3f}", 1 << 30, "-10 to 10"),
        (lambda raw: "On" if raw >= 0.5 else "Off", 1 << 30, "off, on"),
        (lambda raw: f"{raw:.6f}", 2, "off, on"),
        (lambda raw: f"{raw:.0f}", 1 << 30, "0 to 1"),
        (lambda raw: "abc"[min(2, int(3 * raw))], 1 << 30, "a, b, c"),
        (lambda raw: ("Hall", "Room", "Hall")[round(2 * raw)], 3, "Hall, Room, Hall (2)"),
        (lambda raw: f"{abs(raw - 0.5):.2f}", 1 << 30, "0 to 1"),
        (lambda raw: f"{100 - 200 * raw:.0f} L" if raw < 0.5 else f"{200 * raw - 100:.0f} R",
         1 << 30, "0 to 1"),
        (lambda raw: "", 1 << 30, "0 to 1"),
    ],
)  # fmt: skip
def test_a_parameter_is_what_its_texts_say(
    texts: Callable[[float], str], steps: int, allowed: str
) -> None:
    assert control(texts, steps).param().allowed == allowed


def test_names_are_words_that_nobody_else_has() -> None:
    taken: set[str] = set()
    given = ["Gain (dB)", "gain_db", "Bypass", "level_db", "state", "42 %", "±", ""]
    assert [unique(name, taken, k) for k, name in enumerate(given)] == [
        "gain_db", "gain_db_2", "plugin_bypass", "plugin_level_db", "plugin_state", "42",
        "parameter_6", "parameter_7",
    ]  # fmt: skip


def test_a_list_of_one_program_is_no_parameter() -> None:
    assert learn("p", 0, "Current Program", "", 1, 0.0, True, lambda raw: "Default") is None


@pytest.mark.parametrize("falls", [False, True])
def test_a_plain_value_goes_back_to_the_plugins_own_position(falls: bool) -> None:
    def text(raw: float) -> str:
        return f"{20 * 1000 ** (1 - raw if falls else raw):.3f} Hz"

    def right(said: str) -> float:
        raw = np.log(float(said) / 20) / np.log(1000)
        return float(1 - raw if falls else raw)

    made = control(text)
    for raw in np.linspace(0.0, 1.0, 23):
        value = made.plain(float(raw))
        assert made.raw(value, right) == pytest.approx(right(str(value)), abs=1e-9)
        for wrong in (lambda said: 0.0, lambda said: 1.0, lambda said: float("nan")):
            assert made.raw(value, wrong) == pytest.approx(raw, abs=0.02)


def test_states_are_packed_and_unpacked() -> None:
    state = bytes(range(256)) * 100
    assert unpacked(packed(state)) == state
    assert len(packed(state)) < 1000
    assert unpacked("aGVsbG8=") == b"hello"
    with pytest.raises(VstError, match="larger than 64 MiB"):
        unpacked(packed(bytes(1 << 27)))
