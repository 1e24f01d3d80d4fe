"""The morph under a player's hands: keys, bend, pedal, wheels, and who gives way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from morph_playing import (
    BEND,
    CONTROLLER,
    KEY,
    RATE,
    SOUNDS,
    VOICES,
    Played,
    X,
    cents,
    heard,
    largest_step,
    note,
    partial,
    rack,
    rms,
)
from morph_tones import tones

from engine.morph.file import write_morph


@pytest.mark.parametrize("bend", [0, 4096, 12_288, 16_383])
@pytest.mark.parametrize("bend_range", [2.0, 12.0])
def test_pitch_bend_is_exact(bend: int, bend_range: float) -> None:
    bent = bend - 8192
    semitones = bend_range * bent / (8191 if bent > 0 else 8192)
    told = (0, BEND, bend & 127, bend >> 7)
    made = heard([told, *note()], 96_000, a=3.0, bend_range=bend_range)[24_000:]
    straight = heard(note(), 96_000, a=3.0)[24_000:]
    assert abs(cents(made, KEY + semitones) - cents(straight, KEY)) < 0.1


@pytest.mark.parametrize("key", [38, 47, 73, 84, 85])
def test_keys_beyond_the_models_notes_are_in_tune(key: int) -> None:
    assert abs(cents(heard(note(key), 96_000, "quality", a=3.0)[24_000:], key)) < 3.0


def test_a_bend_is_of_its_own_channel() -> None:
    other = [(0, BEND | 1, 0, 0), *note()]
    np.testing.assert_array_equal(heard(other, 9600), heard(note(), 9600))


def test_all_keys_sound_that_there_are_voices_for() -> None:
    keys = [48, 52, 55, 60, 64, 67, 71, 76]
    played = Played(rack(a=3.0), [m for key in keys for m in note(key)])
    made = played.push(RATE)[RATE // 2 :]
    assert played.told(VOICES) == 8
    for key in keys:
        assert abs(cents(made, key)) < 20.0  # as near as others' partials let one tell
    played = Played(rack(a=3.0, settings={"voices": 2}), [m for key in keys for m in note(key)])
    played.push(9600)
    assert played.told(VOICES) == 2


def test_chords_begin_a_few_notes_a_cell() -> None:
    keys = [48, 52, 55, 60, 64, 67, 71, 76]
    played = Played(rack(a=3.0), [m for key in keys for m in note(key)])
    begun = []
    for _ in range(5):
        played.push(64)
        begun.append(played.told(VOICES))
    assert begun == [2, 4, 6, 8, 8]


def test_the_note_that_was_let_go_first_gives_way_and_then_the_oldest() -> None:
    two = {"voices": 2}
    told = [*note(48, until=12_000), *note(60, 1000), *note(72, 13_000)]
    made = heard(told, RATE, settings=two, a=3.0)[24_000:]
    assert abs(cents(made, 60)) < 5.0 and abs(cents(made, 72)) < 5.0
    made = heard([*told, *note(79, 24_000)], 72_000, settings=two, a=3.0)[36_000:]
    assert partial(made, 60, 1).mean() < 0.01 * partial(made, 72, 1).mean()


@pytest.mark.parametrize("grid", ["live", "quality"])
def test_a_stolen_voice_does_not_click(grid: str) -> None:
    keys = (60, 62, 64)
    one = {"voices": 1}
    made = heard([m for k, key in enumerate(keys) for m in note(key, 12_011 * k)], RATE, grid,
                 settings=one)  # fmt: skip
    alone = [largest_step(heard(note(key), RATE, grid)) for key in keys]
    assert largest_step(made) < 1.1 * max(alone)


def test_while_a_chord_waits_what_it_takes_over_keeps_its_pitch() -> None:
    low, high, at = range(40, 48), range(100, 108), 24_000
    held = [m for key in low for m in note(key)]
    soft = [m for key in high for m in note(key, at, velocity=1)]
    made = heard([*held, *soft], at + 640, a=3.0, even=0.0, dynamics_db=60.0)
    assert largest_step(made[at - 1 :]) < 1.5 * largest_step(made[at - 4800 : at])


def test_what_ends_at_once_does_not_click() -> None:
    alone = largest_step(heard(note()))
    told = [*note(until=20_000), *note(at=20_100), *note(at=26_011), (31_000, CONTROLLER, 120, 0)]
    made = heard(told, a=0.0)
    assert largest_step(made) < 1.1 * alone
    assert not made[-9600:].any()


def test_in_aligned_time_attacks_end_together() -> None:
    def half_way(x: float, **knobs: float) -> float:
        size = np.convolve(np.abs(heard(note(), b=3.0, x=x, **knobs)), np.ones(480) / 480, "same")
        return float(np.argmax(size > 0.5 * size[24_000:36_000].mean())) / RATE

    slow, between, fast = half_way(0.0), half_way(0.5, even=0.0), half_way(1.0)
    assert fast < 0.01 < between < 0.75 * slow
    assert half_way(0.0, attack=0.25) < 0.5 * slow


def test_a_held_key_goes_round_a_loop_without_a_seam() -> None:
    made = heard(note(), 6 * RATE)[RATE:]
    level = np.sqrt(np.convolve(np.square(made, dtype=np.float64), np.ones(4800) / 4800, "valid"))
    assert level.max() / level.min() < 1.1
    assert largest_step(made) < 1.15 * largest_step(made[:24_000])


def test_sounds_without_a_loop_die_away() -> None:
    made = heard(note(), 3 * RATE, a=2.0)
    assert rms(made[:4800]) > 10.0 * rms(made[36_000:40_000])
    assert not made[-4800:].any()


@pytest.mark.parametrize("sound", [0.0, 3.0])
def test_a_key_that_is_let_go_ends_its_note(sound: float) -> None:
    made = heard(note(until=24_000), 2 * RATE, a=sound)
    assert rms(made[20_000:24_000]) > 0.01
    assert not made[-9600:].any()
    longer = heard(note(until=24_000), 2 * RATE, a=sound, release=3.0)
    assert rms(longer[36_000:40_000]) > 3.0 * rms(made[36_000:40_000])


@pytest.mark.parametrize("grid", ["live", "quality"])
def test_a_key_that_is_let_go_early_ends_from_where_it_was(grid: str, tmp_path: Path) -> None:
    """A string's recorded end is far softer than its beginning."""
    base = tones(grid)
    organ, second = base.notes[-1], base.grid.rate // base.grid.hop
    falls = -26.0 - 30.0 * np.minimum(np.arange(organ.frames) / second, 1.0)
    string = replace(
        organ, name="string_acoustic_000-060-100", family="string", pitch=60,
        gain_db=falls.astype(np.float16), loop_start=1, loop_end=1,
    )  # fmt: skip
    write_morph(tmp_path / "string.npz", replace(base, notes=(string,)))
    settings = {"model": str(tmp_path / "string.npz")}
    made = heard(note(until=9600), 19_200, settings=settings, even=0.0)
    assert rms(made[10_560:11_040]) > 0.3 * rms(made[8640:9600])  # its own end falls by 5 dB
    assert rms(made[-1920:]) < 0.03 * rms(made[8640:9600])


def test_the_pedal_holds_what_is_let_go() -> None:
    down, up = (1000, CONTROLLER, 64, 127), (60_000, CONTROLLER, 64, 0)
    played = Played(rack(), [down, up, *note(until=9600)])
    held, ended = played.push(57_600), played.push(RATE)
    assert rms(held[-9600:]) > 0.01
    assert not ended[-9600:].any()


def test_notes_off_lets_all_go() -> None:
    told = [*note(48), *note(60), (9600, CONTROLLER, 123, 0)]
    assert not heard(told, 2 * RATE)[-9600:].any()


def test_harder_keys_are_louder() -> None:
    levels = [rms(heard(note(velocity=v))[24_000:]) for v in (30, 64, 127)]
    assert 20.0 * np.log10(levels[2] / levels[0]) == pytest.approx(30.0 * 97 / 127, abs=1.0)
    flat = [rms(heard(note(velocity=v), dynamics_db=0.0)[24_000:]) for v in (30, 127)]
    assert flat[0] == pytest.approx(flat[1], rel=0.1)


def test_the_wheel_and_expression_are_heard() -> None:
    played = Played(rack(b=1.0, wheel_x=1.0), [*note(), (100, CONTROLLER, 1, 127)])
    np.testing.assert_array_equal(
        played.push(RATE)[24_000:36_000],
        heard([*note(), (100, CONTROLLER, 1, 127)], b=1.0, wheel_x=1.0)[24_000:36_000],
    )
    assert played.told(X) == 1.0 and played.told(SOUNDS) == 4
    soft = heard([(0, CONTROLLER, 11, 32), *note()])[24_000:]
    loud = heard(note())[24_000:]
    assert rms(soft) == pytest.approx(rms(loud) * (32 / 127) ** 2, rel=0.05)
