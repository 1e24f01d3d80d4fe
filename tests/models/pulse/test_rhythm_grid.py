"""Strokes on the grid, what the network sees of them, and recordings of one's own."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from drum_loops import BACKBEAT, KICK, SNARE, loop, steady

from engine.pulse.offline import Followed
from models.pulse.errors import PulseError
from models.pulse.following.hearing import Heard, Ranges, hear
from models.pulse.rhythm import features
from models.pulse.rhythm.grid import bar_steps, on_grid
from models.pulse.rhythm.hearing import Listener, part_of, strokes
from models.pulse.rhythm.strokes import parted, strokes_of
from models.pulse.takes import DRUMS, NOTE

RATE = 22_050


def notes(*rows):
    return np.array(list(rows), NOTE)


def midi_file(path: Path, bars: int = 8, tempo: float = 100.0, channel: int = 9) -> Path:
    """A plain rock beat: kick on one and three, snare on two and four, eighths on a hi-hat."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    now = 0
    for eighth in range(8 * bars):
        pitches = [42] + ([36] if eighth % 4 == 0 else []) + ([38] if eighth % 4 == 2 else [])
        for pitch in pitches:
            told = {"note": pitch, "velocity": 90, "channel": channel}
            track.append(mido.Message("note_on", time=eighth * 240 - now, **told))
            now = eighth * 240
    file.save(path)
    return path


def test_a_stroke_belongs_to_the_nearest_sixteenth_and_keeps_how_far_off_it_was():
    grid = on_grid(notes((0.0, 36, 127), (0.27, 38, 64), (0.98, 42, 32)), 16, 120.0)
    assert grid.steps == 5
    assert grid.hits.sum() == 3
    assert grid.hits[1, DRUMS.index("snare")] == 1
    np.testing.assert_allclose(grid.offsets[1, DRUMS.index("snare")], 0.08, atol=1e-6)
    np.testing.assert_allclose(grid.offsets[4, DRUMS.index("closed")], -0.08, atol=1e-6)
    np.testing.assert_allclose(grid.velocities[0, DRUMS.index("kick")], 1.0)
    assert grid.step_ms == 125.0


def test_of_two_strokes_of_a_drum_in_a_step_the_louder_is_kept():
    grid = on_grid(notes((0.0, 38, 100), (0.05, 40, 50)), 16, 120.0)
    assert grid.hits.sum() == 1
    np.testing.assert_allclose(grid.velocities[0, DRUMS.index("snare")], 100 / 127)


def test_what_is_no_drum_is_left_out_and_nothing_at_all_is_an_empty_part():
    assert on_grid(notes((0.0, 90, 100)), 16, 120.0).steps == 0


def test_families_are_hit_when_any_of_their_drums_is():
    grid = on_grid(notes((0.0, 42, 80), (0.0, 51, 80), (0.0, 41, 80)), 16, 120.0)
    np.testing.assert_array_equal(grid.families[0], [0, 0, 1, 1])


@pytest.mark.parametrize(("meter", "steps"), [("4-4", 16), ("3/4", 12), ("6-8", 12), ("5-8", 10)])
def test_bars_are_counted_in_sixteenths(meter, steps):
    assert bar_steps(meter) == steps


@pytest.mark.parametrize("meter", ["", "4", "x-4", "4-5", "0-4", "33-16"])
def test_a_meter_without_sixteenths_is_refused_in_one_line(meter):
    with pytest.raises(PulseError, match=r"^meter = [^\n]*$"):
        bar_steps(meter)


def test_what_is_seen_of_a_step_depends_on_earlier_ones_alone():
    rng = np.random.default_rng(1)
    rows = [(beat, int(rng.choice([36, 38, 42, 51])), 80) for beat in np.arange(0, 24, 0.25)]
    grid = on_grid(notes(*rows), 12, 120.0)
    changed = on_grid(notes(*rows[:60], *((b, 49, 20) for b, _, _ in rows[60:])), 12, 120.0)
    np.testing.assert_array_equal(features.own(grid)[:61], features.own(changed)[:61])
    assert (features.own(grid)[61:] != features.own(changed)[61:]).any()


def test_density_is_hits_a_step_of_what_comes():
    grid = on_grid(notes(*((beat, 36, 80) for beat in np.arange(0, 16, 0.5))), 16, 120.0)
    np.testing.assert_allclose(features.density(grid)[:16], 0.5)


def test_a_midi_file_is_read_as_a_part(tmp_path):
    grid = strokes_of(midi_file(tmp_path / "rock.mid"), "rock")
    assert (grid.bar, grid.style, round(grid.tempo_bpm)) == (16, "rock", 100)
    np.testing.assert_array_equal(np.flatnonzero(grid.hits[:16, DRUMS.index("snare")]), [4, 12])


def test_other_channels_do_not_count_where_the_drum_channel_is_there(tmp_path):
    path = midi_file(tmp_path / "band.mid")
    file = mido.MidiFile(path)
    piano = mido.MidiTrack([mido.Message("note_on", note=49, velocity=70, channel=0, time=120)])
    file.tracks.append(piano)
    file.save(path)
    assert strokes_of(path).hits[:, DRUMS.index("crash")].sum() == 0


def test_the_last_bars_are_kept_to_judge_by(tmp_path):
    first, last = parted(strokes_of(midi_file(tmp_path / "rock.mid", bars=10)))
    assert first.steps == 8 * 16
    assert last.steps == 2 * 16 - 1


@pytest.mark.parametrize(
    ("name", "written"), [("a.txt", b"no"), ("a.mid", b"no"), ("a.wav", b"RIFF"), ("b.mid", None)]
)
def test_what_holds_no_drums_that_can_be_read_is_told_in_one_line(tmp_path, name, written):
    path = tmp_path / name
    if written is not None:
        path.write_bytes(written)
    with pytest.raises(ValueError, match=rf"{name}: [^\n]*$"):
        strokes_of(path)


def test_a_recording_with_few_strokes_is_told_what_is_needed(tmp_path):
    with pytest.raises(PulseError, match="at least 16 strokes"):
        strokes_of(midi_file(tmp_path / "short.mid", bars=1))


def test_audio_is_read_by_whom_is_given_for_it(tmp_path):
    grid = strokes_of(midi_file(tmp_path / "rock.mid"))
    path = tmp_path / "rock.wav"
    path.touch()
    assert strokes_of(path, "funk", sound=lambda _: grid).style == "funk"


def followed(times, seconds):
    """What a follower would say of strokes at ``times`` of each family along 100 bpm from 1.2 s."""
    beats = np.arange(1.2, seconds, 0.6)
    count, hops = len(beats), np.arange(int(100 * seconds))
    answers = np.zeros((len(hops), 6))
    for family, falls in enumerate(times):
        for at in 100.0 * np.asarray(falls) + 1.0:  # a hop ends a hundredth later, told after two
            answers[:, 2 + family] += 0.9 * np.exp(-0.5 * np.square(hops - at))
    place, meter = (np.arange(count) + 2) % 4 + 1, np.full(count, 4)
    even = np.full(count, 100.0)
    return Followed(beats, beats, place == 1, even / 100.0, even, answers, place, meter)


def test_what_a_follower_hears_is_a_part_from_a_bars_first_with_lateness_and_levels():
    firsts = np.arange(2.4, 24.0, 2.4)
    kicks = np.concatenate([firsts, firsts + 1.2])
    snares = np.concatenate([firsts + 0.6, firsts + 1.8]) + 0.02
    cymbals = np.arange(1.2, 25.0, 0.3)
    sound = np.zeros(26 * RATE)
    kick = np.sin(2 * np.pi * 60 * np.arange(4000) / RATE) * np.exp(-np.arange(4000) / 1500)
    for level, falls in ((0.8, firsts), (0.2, firsts + 1.2)):
        for at in np.round(falls * RATE).astype(int):
            sound[at : at + 4000] += level * kick
    told = followed((kicks, snares, cymbals, ()), 26.0)
    grid = part_of(Heard(Path("a.wav"), sound[:, None].astype(np.float32), RATE, told))
    assert grid.bar == 16 and grid.tempo_bpm == pytest.approx(100.0, abs=0.1)
    drum = {name: DRUMS.index(name) for name in ("kick", "snare", "closed")}
    bar = grid.hits[16:32]
    assert np.flatnonzero(bar[:, drum["kick"]]).tolist() == [0, 8]
    assert np.flatnonzero(bar[:, drum["snare"]]).tolist() == [4, 12]
    assert np.flatnonzero(bar[:, drum["closed"]]).tolist() == list(range(0, 16, 2))
    # the pulse lies amid the strokes: of every four near it one is 20 ms late
    for name, late_s in (("kick", -0.005), ("snare", 0.015), ("closed", -0.005)):
        column = drum[name]
        offsets = grid.offsets[:, column][grid.hits[:, column] > 0]
        np.testing.assert_allclose(offsets[3:-3] * 0.15, late_s, atol=0.002)
    levels = grid.velocities[16:32, drum["kick"]]
    assert levels[0] == pytest.approx(2.0 * levels[8], rel=0.1)  # the square root of four


def test_a_recording_of_drums_is_read_back(tmp_path):
    beats = steady(110.0, 24.0)
    soundfile.write(tmp_path / "loop.wav", loop(beats, RATE, 24.0), RATE)
    listener = Listener()
    grid = strokes_of(tmp_path / "loop.wav", "rock", listener)
    assert grid.bar == 16 and grid.tempo_bpm == pytest.approx(110.0, rel=0.01)
    seconds, families, _ = strokes(hear(tmp_path / "loop.wav", listener.network, Ranges()))
    for family, drum, least in ((0, KICK, 0.9), (1, SNARE, 0.7)):  # measured: 0.75 of snares
        hits = [beat for beat, played in BACKBEAT if played == drum]
        places = np.add.outer(np.arange(0, len(beats) - 4, 4), hits).ravel()
        truth = np.interp(places, np.arange(len(beats)), beats)
        near = np.abs(truth[:, None] - seconds[families == family]) <= 0.03
        assert near.any(axis=1).mean() > least


@pytest.mark.parametrize(
    ("name", "sound", "line"),
    [
        ("silent", np.zeros(10 * RATE), "is silent"),
        ("short", loop(steady(110.0, 2.0), RATE, 2.0), "at least 8 are needed"),
    ],
)
def test_recordings_without_a_beat_are_told_in_one_line(tmp_path, name, sound, line):
    soundfile.write(tmp_path / f"{name}.wav", sound, RATE)
    with pytest.raises(PulseError, match=rf"{name}\.wav: [^\n]*{line}"):
        strokes_of(tmp_path / f"{name}.wav")
