"""The drummer: its network step by step, when its strokes sound, what it hears, how it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conducting import Conductor

from engine.kernel import Audio, kernel
from engine.params import Choice, Param, Setting
from engine.plugin import Plugin, PluginError, Setup
from engine.rack import Lane, Link, Rack
from engine.render import Move, Renderer, play
from engine.rhythm import open_rhythm
from engine.rhythm.model import shapes
from models.pulse.rhythm.reference import Knobs, Player
from plugins.rhythm import Rhythm
from plugins.rhythm.drums import rest, sound, strike
from plugins.rhythm.kit import DRUMS, Kit, drums
from plugins.rhythm.playing import ROW, STRUCK, TOLD

RATE = 48_000
STEP = 6_000  # frames of a sixteenth at the clock's 120 bpm
STYLES = ["funk", "jazz", "rock"]
KICK, SNARE, CYMBALS, TOMS = range(4)
NAMES = ("kick", "snare", "rim", "closed", "open", "ride", "crash", "high tom", "low tom")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drummer that has learnt nothing: random numbers, and about two strokes a step."""
    return write_model(tmp_path_factory.mktemp("zoo") / "chance")


def write_model(folder: Path, hits: float = -1.0) -> Path:
    rng = np.random.default_rng(5)
    arrays = {
        name: (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        for name, shape in shapes(40, 24, 8, len(STYLES)).items()
    }
    arrays["b"] += np.float32(hits)
    arrays["lb"] -= np.float32(2.5)
    arrays["D"] = np.tril(arrays["D"], -1)
    meta = {"styles": STYLES, "hidden": 40, "chain": 24, "bins": 8}
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    folder.mkdir()
    np.savez(folder / "rhythm.npz", **arrays)
    sha = hashlib.sha256((folder / "rhythm.npz").read_bytes()).hexdigest()
    card = f'format = 1\nkind = "rhythm"\nname = "chance"\ntolerance = 1e-4\nsha256 = "{sha}"\n'
    (folder / "rhythm.toml").write_text(card)
    return folder


def rack(folder: Path, seed: int = 1, source: str = "left", **knobs: float) -> Rack:
    values = {"stop_after": 0.0, **knobs}
    link = Link("rhythm", "rhythm", values, {"model": str(folder), "seed": seed})
    return Rack("test", lanes=(Lane("a", source, (link,)),))


class Played:
    """What a drummer did with a sound: what was heard, its arrays, and the notes that it told."""

    def __init__(
        self, rack: Rack, heard: Any, rate: int = RATE, block: int = 64, moves: Any = ()
    ) -> None:
        self._renderer = Renderer(rack, rate, 1, block, moves)
        nodes = self._renderer.table.nodes
        self.arrays = next(node.arrays for node in nodes if "due_beat" in node.arrays)
        self.readout = self._renderer.shared.control["readouts"][0, 0]
        self.notes: list[tuple[int, int, int, int]] = []
        self.count = self.arrays["count"]
        self.out = np.concatenate(
            [self.push(heard[i : i + 4800]) for i in range(0, len(heard), 4800)]
        )

    def push(self, heard: Any) -> Any:
        """Play on; the notes are (frame, first byte, note, velocity)."""
        before = int(self.arrays["made_count"][0])
        made = self._renderer.push(heard[:, None] if heard.ndim == 1 else heard)
        for k in range(before, int(self.arrays["made_count"][0])):
            frame, message = (int(x) for x in self.arrays["made"][k % 256])
            self.notes.append((frame, message & 255, message >> 8 & 255, message >> 16 & 255))
        return made

    @property
    def ons(self) -> list[tuple[int, int, int]]:
        """Frame, note and velocity of what was struck."""
        return [(frame, note, v) for frame, first, note, v in self.notes if first == 0x99]


def silence(seconds: float) -> Any:
    return np.zeros(int(seconds * RATE), np.float32)


def strokes(seconds: float, frames: list[int], kind: int = KICK) -> Any:
    """A performer: low thumps, or hisses."""
    rng = np.random.default_rng(2)
    made, t = silence(seconds), np.arange(4000) / RATE
    if kind == KICK:
        one = 0.6 * np.sin(2 * np.pi * (55 * t + 2.0 * (1 - np.exp(-t / 0.02)))) * np.exp(-t / 0.02)
    else:
        hiss = np.diff(rng.uniform(-1, 1, len(t) + 2), 2)
        one = 0.1 * hiss * np.exp(-t / 0.03)
    for frame in frames:
        part = made[frame : frame + len(one)]
        part += one[: len(part)].astype(np.float32)
    return made


def same_as_reference(folder: Path, heard: Any, knobs: Knobs, **turned: float) -> None:
    """Play cell by cell; at each step the reference is given the same draws."""
    model = open_rhythm(folder)
    if knobs.style is not None:
        turned["style"] = float(Rhythm.params["style"].choices.index(model.styles[knobs.style]))
    played = Played(rack(folder, **turned), heard[:64])
    player = Player(model, [120.0], 16, [knobs])
    begun = checked = draws_due = 0
    parts: Any = ()
    knobs.present = False
    for at in range(64, len(heard), 64):
        played.push(heard[at : at + 64])
        row = int(played.count[ROW])
        if row != begun and row > 1:
            families = played.arrays["other"][(row - 1) % 64][None].copy()
            player.heard(*parts, families=families)
            knobs.present = bool(played.arrays["told"][0])
        if row != begun:
            begun = row
            draws_due = at + 640
        if at == draws_due:
            parts = player.step(played.arrays["draws"][None])
            hits, loud, late = (part[0] for part in parts)
            np.testing.assert_allclose(played.arrays["hidden"], player.state[0], atol=1e-4)
            np.testing.assert_array_equal(played.arrays["drawn"][0], hits)
            np.testing.assert_allclose(played.arrays["drawn"][1], loud, atol=1e-4)
            np.testing.assert_allclose(played.arrays["drawn"][2], late, atol=1e-4)
            checked += 1
    assert checked > 30


def test_alone_it_is_the_reference_step_by_step(folder: Path) -> None:
    knobs = Knobs(style=1, density=1.5, temperature=0.8)
    same_as_reference(folder, silence(9.0), knobs, density=6.0, temperature=0.8)


def test_with_a_performer_it_is_the_reference_step_by_step(folder: Path) -> None:
    heard = strokes(6.0, [STEP * k for k in (2, 6, 11, 18, 22, 27, 30, 34, 38, 43)])
    same_as_reference(folder, heard, Knobs(follow=0.6), balance=0.6)


def test_the_shipped_drummer_is_the_reference_too() -> None:
    shipped = Path(__file__).parents[2] / "models" / "zoo" / "rhythm"
    if not (shipped / "rhythm.toml").is_file():
        pytest.skip("there is no trained drummer yet")
    same_as_reference(shipped, silence(5.0), Knobs(temperature=1.2), temperature=1.2)


def test_coolly_it_is_the_reference_step_by_step(folder: Path) -> None:
    same_as_reference(folder, silence(5.0), Knobs(temperature=0.2), temperature=0.2)


def test_at_temperature_nought_nothing_is_left_to_chance(tmp_path: Path) -> None:
    busy = write_model(tmp_path / "busy", hits=0.0)
    cold, again, warm = (
        Played(rack(busy, seed, temperature=heat), silence(4.0)).notes
        for seed, heat in ((1, 0.0), (2, 0.0), (2, 0.5))
    )
    assert len(cold) > 20
    assert cold == again != warm


def test_on_the_grid_every_stroke_is_at_the_very_frame_of_its_sixteenth(folder: Path) -> None:
    played = Played(rack(folder, feel=0.0), silence(4.0))
    frames = np.array([frame for frame, _, _ in played.ons])
    assert len(frames) > 20
    late = frames[frames > STEP] % STEP  # the first step is decided when it is over
    assert not np.any(late)


def test_with_feel_strokes_are_early_and_late_as_drawn(folder: Path) -> None:
    played = Played(rack(folder), silence(4.0))
    frames = np.array([frame for frame, _, _ in played.ons if frame > STEP])
    away = (frames + STEP // 2) % STEP - STEP // 2
    assert away.min() < 0 < away.max()
    assert len(set(frames.tolist())) > 20


def test_notes_are_on_channel_ten_and_each_ends(folder: Path) -> None:
    played = Played(rack(folder), silence(4.0))
    held: dict[int, int] = {}
    for frame, first, note, velocity in played.notes:
        assert first in (0x99, 0x89)
        assert note in (36, 38, 37, 42, 46, 51, 49, 48, 43)
        if first == 0x99:
            assert 1 <= velocity <= 127
            assert note not in held
            held[note] = frame
        else:
            assert 0 < frame - held.pop(note) <= 0.07 * RATE
    assert len(held) < DRUMS
    assert int(played.count[STRUCK]) == len(played.ons)


@pytest.mark.parametrize("block", [32, 333, 4096])
def test_blocks_of_any_size_play_the_same(folder: Path, block: int) -> None:
    heard = strokes(3.0, [STEP * k + 100 for k in range(0, 20, 3)])[:, None]
    whole = play(rack(folder), heard, RATE)
    assert np.abs(whole - heard).max() > 0.05
    np.testing.assert_array_equal(play(rack(folder), heard, RATE, block=block), whole)


@pytest.mark.parametrize("block", [50, 333])
def test_behind_a_follower_blocks_of_any_size_play_the_same(folder: Path, block: int) -> None:
    heard = strokes(6.0, [round(0.43 * RATE * k) for k in range(1, 14)])[:, None]
    alone = rack(folder, enter_after=1.0).lanes[0].chain
    chain = (Link("pulse", "pulse", {}, {"network": "flux"}), *alone)
    led = Rack("led", lanes=(Lane("a", "left", chain),))
    whole = play(led, heard, RATE)
    assert np.abs(whole - heard).max() > 0.05
    np.testing.assert_array_equal(play(led, heard, RATE, block=block), whole)


def test_the_seed_says_what_chance_brings(folder: Path) -> None:
    first, again = (Played(rack(folder), silence(3.0)).ons for _ in range(2))
    other = Played(rack(folder, seed=2), silence(3.0)).ons
    assert first == again
    assert first != other


def test_it_begins_with_you_and_rests_when_you_have_stopped(folder: Path) -> None:
    heard = strokes(12.0, [48_000, 60_000, 72_000])
    frames = [frame for frame, _, _ in Played(rack(folder, stop_after=2.0), heard).ons]
    assert min(frames) > 48_000
    assert 72_000 + 1.8 * 16 * STEP < max(frames) < 72_000 + 2.2 * 16 * STEP
    assert not Played(rack(folder, stop_after=2.0), silence(3.0)).notes


def test_it_joins_in_after_the_bars_it_was_told_to_learn_from(folder: Path) -> None:
    heard = strokes(8.0, [8 * STEP + 4 * STEP * k for k in range(12)])
    frames = [frame for frame, _, _ in Played(rack(folder, enter_after=2.0), heard).ons]
    assert (8 + 31) * STEP < min(frames) < (8 + 37) * STEP
    assert not Played(rack(folder, enter_after=1.0), silence(3.0)).ons


def test_who_leads_is_deaf_to_the_performer(folder: Path) -> None:
    heard = strokes(4.0, [4 * STEP * k + 200 for k in range(1, 8)])
    alone, deaf, follows = (
        Played(rack(folder, balance=balance), sound).ons
        for balance, sound in ((0.0, silence(4.0)), (0.0, heard), (0.5, heard))
    )
    assert deaf == alone
    assert follows != alone


def test_who_leads_waits_for_nobody_and_never_rests(folder: Path) -> None:
    for waits in ({"enter_after": 1.0}, {"stop_after": 1.0}):
        played = Played(rack(folder, balance=0.0, **waits), silence(6.0))
        assert {frame // (16 * STEP) for frame, _, _ in played.ons} >= {0, 1, 2}
    heard = strokes(5.0, [100])
    played = Played(rack(folder, balance=0.0, stop_after=1.0), heard)
    assert max(frame for frame, _, _ in played.ons) > 4 * RATE


@pytest.mark.parametrize("at", [1.04, 1.11, 1.3])
@pytest.mark.parametrize("by", [-32.0, 16.0])
def test_beats_that_are_counted_anew_change_nothing_that_is_played(
    folder: Path, use: Callable[..., Link], at: float, by: float
) -> None:
    chain = (use(Conductor), *rack(folder).lanes[0].chain)
    led = Rack("led", lanes=(Lane("a", "left", chain),))
    moves = [Move(int(at * RATE), "a.conductor.ahead", by)]  # by phrases: else the network's place
    counted_on, counted_anew = (Played(led, silence(3.0), moves=m) for m in ((), moves))
    assert len(counted_on.ons) > 20
    assert counted_anew.ons == counted_on.ons


@pytest.mark.parametrize("by", [-3.0, 1.0, 2.0])
def test_a_bar_that_begins_elsewhere_is_no_step_more_and_no_stroke_sooner(
    folder: Path, use: Callable[..., Link], by: float
) -> None:
    chain = (use(Conductor), *rack(folder, feel=0.0).lanes[0].chain)
    led = Rack("led", lanes=(Lane("a", "left", chain),))
    moves = [Move(int(1.11 * RATE), "a.conductor.ahead", by)]
    plain, moved = (Played(led, silence(3.0), moves=m) for m in ((), moves))
    assert int(moved.count[ROW]) == int(plain.count[ROW])
    frames = np.array([frame for frame, _, _ in moved.ons])
    assert len(frames) > 20
    away = (frames[frames > STEP] + STEP // 2) % STEP - STEP // 2
    assert np.abs(away).max() <= 1


def test_in_turns_it_listens_and_answers_with_what_it_took_up(folder: Path) -> None:
    heard = strokes(4.5, [4 * STEP * k + 200 for k in range(4)])
    played = Played(rack(folder, answer=1.0), heard[: 15 * STEP])
    assert not played.ons
    assert played.readout[3] == 1.0
    taken = played.arrays["played"][1:16, 0]
    assert taken[:, 0].sum() == 3.0
    played.push(heard[15 * STEP : 30 * STEP])
    assert played.ons
    assert min(frame for frame, _, _ in played.ons) > 15.5 * STEP
    assert played.readout[3] == 0.0


def test_mute_stops_strokes_and_sounds_off_leaves_the_notes(folder: Path) -> None:
    assert not Played(rack(folder, mute=1.0), silence(2.0)).ons
    assert not Played(rack(folder, bypass=1.0), silence(2.0)).ons
    played = Played(rack(folder, sounds=0.0), silence(2.0))
    assert played.ons
    assert not np.any(played.out)


def test_a_family_can_be_turned_off(folder: Path) -> None:
    off = {f"{name}_db": -40.0 for name in ("kick", "snare", "cymbals", "toms")}
    assert not np.any(Played(rack(folder, **off), silence(2.0)).out)


def test_your_sound_goes_through_beside_the_drums_or_not(folder: Path) -> None:
    heard = strokes(1.0, [9000, 20_000])
    both = Played(rack(folder, sounds=0.0), heard).out
    np.testing.assert_array_equal(both, np.stack([heard, heard], axis=1))
    assert not np.any(Played(rack(folder, sounds=0.0, through=0.0), heard).out)


@pytest.mark.parametrize(("kind", "family"), [(KICK, KICK), (CYMBALS, CYMBALS)])
def test_strokes_are_heard_once_each_and_told_apart(folder: Path, kind: int, family: int) -> None:
    frames = [STEP * k + 400 for k in range(4, 30, 2)]
    played = Played(rack(folder), strokes(4.0, frames, kind))
    assert int(played.count[TOLD]) == len(frames)
    other = played.arrays["other"]
    assert other[:, family].sum() >= 0.8 * len(frames)
    assert np.all(np.flatnonzero(other.any(axis=1)) % 2 == 1)  # steps 4, 6 .. are rows 5, 7 ..


@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_at_any_rate_strokes_are_heard_where_they_are(folder: Path, rate: int) -> None:
    frames = [int((0.125 * k + 0.01) * rate) for k in range(4, 15, 2)]
    heard = np.interp(np.arange(2 * rate) / rate, np.arange(2 * RATE) / RATE,
                      strokes(2.0, [f * RATE // rate for f in frames]))  # fmt: skip
    played = Played(rack(folder), heard.astype(np.float32), rate)
    rows = np.flatnonzero(played.arrays["other"].any(axis=1))
    assert set(rows.tolist()) == {5, 7, 9, 11, 13, 15}


def test_silence_and_steady_sounds_are_no_strokes(folder: Path) -> None:
    rng = np.random.default_rng(0)
    assert int(Played(rack(folder), silence(2.0)).count[TOLD]) == 0
    hum = 0.1 * np.sin(2 * np.pi * 100 * np.arange(4 * RATE) / RATE)
    assert int(Played(rack(folder), hum.astype(np.float32)).count[TOLD]) <= 1
    noise = (0.05 * rng.standard_normal(4 * RATE)).astype(np.float32)
    assert int(Played(rack(folder), noise).count[TOLD]) <= 8


def test_what_is_no_number_does_not_make_it_deaf(folder: Path) -> None:
    heard = strokes(3.0, [STEP * k for k in range(12, 20, 2)])
    heard[5000:5100] = np.nan
    played = Played(rack(folder, through=0.0), heard)
    assert np.all(np.isfinite(played.out))
    assert int(played.count[TOLD]) >= 4


def test_after_a_panic_notes_carry_the_time_that_it_is(folder: Path) -> None:
    played = Played(rack(folder), silence(2.0))
    assert played.ons
    played.notes.clear()
    played._renderer.table.nodes[0].reset()  # as a panic does
    for _ in range(20):
        played.push(silence(0.1))
    assert played.ons
    assert all(2 * RATE <= frame <= 4 * RATE for frame, _, _ in played.ons)


def refused(chosen: str, folder: Path) -> str:
    with pytest.raises(PluginError) as caught:
        Rhythm(model=chosen).prepare(Setup(RATE, 2, folder=folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_that_cannot_be_had_is_one_line_that_says_why(folder: Path, tmp_path: Path) -> None:
    assert "no drummer is called 'nobody'; there are: " in refused("nobody", tmp_path)
    assert "no drummer is called" in refused("n" * 5000, tmp_path)
    assert "no such file" in refused("~nobody-here/x", tmp_path)
    assert "model is empty" in refused("", tmp_path)
    assert "no such file" in refused("./nobody", tmp_path)
    broken = write_model(tmp_path / "broken")
    data = bytearray((broken / "rhythm.npz").read_bytes())
    data[-1] ^= 1
    (broken / "rhythm.npz").write_bytes(bytes(data))
    assert "not what was exported" in refused("broken", tmp_path)
    assert Rhythm(model="chance").prepare(Setup(RATE, 2, folder=folder.parent))


class Struck(Plugin):
    """One stroke of a drum at frame 100, and a second one after ``again_ms``."""

    drum = Choice("kick", NAMES, help="Which")
    loud = Param(0.8, smooth_ms=0.0, help="How hard")
    second = Choice("kick", NAMES, help="Which comes second")
    again_ms = Setting(0, "count", 0, 5000, help="When; 0 is never")

    def prepare(self, setup: Setup) -> dict[str, Any]:
        again = 100 + int(self.again_ms) * setup.sample_rate // 1000
        return {**drums(setup.sample_rate), "again": again, "now": np.zeros(1, np.int64)}

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        kit = Kit(state.kit_rows, state.kit_modes, state.kit_count, state.kit_now,
                  state.kit_ringing, state.kit_sounds, state.kit_seed, state.kit_turns,
                  state.kit_pace, state.kit_hiss, state.kit_metal, state.kit_choke)  # fmt: skip
        for i in range(audio.shape[1]):
            audio[0, i] = audio[1, i] = np.float32(0.0)
            if state.now[0] == 100:
                strike(kit, int(knobs.drum.start), knobs.loud.start, 1.0)
            elif state.now[0] == state.again:
                strike(kit, int(knobs.second.start), knobs.loud.start, 1.0)
            sound(kit, audio, i, 1)
            if state.now[0] % 1024 == 0:
                rest(kit)
            state.now[0] += 1


def struck(link: Link, seconds: float = 1.0, rate: int = RATE) -> Any:
    """What one link sounds like, (frames, 2)."""
    quiet = np.zeros((int(seconds * rate), 2), np.float32)
    return play(Rack("test", lanes=(Lane("a", "stereo", (link,)),)), quiet, rate)


def level_db(sound: Any) -> float:
    return float(10 * np.log10(np.mean(np.square(sound)) + 1e-20))


def brightness_hz(sound: Any) -> float:
    """Mean frequency of the spectrum."""
    power = np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound)))) ** 2
    return float((power * np.fft.rfftfreq(len(sound), 1 / RATE)).sum() / power.sum())


@pytest.mark.parametrize("drum", range(DRUMS))
def test_a_harder_stroke_is_louder_and_brighter(use: Callable[..., Link], drum: int) -> None:
    soft = struck(use(Struck, drum=float(drum), loud=0.3))
    hard = struck(use(Struck, drum=float(drum), loud=0.9))
    assert 12.0 < level_db(hard) - level_db(soft) < 24.0
    assert brightness_hz(hard[100:2500]) > 1.02 * brightness_hz(soft[100:2500])
    assert 0.05 < np.abs(hard).max() < 0.8
    assert not np.any(hard[:100])


@pytest.mark.parametrize("drum", range(DRUMS))
def test_a_drum_rings_out_to_nothing(use: Callable[..., Link], drum: int) -> None:
    sounded = struck(use(Struck, drum=float(drum)), seconds=9.0)
    assert not np.any(sounded[-4800:])
    end = np.flatnonzero(sounded.any(axis=1))[-1]
    assert np.abs(sounded[end - 1000 : end]).max() < 1e-4


def test_a_closed_hi_hat_chokes_the_open_one(use: Callable[..., Link]) -> None:
    names = list(NAMES)
    opened, closed = float(names.index("open")), float(names.index("closed"))
    free = struck(use(Struck, drum=opened), 1.0)
    choked = struck(use(Struck, drum=opened, second=closed, again_ms=100), 1.0)
    later = slice(int(0.4 * RATE), int(0.6 * RATE))
    assert level_db(choked[later]) < level_db(free[later]) - 25.0


def test_a_second_stroke_does_not_click(use: Callable[..., Link]) -> None:
    twice = struck(use(Struck, again_ms=60))[:, 0]
    alone = struck(use(Struck))[:, 0]
    at = 100 + 60 * RATE // 1000
    jump = np.abs(np.diff(twice))[at - 2 : at + 2].max()
    assert jump < 1.5 * np.abs(np.diff(alone))[100:400].max()


def test_drums_keep_their_level_at_any_rate(use: Callable[..., Link]) -> None:
    for drum in (0, 1, 7):
        here = level_db(struck(use(Struck, drum=float(drum))))
        for rate in (22_050, 96_000):
            assert abs(level_db(struck(use(Struck, drum=float(drum)), rate=rate)) - here) < 3.0
