"""The morph as an instrument: when notes sound, between which sounds, and without clicks.

What is played is made, not learnt (morph_tones): flutes 0 and 1, dark and bright, a mallet 2 and an
organ 3.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from morph_playing import (
    BEND,
    CONTROLLER,
    KEY,
    ON,
    RATE,
    Message,
    cents,
    file,
    heard,
    largest_step,
    note,
    partial,
    rack,
    rms,
)
from morph_tones import tones

from engine.layout import NOTE
from engine.morph.file import write_morph
from engine.morph.grid import GRIDS
from engine.plugin import PluginError
from engine.preset import PresetError, parse
from engine.rack import Link, RackError
from engine.render import Move, Renderer
from engine.shared import Shared
from engine.stage import Stage
from engine.virtual import Pull
from plugins.morph import Morph
from plugins.morph.sources import find_morph
from plugins.morph.spaced import PLACES
from plugins.morph.state import TABLE
from plugins.morph.varispeed import ONE, half_of, sinc_table, weighed


@pytest.mark.parametrize("grid", ["live", "quality"])
@pytest.mark.parametrize("begin", [0, 1000])
def test_a_note_sounds_within_a_block_and_2_ms(grid: str, begin: int) -> None:
    made = np.abs(heard(note(at=begin), 24_000, grid, a=3.0))
    first = int(np.flatnonzero(made > 0.1 * made.max())[0])
    assert begin <= first <= begin + 64 + 0.002 * RATE
    assert not made[:begin].any()


def test_a_note_begins_as_loud_as_it_is_where_frames_hardly_overlap() -> None:
    made = heard(note(), 24_000, "thesis", a=3.0)
    assert rms(made[48:480]) > 0.25 * rms(made[12_000:16_000])


@pytest.mark.parametrize("grid", ["live", "quality"])
def test_half_of_a_leap_is_there_in_time(grid: str) -> None:
    took = []
    for begin in range(24_000, 24_200, 37):
        moves = [Move(begin, "a.morph.x", 1.0)]
        size = partial(heard(note(72), 36_000, grid, moves, b=1.0), 72, 4)
        low, high = size[begin - 4000 : begin - 1500].mean(), size[begin + 4000 : -2000].mean()
        assert high > 1.5 * low
        took.append(float(np.argmax(size[begin:] > (low + high) / 2)) / RATE)
    lead = {"live": 0.008, "quality": 0.0135}[grid]
    assert max(took) <= lead + 64 / RATE


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 96_000])
def test_notes_are_in_tune_at_any_rate(rate: int) -> None:
    made = heard(note(), 2 * rate, rate=rate, a=3.0)[rate // 2 :]
    assert abs(cents(made, KEY, rate)) < 1.0


@pytest.mark.parametrize("grid", ["live", "quality"])
def test_turning_x_does_not_click(grid: str) -> None:
    cells = RATE // 64
    static = max(largest_step(heard(note(), RATE, grid, b=1.0, x=x)) for x in (0.0, 0.5, 1.0))
    for places in (np.linspace(0, 1, cells), 0.5 + 0.5 * np.sin(0.4 * np.arange(cells)),
                   np.arange(cells) // 60 % 2):  # fmt: skip
        moves = [Move(64 * k, "a.morph.x", float(x)) for k, x in enumerate(places)]
        assert largest_step(heard(note(), RATE, grid, moves, b=1.0)) < 1.15 * static


def test_at_the_ends_of_a_way_only_the_ends_are_heard() -> None:
    left = heard(note(until=30_000), a=1.0, b=1.0)
    np.testing.assert_array_equal(heard(note(until=30_000), a=1.0, b=2.0, c=3.0, d=0.0), left)
    right = heard(note(until=30_000), a=3.0, b=1.0, c=2.0, d=0.0, x=1.0)
    np.testing.assert_array_equal(right, left)
    above = heard(note(until=30_000), a=3.0, b=2.0, c=0.0, d=1.0, x=1.0, y=1.0)
    np.testing.assert_array_equal(above, left)
    assert np.abs(heard(note(until=30_000), a=1.0, b=2.0, x=0.5) - left).max() > 0.01


def test_between_two_sounds_partials_are_between_theirs() -> None:
    sizes = [
        partial(heard(note(72), b=1.0, x=x)[24_000:], 72, 4).mean() for x in np.linspace(0, 1, 5)
    ]
    assert np.all(np.diff(sizes) > 0.0)


def test_even_steps_are_those_of_the_table() -> None:
    """What the ear takes for equal is more of x where the decoder changes little."""
    evenly, plain = (heard(note(72), b=2.0, x=0.5, even=e)[12_000:24_000] for e in (1.0, 0.0))
    assert np.abs(evenly - plain).max() > 1e-3
    ends = [heard(note(72), b=2.0, x=1.0, even=e) for e in (1.0, 0.0)]
    np.testing.assert_array_equal(*ends)


def test_other_ends_take_over_while_notes_sound() -> None:
    moves = [Move(24_000, "a.morph.a", 1.0)]
    made, dark, bright = heard(note(), moves=moves), heard(note()), heard(note(), a=1.0)
    np.testing.assert_array_equal(made[:24_000], dark[:24_000])
    size = [partial(sound[36_000:], KEY, 5).mean() for sound in (made, dark, bright)]
    assert size[0] == pytest.approx(size[2], rel=0.05) and size[2] > 1.5 * size[1]
    assert largest_step(made) < 1.1 * max(largest_step(dark), largest_step(bright))


def test_latents_may_be_moved() -> None:
    size = [partial(heard(note(), latent_1=k)[24_000:], KEY, 5).mean() for k in (0.0, 0.5)]
    assert size[1] > 1.3 * size[0]


def test_live_even_steps_come_beside_the_sound() -> None:
    shared = Shared.private()
    stage = Stage(shared, RATE, 64)
    table = stage.build(rack(b=2.0, x=0.5))
    stage.publish(table)
    pull, arrays = Pull(shared, 64, 1), table.nodes[0].arrays
    assert shared.send(table.id, 0, NOTE, float(ON | KEY << 8 | 100 << 16))
    until = time.monotonic() + 60.0
    while arrays["voice"][0, TABLE] < 0 and time.monotonic() < until:
        pull.run(np.zeros((640, 1), np.float32))
        stage.tick()
        time.sleep(0.005)
    found = int(arrays["voice"][0, TABLE])
    assert found >= 0, "no table came within a minute"
    assert list(arrays["offered"][1 + found][:2]) == [0, 2]
    places = arrays["tables"][found, KEY, 0, PLACES]  # of a to b
    assert np.all(np.diff(places) > 0.0)
    stage.close()


@pytest.mark.parametrize("hertz", [1000.0, 4000.0, 6500.0])
def test_the_way_to_the_hosts_rate_makes_little_of_its_own(hertz: float) -> None:
    sine = np.sin(2.0 * np.pi * hertz * np.arange(4000) / 16_000).astype(np.float32)
    table, half = sinc_table(RATE, 16_000), half_of(RATE, 16_000)
    products = np.zeros(2 * half, np.float32)
    made = []
    for n in range(8192):
        at, fraction = divmod((n + 100) * (ONE // 3), ONE)
        made.append(weighed(sine, at - half + 1 + 20, fraction, table, products))
    found = np.abs(np.fft.rfft(np.array(made) * np.blackman(8192)))
    own = np.abs(np.fft.rfftfreq(8192, 1 / RATE) - hertz) < 60.0
    assert 20.0 * np.log10(found[~own].max() / found[own].max()) < -50.0


def busy(seed: int = 3, frames: int = 19_200) -> list[Message]:
    """Keys, bends and controllers at any time."""
    rng = np.random.default_rng(seed)
    told: list[Message] = []
    for _ in range(24):
        at, key = int(rng.integers(0, frames)), int(rng.integers(0, 128))
        told += note(key, at, at + int(rng.integers(0, 8000)), int(rng.integers(1, 128)))
        told.append((at, BEND, int(rng.integers(0, 128)), int(rng.integers(0, 128))))
        number = int(rng.choice([1, 11, 64, 64, 120, 121, 123]))
        told.append((int(rng.integers(0, frames)), CONTROLLER, number, int(rng.integers(0, 128))))
    return told


def turned(frames: int = 19_200) -> list[Move]:
    rng = np.random.default_rng(4)
    moves = []
    for name, param in Morph.params.items():
        if name in ("bypass", "wet", "level_db"):
            continue
        for _ in range(2):
            low, high = param.minimum, param.maximum
            if name in "abcd":
                high = 4.0
            value = param.from_position(0.0) + float(rng.random()) * (high - low)
            if param.choices:
                value = float(round(value))
            moves.append(Move(int(rng.integers(0, frames)), f"a.morph.{name}", value))
    return moves


def test_the_block_does_not_matter() -> None:
    whole = heard(busy(), 19_200, moves=turned(), x=0.4, wheel_x=1.0)
    assert rms(whole) > 0.001
    for block in (32, 333):
        made = heard(busy(), 19_200, moves=turned(), block=block, x=0.4, wheel_x=1.0)
        np.testing.assert_array_equal(made, whole)


@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_whatever_is_played_stays_finite(rate: int) -> None:
    for seed in range(3):
        made = heard(busy(seed), 19_200, rate=rate, moves=turned(), bend_range=12.0)
        assert np.all(np.isfinite(made)) and np.abs(made).max() < 30.0


def test_a_preset_may_name_its_sounds() -> None:
    link = Link("morph", "morph", {}, {"model": str(file()), "sounds": "organ, mallet"})
    params = link.params(Path())
    assert [params[name].default for name in "abcd"] == [3.0, 2.0, 3.0, 2.0]
    named = heard(note(), 9600, settings={"sounds": "organ"}, b=3.0)
    np.testing.assert_array_equal(named, heard(note(), 9600, a=3.0, b=3.0))


@pytest.mark.parametrize(
    ("sounds", "told"),
    [("tuba", "no sound is called 'tuba'"), ("organ," * 5 + "organ", "6 are named")],
)
def test_sounds_that_are_not_there_are_one_line(sounds: str, told: str) -> None:
    text = f'name = "t"\n[[lane]]\nname = "a"\n[[lane.plugin]]\nuse = "morph"\nmodel = "{file()}"\n'
    with pytest.raises((PresetError, PluginError), match=told) as error:
        parse(f'{text}sounds = "{sounds}"\n', "t")
    assert "\n" not in str(error.value)


def test_models_that_are_none_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 and so on")
    empty = tmp_path / "empty.npz"
    write_morph(empty, type(tones())(GRIDS["live"], 4, "notes", tones().encoder, tones().decoder))
    for name, told in [
        (str(tmp_path / "torn.npz"), "torn.npz"), (str(empty), "holds no notes"),
        (str(tmp_path / "none.npz"), "none.npz: there is no such morph$"), ("", "model is empty"),
        ("none.npz", f": none.npz: there is no such morph, in {Path.cwd()}$"),
        (str(tmp_path), "holds no morph"),
        ("nobody", "no morph is called 'nobody'"), ("x" * 5000, "no morph is called"),
    ]:  # fmt: skip
        with pytest.raises(RackError, match=told) as error:
            Renderer(rack(settings={"model": name}), RATE, 1)
        assert "\n" not in str(error.value) and len(str(error.value)) < 700
    with pytest.raises(PluginError):
        find_morph("nobody", tmp_path)
    beside = f"^none.npz: there is no such morph, beside the preset or in {Path.cwd()}$"
    with pytest.raises(PluginError, match=beside):
        find_morph("none.npz", tmp_path)
