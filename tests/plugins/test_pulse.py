"""Pulse: sound passes, everybody is led, and a player has the last word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack
from drum_loops import loop, steady
from leading_stage import RATE

from engine.layout import (
    BEAT,
    LEAD_BAR,
    LEAD_BEAT,
    LEAD_EVEN,
    LEAD_FRAME,
    LEAD_SAID,
    LEAD_SURE,
    LEAD_TEMPO,
    LEADS,
    PANIC,
)
from engine.pulse.bars import SHIFT
from engine.rack import Lane, Link, Rack, RackError
from engine.render import Move, Renderer, play

BPM = 100.0
SECONDS = 14.0
BEATS = steady(BPM, SECONDS)


@pytest.fixture(scope="module")
def drums() -> Any:
    """A backbeat at 100 bpm, (frames, 1)."""
    return loop(BEATS, RATE, SECONDS)[:, None]


def pulse(network: str = "pulse", **knobs: float) -> Link:
    return Link("pulse", "pulse", knobs, {"network": network})


class Led:
    """A rack with a pulse, played piece by piece; ``record`` is what it says now."""

    def __init__(self, *chain: Link, source: str = "left", moves: Any = (), block: int = 64):
        inputs = 2 if source == "stereo" else 1
        self._renderer = Renderer(rack(*chain, source=source), RATE, inputs, block, moves)
        self._told = self._frames = 0
        self.arrays = self._renderer.table.nodes[0].arrays
        self.record = self.arrays["lead"]
        self.readout = self._renderer.shared.control["readouts"][0, 0]

    def push(self, sound: Any) -> Any:
        self._frames += len(sound)
        return self._renderer.push(sound)

    def tell(self, tempo_bpm: float, beat: float) -> None:
        """A tap or another clock: the next frame is this beat."""
        self._told += 1
        frame = self._frames
        assert self._renderer.shared.send(self._told, BEAT, frame, tempo_bpm, beat=beat)

    def panic(self) -> None:
        assert self._renderer.shared.send(0, PANIC, 0, 0.0)

    def at(self, seconds: float) -> float:
        """The beat at a time, by what it says now."""
        since = seconds * RATE - self.record[LEAD_FRAME]
        return float(self.record[LEAD_BEAT] + since * self.record[LEAD_TEMPO] / 60.0 / RATE)


def off(beat: float) -> float:
    """How far from a whole beat."""
    return abs(beat - round(beat))


def led(drums: Any, network: str = "flux", moves: Any = (), **knobs: float) -> Led:
    one = Led(pulse(network, **knobs), moves=moves)
    one.push(drums)
    return one


@pytest.mark.parametrize("network", ["pulse", "flux"])
@pytest.mark.parametrize("source", ["left", "stereo"])
def test_the_sound_passes_untouched(network: str, source: str):
    sound = noise(RATE, 2 if source == "stereo" else 1)
    sound[1000:1010], sound[2000] = 0.0, -0.0
    made = play(rack(pulse(network), source=source), sound, RATE)
    plain = play(rack(source=source), sound, RATE)
    np.testing.assert_array_equal(made, plain)


@pytest.mark.parametrize("network", ["pulse", "flux"])
def test_it_leads_by_the_drummers_beat(drums: Any, network: str):
    one = led(drums, network)
    assert one.record[LEADS] == 1.0
    octave = one.record[LEAD_TEMPO] / BPM
    assert min(abs(octave - o) for o in (0.5, 1.0, 2.0)) < 0.03
    last = BEATS[-2:]
    assert min(off(one.at(when)) for when in last) < 0.05
    assert 0.0 < one.record[LEAD_SURE] <= 1.0
    assert one.readout[0] == pytest.approx(one.record[LEAD_TEMPO])
    assert 1.0 <= one.readout[2] <= one.record[LEAD_BAR]
    assert one.readout[3] > 10


def test_an_echo_goes_along(drums: Any):
    chain = (pulse("flux"), Link("delay", "delay", {"sync": 9.0, "mix": 1.0, "feedback": 0.0}))
    slow = loop(steady(80.0, SECONDS), RATE, SECONDS)[:, None]
    made = [play(rack(*chain), sound, RATE)[-2 * RATE :, 0] for sound in (drums, slow)]
    alone = [play(rack(chain[1]), sound, RATE)[-2 * RATE :, 0] for sound in (drums, slow)]
    for with_it, without in zip(made, alone, strict=True):
        assert np.abs(with_it - without).max() > 0.01


def test_of_the_devices_block_nothing_depends(drums: Any):
    chain = (pulse(), Link("delay", "delay", {"sync": 9.0, "mix": 0.5}))
    moves = [Move(3 * RATE + 11, "a.pulse.one", 1.0), Move(5 * RATE, "a.pulse.nudge_ms", 20.0)]
    short = drums[: 8 * RATE]
    whole = play(rack(*chain), short, RATE, 64, moves)
    for block in (37, 256):
        np.testing.assert_array_equal(play(rack(*chain), short, RATE, block, moves), whole)


def test_held_it_goes_on_at_its_tempo_whatever_is_played(drums: Any):
    one = led(drums)
    one = led(drums, moves=[Move(12 * RATE, "a.pulse.mode", 1.0)])
    before = one.record[LEAD_TEMPO]
    beat = one.at(14.0)
    one.push(loop(steady(140.0, 6.0, 0.1), RATE, 6.0)[:, None])
    assert one.record[LEADS] == 1.0
    assert one.record[LEAD_TEMPO] == pytest.approx(before, rel=1e-6)
    assert one.at(20.0) - beat == pytest.approx(6.0 * before / 60.0, abs=1e-3)


def test_free_it_claims_no_beat_and_still_counts_strokes(drums: Any):
    one = led(drums, mode=2.0)
    assert one.record[LEADS] == 0.0
    assert one.readout[0] == 0.0 and one.readout[3] > 10


def test_free_the_rest_of_the_rack_keeps_its_own_tempo(drums: Any):
    delay = Link("delay", "delay", {"sync": 9.0, "mix": 0.5})
    made = play(rack(pulse("flux", mode=2.0), delay), drums[: 6 * RATE], RATE)
    np.testing.assert_array_equal(made, play(rack(delay), drums[: 6 * RATE], RATE))


@pytest.mark.parametrize(("octave", "times"), [(0.0, 0.5), (2.0, 2.0)])
def test_half_and_double_are_told_instead(drums: Any, octave: float, times: float):
    plain, other = led(drums), led(drums, octave=octave)
    assert other.record[LEAD_TEMPO] == pytest.approx(times * plain.record[LEAD_TEMPO])
    ratio = (other.at(13.0) - other.at(12.0)) / (plain.at(13.0) - plain.at(12.0))
    assert ratio == pytest.approx(times)
    assert other.at(13.0) == pytest.approx(times * plain.at(13.0), abs=1e-6)


@pytest.mark.parametrize("ms", [-60.0, 40.0])
def test_nudged_the_beat_is_told_later_or_sooner(drums: Any, ms: float):
    plain, other = led(drums), led(drums, nudge_ms=ms)
    assert other.at(13.0 + ms / 1000.0) == pytest.approx(plain.at(13.0), abs=1e-6)
    assert other.record[LEAD_TEMPO] == pytest.approx(plain.record[LEAD_TEMPO])


@pytest.mark.parametrize("beat", [14, 15, 16, 17])
@pytest.mark.parametrize("octave", [0.0, 1.0, 2.0])
def test_one_makes_this_beat_the_first_of_a_bar(drums: Any, beat: int, octave: float):
    when = BEATS[beat]
    moves = [Move(int((when + 0.03) * RATE), "a.pulse.one", 1.0)]
    one = led(drums, moves=moves, meter=3.0, octave=octave)
    assert one.record[LEAD_BAR] == 4.0
    place = one.at(when) % 4.0
    assert min(place, 4.0 - place) < 0.15 * (2.0 if octave == 2.0 else 1.0)


def test_one_counts_once_however_long_it_is_pressed(drums: Any):
    moves = [Move(int((BEATS[15] + 0.03) * RATE), "a.pulse.one", 1.0)]
    one = led(drums, moves=moves, meter=3.0)
    before = one.at(BEATS[15]) % 4.0
    one.push(np.zeros((2 * RATE, 1), np.float32))
    assert abs((one.at(BEATS[15]) - before + 2.0) % 4.0 - 2.0) < 0.2


@pytest.mark.parametrize("beat", [14, 15, 16])
@pytest.mark.parametrize("octave", [0.0, 1.0])
def test_a_meter_that_is_chosen_after_one_keeps_the_first(drums: Any, beat: int, octave: float):
    when = BEATS[beat]
    press = Move(int((when + 0.03) * RATE), "a.pulse.one", 1.0)
    turns = [Move(int((when + s) * RATE), "a.pulse.meter", m) for s, m in ((0.3, 1.0), (0.4, 2.0))]
    one = led(drums, moves=[press, *turns], octave=octave)
    assert one.record[LEAD_BAR] == 3.0
    place = one.at(when) % 3.0
    assert min(place, 3.0 - place) < 0.15


def test_a_meter_that_is_chosen_later_counts_from_this_bars_first(drums: Any):
    press = Move(int((BEATS[8] + 0.03) * RATE), "a.pulse.one", 1.0)
    turn = Move(int((BEATS[14] + 0.03) * RATE), "a.pulse.meter", 2.0)
    one = led(drums, moves=[press, turn])
    place = one.at(BEATS[12]) % 3.0  # bars of four began at 8 and at 12
    assert one.record[LEAD_BAR] == 3.0
    assert min(place, 3.0 - place) < 0.15


@pytest.mark.parametrize("meter", [2.0, 3.0])
def test_in_half_another_first_moves_the_beat_by_whole_beats(drums: Any, meter: float):
    one = Led(pulse("flux", octave=0.0, meter=meter, mode=1.0))
    one.push(drums[: 8 * RATE])
    before, scores = one.at(9.0), one.arrays["scores"]
    shifts = set()
    for place in range(4):
        scores[:] = 0.0
        scores[:, place], scores[:, (place + 1) % 4] = 100.0, 50.0
        one.push(np.zeros((2 * RATE, 1), np.float32))
        shifts.add(float(one.arrays["bar"][SHIFT]))
        assert off(one.at(9.0) - before) < 0.1
    assert len(shifts) > 1


@pytest.mark.parametrize("octave", [0.0, 1.0, 2.0])
def test_a_panic_leaves_beat_and_bar_where_they_are(drums: Any, octave: float):
    press = Move(int((BEATS[15] + 0.03) * RATE), "a.pulse.one", 1.0)
    up = Move(int((BEATS[16] + 0.03) * RATE), "a.pulse.one", 0.0)
    auto = Move(int((BEATS[18] + 0.03) * RATE), "a.pulse.meter", 0.0)
    moves = [press, up, auto]
    one = led(drums, moves=moves, meter=2.0, octave=octave, nudge_ms=40.0, mode=1.0)
    before, tempo = one.at(14.0), one.record[LEAD_TEMPO]
    assert one.record[LEADS] == one.record[LEAD_SAID] == 1.0 and one.record[LEAD_BAR] == 3.0
    one.panic()
    one.push(np.zeros((RATE, 1), np.float32))
    assert one.record[LEADS] == one.record[LEAD_SAID] == 1.0 and one.record[LEAD_BAR] == 3.0
    assert one.record[LEAD_TEMPO] == pytest.approx(tempo)
    assert one.at(14.0) == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("choice", range(1, 8))
def test_a_chosen_meter_is_told(choice: int):
    one = Led(pulse("flux", meter=float(choice)))
    one.push(loop(steady(BPM, 3.0), RATE, 3.0)[:, None])
    assert one.record[LEAD_BAR] == choice + 1


@pytest.mark.parametrize(("lowest", "highest"), [(130.0, 250.0), (40.0, 70.0)])
def test_the_tempo_stays_in_its_window(drums: Any, lowest: float, highest: float):
    one = led(drums, tempo_min=lowest, tempo_max=highest)
    assert 0.95 * lowest < one.record[LEAD_TEMPO] < 1.05 * highest


def test_a_window_that_is_turned_round_breaks_nothing(drums: Any):
    one = led(drums[: 4 * RATE], tempo_min=300.0, tempo_max=50.0)
    assert np.isfinite(one.record).all()


@pytest.mark.parametrize("octave", [0.0, 1.0, 2.0])
def test_a_tap_sets_tempo_and_place_at_once(octave: float):
    one = Led(pulse("flux", octave=octave))
    one.push(np.zeros((RATE, 1), np.float32))
    assert one.record[LEADS] == 0.0
    one.tell(87.0, 6.0)
    one.push(np.zeros((RATE // 10, 1), np.float32))
    assert one.record[LEADS] == 1.0
    assert one.record[LEAD_TEMPO] == pytest.approx(87.0, rel=0.01)
    assert off(one.at(1.0)) < 0.03
    one.push(np.zeros((3 * RATE, 1), np.float32))
    assert one.record[LEAD_TEMPO] == pytest.approx(87.0, rel=0.03)
    one.tell(131.0, 0.5)
    one.push(np.zeros((RATE // 10, 1), np.float32))
    assert one.record[LEAD_TEMPO] == pytest.approx(131.0, rel=0.01)
    assert abs(off(one.at(4.1)) - 0.5) < 0.05


@pytest.mark.parametrize(("octave", "tapped", "told"), [(0.0, 170.0, 85.0), (2.0, 70.0, 140.0)])
def test_a_tap_in_an_octave_that_is_not_told_is_taken_in_another(
    octave: float, tapped: float, told: float
):
    one = Led(pulse("flux", octave=octave))
    one.push(np.zeros((RATE, 1), np.float32))
    one.tell(tapped, 6.0)
    one.push(np.zeros((RATE, 1), np.float32))
    assert one.record[LEADS] == 1.0
    assert one.record[LEAD_TEMPO] == pytest.approx(told, rel=0.01)
    assert off(one.at(1.0)) < 0.03


def test_silence_does_not_undo_a_tap():
    one = Led(pulse("flux"))
    one.push(np.zeros((RATE, 1), np.float32))
    one.tell(60.0, 6.0)
    one.push(np.zeros((3 * RATE, 1), np.float32))
    assert one.record[LEADS] == 1.0
    assert one.record[LEAD_TEMPO] == pytest.approx(60.0, rel=0.01)
    assert off(one.at(3.0)) < 0.03


def test_silence_does_not_undo_a_tap_for_what_was_played_before_it(drums: Any):
    one = led(drums)  # half a second of silence at its end
    one.tell(130.0, 0.0)
    one.push(np.zeros((3 * RATE, 1), np.float32))
    assert one.record[LEAD_TEMPO] == pytest.approx(130.0, rel=0.01)
    assert one.record[LEAD_EVEN] == pytest.approx(130.0, rel=0.01)
    assert off(one.at(SECONDS)) < 0.03


def test_in_half_a_tap_is_on_a_beat_that_is_told():
    one = Led(pulse("flux", octave=0.0))
    one.push(np.zeros((RATE, 1), np.float32))
    one.tell(90.0, 6.0)
    for at in (2.0, 3.0, 4.0):  # a beat and a half after the last
        one.push(np.zeros((RATE, 1), np.float32))
        one.tell(90.0, round(one.at(at)))
    one.push(np.zeros((RATE // 10, 1), np.float32))
    assert off(one.at(4.0)) < 0.03


def test_one_says_nothing_while_there_is_no_beat(drums: Any):
    moves = [Move(4800, "a.pulse.one", 1.0), Move(9600, "a.pulse.one", 0.0)]
    one = Led(pulse("flux"), moves=moves)
    one.push(np.zeros((RATE, 1), np.float32))
    one.push(drums[: 6 * RATE])
    assert one.record[LEADS] == 1.0 and one.record[LEAD_SAID] == 0.0


def test_one_huge_sample_does_not_deafen_it(drums: Any):
    hit = drums.copy()
    hit[RATE] = 1e30
    one = Led(pulse("flux"))
    one.push(hit)
    one.push(drums)
    assert one.record[LEADS] == 1.0
    assert 45.0 < one.record[LEAD_TEMPO] < 210.0
    assert np.isfinite(one.record).all()


def test_a_tap_that_says_what_no_drummer_plays_is_not_followed():
    one = Led(pulse("flux"))
    one.push(np.zeros((RATE // 2, 1), np.float32))
    for tempo in (5.0, 2000.0):
        one.tell(tempo, 0.0)
        one.push(np.zeros((RATE // 10, 1), np.float32))
        assert one.record[LEADS] == 0.0 and np.isfinite(one.record).all()


def test_a_tapped_tempo_is_kept_by_a_drummer_who_plays_it(drums: Any):
    one = Led(pulse("flux"))
    first = int(BEATS[2] * RATE) // 64 * 64
    one.push(drums[:first])
    one.tell(BPM, 0.0)
    one.push(drums[first:])
    assert one.record[LEAD_TEMPO] == pytest.approx(BPM, rel=0.02)
    assert off(one.at(BEATS[-1])) < 0.05


def test_in_silence_the_beat_goes_on_and_it_says_that_it_is_less_sure(drums: Any):
    one = led(drums)
    tempo, sure = one.record[LEAD_TEMPO], one.record[LEAD_SURE]
    one.push(np.zeros((4 * RATE, 1), np.float32))
    assert one.record[LEADS] == 1.0
    assert one.record[LEAD_TEMPO] == pytest.approx(tempo, rel=0.05)
    assert one.record[LEAD_SURE] < sure


def test_what_is_no_sound_breaks_nothing(drums: Any):
    one = Led(pulse())
    for sound in (np.zeros((RATE, 1)), 1e-40 * np.ones((RATE, 1)), 1e6 * drums[:RATE]):
        one.push(sound.astype(np.float32))
        assert np.isfinite(one.record).all()
    one.push(drums)
    assert np.isfinite(one.record).all()


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
def test_it_leads_at_any_rate(rate: int):
    seconds, beats = 12.0, steady(BPM, 12.0)
    renderer = Renderer(rack(pulse()), rate, 1)
    renderer.push(loop(beats, rate, seconds)[:, None])
    record = renderer.table.nodes[0].arrays["lead"]
    since = beats[-2] * rate - record[LEAD_FRAME]
    beat = record[LEAD_BEAT] + since * record[LEAD_TEMPO] / 60.0 / rate
    octave = record[LEAD_TEMPO] / BPM
    assert min(abs(octave - o) for o in (0.5, 1.0, 2.0)) < 0.03
    assert off(beat * max(1.0, 1.0 / octave) if octave < 0.7 else beat) < 0.08


@pytest.mark.parametrize("name", ["nobody.json", "folder", "text.json", "../pulse"])
def test_a_network_that_is_none_is_told_in_one_line(tmp_path: Path, name: str):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.json").write_text("hello")
    chain = (Link("pulse", "pulse", {}, {"network": name}),)
    broken = Rack("test", lanes=(Lane("a", "left", chain),), folder=tmp_path)
    with pytest.raises(RackError) as caught:
        Renderer(broken, RATE, 1)
    line = str(caught.value)
    assert Path(name).name in line and "\n" not in line


def test_a_file_of_ones_own_is_played(tmp_path: Path, drums: Any):
    from engine.pulse.file import shipped

    (tmp_path / "mine.json").write_bytes(shipped().read_bytes())
    own = Rack("test", lanes=(Lane("a", "left", (pulse("mine.json"),)),), folder=tmp_path)
    renderer = Renderer(own, RATE, 1)
    renderer.push(drums[: 4 * RATE])
    plain = Led(pulse())
    plain.push(drums[: 4 * RATE])
    np.testing.assert_array_equal(renderer.table.nodes[0].arrays["lead"], plain.record)
