"""Strokes on the grid, what the network sees of them, and recordings of one's own."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest

from models.pulse.errors import PulseError
from models.pulse.rhythm import features
from models.pulse.rhythm.grid import bar_steps, on_grid
from models.pulse.rhythm.strokes import parted, strokes_of
from models.pulse.takes import DRUMS, NOTE


def strokes(*rows):
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
    grid = on_grid(strokes((0.0, 36, 127), (0.27, 38, 64), (0.98, 42, 32)), 16, 120.0)
    assert grid.steps == 5
    assert grid.hits.sum() == 3
    assert grid.hits[1, DRUMS.index("snare")] == 1
    np.testing.assert_allclose(grid.offsets[1, DRUMS.index("snare")], 0.08, atol=1e-6)
    np.testing.assert_allclose(grid.offsets[4, DRUMS.index("closed")], -0.08, atol=1e-6)
    np.testing.assert_allclose(grid.velocities[0, DRUMS.index("kick")], 1.0)
    assert grid.step_ms == 125.0


def test_of_two_strokes_of_a_drum_in_a_step_the_louder_is_kept():
    grid = on_grid(strokes((0.0, 38, 100), (0.05, 40, 50)), 16, 120.0)
    assert grid.hits.sum() == 1
    np.testing.assert_allclose(grid.velocities[0, DRUMS.index("snare")], 100 / 127)


def test_what_is_no_drum_is_left_out_and_nothing_at_all_is_an_empty_part():
    assert on_grid(strokes((0.0, 90, 100)), 16, 120.0).steps == 0


def test_families_are_hit_when_any_of_their_drums_is():
    grid = on_grid(strokes((0.0, 42, 80), (0.0, 51, 80), (0.0, 41, 80)), 16, 120.0)
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
    grid = on_grid(strokes(*rows), 12, 120.0)
    changed = on_grid(strokes(*rows[:60], *((b, 49, 20) for b, _, _ in rows[60:])), 12, 120.0)
    np.testing.assert_array_equal(features.own(grid)[:61], features.own(changed)[:61])
    assert (features.own(grid)[61:] != features.own(changed)[61:]).any()


def test_density_is_hits_a_step_of_what_comes():
    grid = on_grid(strokes(*((beat, 36, 80) for beat in np.arange(0, 16, 0.5))), 16, 120.0)
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
    with pytest.raises(PulseError, match=rf"{name}: [^\n]*$"):
        strokes_of(path)


def test_a_recording_with_few_strokes_is_told_what_is_needed(tmp_path):
    with pytest.raises(PulseError, match="at least 16 strokes"):
        strokes_of(midi_file(tmp_path / "short.mid", bars=1))


def test_audio_is_read_by_whom_is_given_for_it(tmp_path):
    grid = strokes_of(midi_file(tmp_path / "rock.mid"))
    path = tmp_path / "rock.wav"
    path.touch()
    assert strokes_of(path, "funk", sound=lambda _: grid).style == "funk"
