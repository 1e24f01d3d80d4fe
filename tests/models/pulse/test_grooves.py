"""Grooves to learn from: MIDI files, an accompanist's library, and what a drummer makes of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")
pytest.importorskip("mido")

import mido

from models.pulse.errors import PulseError
from models.pulse.follower.grooves import LONG, crossed, gathered, read_grooves, varied
from models.pulse.follower.patterns import Part
from models.pulse.follower.scenes import SECONDS, scene
from models.pulse.takes import DRUM_OF, FAMILY_OF, NOTE, Take

needs_mma = pytest.mark.skipif(shutil.which("mma") is None, reason="needs the program mma")
KICK, SNARE, HAT, SHAKER = 36, 38, 42, 70
ROCK = ((0, KICK), (1, SNARE), (2, KICK), (3, SNARE), *((k / 2, HAT) for k in range(8)))
WALTZ = ((0, KICK), (1, SNARE), (2, SNARE), *((k, HAT) for k in range(3)))
CHARLESTON = ((0, KICK), (1.5, SNARE), *((k, HAT) for k in range(4)))
LIBRARY = """
Time 4
Timesig 4 4
SeqSize 1
DefGroove Nobody
Begin Drum-Kick
    Tone KickDrum1
    Sequence {1 0 90; 2 0 90; 3 0 90; 4 0 90}
End
DefGroove Four
DefGroove FourIntro
Begin Drum-Snare
    Tone SnareDrum1
    Sequence {1 0 80; 2 0 80; 3 0 80; 3.5 0 80; 4 0 80; 4.5 0 80}
End
DefGroove FourFill
"""


def midi(
    path: Path, bar: tuple[tuple[float, int], ...], meter: tuple[int, int] = (4, 4),
    bars: int = 2, tempo: float = 100.0, channel: int = 9,
) -> Path:  # fmt: skip
    """``bars`` of a bar of strokes (beat, pitch), and a piano on another channel."""
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    track.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    strokes = [
        (round(480 * (number * meter[0] + beat)), pitch, channel)
        for number in range(bars)
        for beat, pitch in bar
    ]
    strokes += [(round(240 * k), 60, 3) for k in range(8)]
    now = 0
    for at, pitch, played_on in sorted(strokes):
        note = mido.Message("note_on", note=pitch, velocity=90, channel=played_on, time=at - now)
        track.append(note)
        now = at
    file.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return path


def groove(bar: tuple[tuple[float, int], ...] = ROCK, beats: int = 4) -> Part:
    rows = sorted((number * beats + at, pitch, 90) for number in range(40) for at, pitch in bar)
    return Part(np.array(rows, NOTE), 100.0, beats)


def test_the_drums_of_a_midi_file_are_read_and_go_round(tmp_path: Path):
    midi(tmp_path / "a" / "rock.mid", ROCK, tempo=97.0)
    (found,) = read_grooves([tmp_path])
    assert found.beats_a_bar == 4 and abs(found.tempo_bpm - 97.0) < 0.01
    assert set(found.notes["pitch"]) == {KICK, SNARE, HAT}  # no piano
    assert LONG <= found.notes["beat"][-1] + 1.0 < LONG + 8
    kicks = found.notes["beat"][found.notes["pitch"] == KICK]
    np.testing.assert_array_equal(kicks, np.arange(len(kicks)) * 2.0)


def test_a_groove_that_is_there_twice_counts_once_and_eighths_not_at_all(tmp_path: Path):
    for name in ("one", "two"):
        midi(tmp_path / f"{name}.mid", ROCK)
    midi(tmp_path / "waltz.mid", WALTZ, (3, 4))
    midi(tmp_path / "six.midi", WALTZ, (6, 8))
    midi(tmp_path / "sparse.mid", ((0.0, KICK),), bars=30)
    assert sorted(part.beats_a_bar for part in read_grooves([tmp_path])) == [3, 4]


def test_what_is_no_groove_is_refused_by_name(tmp_path: Path):
    with pytest.raises(PulseError, match="nowhere: no such folder"):
        gathered([tmp_path / "nowhere"], tmp_path)
    with pytest.raises(PulseError, match=r"one\.mid: not a folder"):
        gathered([midi(tmp_path / "one.mid", ROCK)], tmp_path)
    midi(tmp_path / "piano" / "a.mid", ROCK, channel=0)
    with pytest.raises(PulseError, match="piano: no MIDI file with a groove"):
        gathered([tmp_path / "piano"], tmp_path)
    (tmp_path / "piano" / "b.mid").write_bytes(b"no music")
    with pytest.raises(PulseError, match=r"b\.mid: not a MIDI file"):
        gathered([tmp_path / "piano"], tmp_path)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_part_keeps_to_its_groove(seed: int):
    """Each drum has a place of its own about the beat, and stays there as a hand does."""
    on_beats = tuple(
        groove(tuple((beat, pitch) for beat, pitch in bar if beat % 1 == 0))
        for bar in (ROCK, CHARLESTON, ((0, KICK), (2, SHAKER), (3, SHAKER)))
    )
    part = varied(on_beats, np.random.default_rng(seed))
    beats = part.notes["beat"]
    assert 55.0 <= part.tempo_bpm <= 240.0 and part.beats_a_bar == 4
    assert (np.diff(beats) >= 0.0).all() and beats[0] >= 0.0 and beats[-1] > 120.0
    away = (beats - np.round(beats)) * 60.0 / part.tempo_bpm  # seconds
    for pitch in np.unique(part.notes["pitch"]):
        own = away[part.notes["pitch"] == pitch]
        assert abs(np.mean(own)) < 0.1 and np.std(own) < 0.025
    assert part.notes["velocity"].min() >= 5 and part.notes["velocity"].max() <= 127
    again = varied(on_beats, np.random.default_rng(seed))
    np.testing.assert_array_equal(part.notes, again.notes)


def test_crossed_grooves_have_the_feet_of_one_and_the_hands_of_another():
    rock, other = groove().notes, groove(((0.5, KICK), (2.5, SHAKER), (3.5, HAT))).notes
    both = crossed(rock, other, low=True)

    def low(notes):
        return np.array([FAMILY_OF[DRUM_OF[p]] < 2 if p in DRUM_OF else False for p in notes])

    ours, end = rock[low(rock["pitch"])], other["beat"][-1]
    np.testing.assert_array_equal(both[low(both["pitch"])], ours[ours["beat"] < end])
    assert set(both["pitch"]) == {KICK, SNARE, SHAKER, HAT}
    np.testing.assert_array_equal(crossed(rock, other[:3], low=True), rock)  # too short to mix


def test_a_third_of_the_scenes_are_out_of_the_library(tmp_path: Path):
    """Its grooves alone have a closed triangle here."""
    midi(tmp_path / "take.mid", ROCK, bars=60)
    take = Take(tmp_path / "take.mid", "drummer1", "rock", 100.0, "4-4", False, "train", 144.0)
    ringing = tuple(groove(((0, KICK), *((k / place, 80) for k in range(4)))) for place in (1, 2))

    def share(grooves: tuple[Part, ...]) -> float:
        scenes = [
            scene([take], (), np.random.default_rng(seed), "steady", grooves=grooves)
            for seed in range(150)
        ]
        assert all(made.piece.seconds == SECONDS for made in scenes)
        drums = [made.piece.strokes[made.piece.strokes["channel"] == 9] for made in scenes]
        return float(np.mean([80 in strokes["pitch"] for strokes in drums]))

    assert share(()) == 0.0
    assert 0.12 < share(ringing) < 0.32  # of those two in five play it on another drum


@needs_mma
def test_a_library_is_played_with_its_fills_the_same_each_time(tmp_path: Path):
    library = tmp_path / "library"
    library.mkdir()
    (library / "straight.mma").write_text(LIBRARY)
    told: list[float] = []
    (found,) = gathered([library], tmp_path / "kept", told=told.append)
    assert told[-1] == 1.0 and len(told) == 2  # neither the intro nor the fill is a groove
    kicks = found.notes[found.notes["pitch"] == 36]
    snares = found.notes[found.notes["pitch"] == 38]
    assert len(kicks) == 160 and len(snares) == 60
    assert set(np.round(snares["beat"]).astype(int) // 4 % 4) <= {3, 0}  # each fourth bar
    (again,) = gathered([library], tmp_path / "anew")
    np.testing.assert_array_equal(again.notes, found.notes)
    (played,) = (tmp_path / "kept").rglob("straight-Four.mid")
    played.unlink()
    (library / "straight.mma").write_text(LIBRARY + "\nNoSuchThing 1\n")
    with pytest.raises(PulseError, match=r"mma cannot play straight-.*NoSuchThing") as refused:
        gathered([library], tmp_path / "kept")
    assert "\n" not in str(refused.value)
    assert not list((tmp_path / "kept").rglob("*.mid"))


def test_without_the_program_a_library_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "straight.mma").write_text(LIBRARY)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PulseError, match="played by mma, which is not installed"):
        gathered([tmp_path], tmp_path / "kept")
