"""Datasets in NSynth's layout: what is read, who is held out, and what is refused in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.morph.errors import MorphError
from models.morph.notes import RATE, read_notes
from models.morph.notes.check import check
from models.morph.notes.splits import by_instrument

SHARED = Path(__file__).parents[4] / "shared" / "data" / "notes"
INSTRUMENTS = {
    "reed_acoustic_000": "reed",
    "reed_acoustic_001": "reed",
    "bass_synthetic_000": "bass",
}
SEVEN = {f"{family}_acoustic_{k:03}": family for family in ("reed", "brass") for k in range(3)} | {
    "vocal_acoustic_000": "vocal"
}


def tone(pitch, velocity, partial=1, rate=RATE, seconds=4.0):
    t = np.arange(round(rate * seconds)) / rate
    hertz = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
    return 0.005 * velocity * np.sin(2 * np.pi * hertz * t) * np.sin(0.5 + partial * hertz * t)


def row(name, instrument, pitch=60, velocity=100, **changes):
    family, source, _ = instrument.rsplit("_", 2)
    return {
        "note_str": name, "instrument_str": instrument, "instrument_family_str": family,
        "instrument_source_str": source, "pitch": pitch, "velocity": velocity,
        "sample_rate": RATE,
    } | changes  # fmt: skip


def write(folder, instruments=INSTRUMENTS, velocities=(50, 100), suffix="wav", **changes):
    (folder / "audio").mkdir(parents=True)
    rows = {}
    for number, instrument in enumerate(instruments, 1):
        for velocity in velocities:
            name = f"{instrument}-060-{velocity:03}"
            rows[name] = row(name, instrument, **({"velocity": velocity} | changes))
            sound = tone(60, velocity, number)
            soundfile.write(folder / "audio" / f"{name}.{suffix}", sound, RATE)
    (folder / "examples.json").write_text(json.dumps(rows))
    return folder


def complaint(folder):
    with pytest.raises(MorphError) as caught:
        read_notes(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_folder_is_read_with_all_that_its_names_say(tmp_path, suffix):
    notes = read_notes(write(tmp_path / "n", suffix=suffix))
    assert len(notes) == 6 and notes.instruments == tuple(INSTRUMENTS)
    note = notes.notes[1]
    assert (note.family, note.source, note.pitch, note.velocity) == ("reed", "acoustic", 60, 100)
    sound = note.sound()
    assert sound.shape == (64000,) and sound.dtype == np.float32
    np.testing.assert_allclose(sound, tone(60, 100, 1), atol=1e-4)


def test_no_instrument_is_in_two_splits_so_that_no_velocity_leaks(tmp_path):
    notes = read_notes(write(tmp_path / "n", SEVEN))
    splits = {name: {n.split for n in notes if n.instrument == name} for name in SEVEN}
    assert all(len(found) == 1 for found in splits.values())
    assert {next(iter(found)) for found in splits.values()} == {"train", "valid", "test"}
    assert splits["vocal_acoustic_000"] == {"train"}  # the only one of its family


def test_a_split_is_the_same_in_any_order_and_keeps_ties_together():
    turned = dict(reversed(SEVEN.items()))
    assert by_instrument(SEVEN) == by_instrument(turned)
    names = sorted(SEVEN)
    tied = [frozenset(names[:2]), frozenset(names[1:3])]
    found = by_instrument(SEVEN, tied)
    assert len({found[name] for name in names[:3]}) == 1
    with pytest.raises(MorphError, match="same recordings"):
        by_instrument(SEVEN, [frozenset(SEVEN)])


def test_two_instruments_are_one_to_learn_and_one_that_judges(tmp_path):
    notes = read_notes(write(tmp_path / "n", dict(list(INSTRUMENTS.items())[1:])))
    assert len(notes.of("train").instruments) == len(notes.of("test").instruments) == 1
    assert notes.of("valid").notes == notes.of("test").notes
    assert "no valid set" in notes.warnings[0]


def test_three_folders_as_nsynth_is_unpacked_are_its_own_splits(tmp_path):
    for split, name in zip(("train", "valid", "test"), INSTRUMENTS, strict=True):
        write(tmp_path / f"nsynth-{split}", {name: INSTRUMENTS[name]})
    notes = read_notes(tmp_path)
    assert [note.split for note in notes] == ["train"] * 2 + ["valid"] * 2 + ["test"] * 2


def test_valid_and_test_may_share_instruments_as_in_nsynth_but_it_is_told(tmp_path):
    write(tmp_path / "nsynth-train", {"reed_acoustic_000": "reed"})
    write(tmp_path / "nsynth-valid", {"reed_acoustic_001": "reed"}, (50,))
    write(tmp_path / "nsynth-test", {"reed_acoustic_001": "reed"}, (100,))
    assert "in valid and in test" in read_notes(tmp_path).warnings[0]


def test_an_instrument_that_is_learnt_and_held_out_is_refused(tmp_path):
    write(tmp_path / "train", {"reed_acoustic_000": "reed"}, (50,))
    write(tmp_path / "test", {"reed_acoustic_000": "reed"}, (100,))
    assert "reed_acoustic_000 is in train and in another split" in complaint(tmp_path)


def test_notes_that_say_their_split_keep_it(tmp_path):
    folder = write(tmp_path / "n")
    rows = json.loads((folder / "examples.json").read_text())
    for each in rows.values():
        each["split"] = "test" if each["instrument_family_str"] == "bass" else "train"
    (folder / "examples.json").write_text(json.dumps(rows))
    assert read_notes(folder).of("test").instruments == ("bass_synthetic_000",)
    del next(iter(rows.values()))["split"]
    (folder / "examples.json").write_text(json.dumps(rows))
    assert "has no split" in complaint(folder)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_other_rates_are_resampled_and_other_lengths_cut_or_filled(tmp_path, rate):
    folder = write(tmp_path / "n", sample_rate=rate)
    for path in sorted((folder / "audio").iterdir()):
        soundfile.write(path, np.stack([tone(60, 100, 1, rate, 1.5)] * 2, 1), rate)
    sound = read_notes(folder).notes[0].sound()
    assert sound.shape == (64000,) and not sound[24100:].any()
    np.testing.assert_allclose(sound[200:23800], tone(60, 100, 1)[200:23800], atol=1e-3)
    assert read_notes(folder).notes[0].sound(0.5).shape == (8000,)


def test_a_file_at_another_rate_than_its_dataset_says_is_refused(tmp_path):
    folder = write(tmp_path / "n")
    soundfile.write(folder / "audio" / "reed_acoustic_000-060-050.wav", tone(60, 9), 44100)
    assert "is at 44100 Hz, its dataset says 16000 Hz" in complaint(folder)


def test_missing_sounds_are_counted_in_one_line(tmp_path):
    folder = write(tmp_path / "n")
    for path in sorted((folder / "audio").iterdir())[:3]:
        path.unlink()
    assert "is missing, as 2 more are" in complaint(folder)
    for path in (folder / "audio").iterdir():
        path.unlink()
    (folder / "audio").rmdir()
    assert "audio: No such file or directory" in complaint(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": {"pitch": 60', "is broken JSON at line 1"),
        ("[1, 2]", "is a JSON list"),
        ("{}", "holds no notes"),
        ('{"a": 5}', "'a' is no object"),
        ('{"../../a": {}}', "is no name of a file"),
        ("[" * 100_000, "is no JSON"),
        ("\0\0", "is broken JSON"),
    ],
)  # fmt: skip
def test_a_broken_list_is_refused_in_one_line(tmp_path, text, told):
    folder = write(tmp_path / "n")
    (folder / "examples.json").write_text(text)
    assert told in complaint(folder)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pitch": 128}, "pitch = 128; it is a whole number from 0 to 127"),
        ({"pitch": "60"}, "pitch = '60'"),
        ({"velocity": True}, "velocity = True"),
        ({"sample_rate": 10**30}, "sample_rate = 1000"),
        ({"instrument_str": None}, "instrument_str = None; a name is wanted"),
        ({"split": "dev"}, "split = 'dev' is none of train, valid, test"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_note(tmp_path, changes, told):
    folder = write(tmp_path / "n", **changes)
    line = complaint(folder)
    assert told in line and "reed_acoustic_000-060-050" in line


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"", "is empty"), (b"not a sound at all", "is not audio")],
)
def test_a_sound_that_is_none_is_named(tmp_path, data, told):
    folder = write(tmp_path / "n")
    (folder / "audio" / "reed_acoustic_000-060-050.wav").write_bytes(data)
    assert told in complaint(folder)


def test_a_sound_of_a_few_samples_is_no_note(tmp_path):
    folder = write(tmp_path / "n")
    soundfile.write(folder / "audio" / "reed_acoustic_000-060-050.wav", np.ones(20), RATE)
    assert "is too short: 20 frames" in complaint(folder)


def test_one_instrument_has_nobody_to_judge_it(tmp_path):
    folder = write(tmp_path / "n", {"reed_acoustic_000": "reed"})
    assert "holds one instrument (reed_acoustic_000)" in complaint(folder)


def test_folders_that_are_no_dataset_are_refused(tmp_path):
    assert "there is no such folder" in complaint(tmp_path / "none")
    (tmp_path / "file").write_text("")
    assert "is no folder" in complaint(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert "holds neither examples.json nor" in complaint(tmp_path / "empty")
    write(tmp_path / "half" / "valid")
    assert "nothing to learn from" in complaint(tmp_path / "half")


def test_pairs_have_one_pitch_one_velocity_and_two_instruments(tmp_path):
    pairs = list(read_notes(write(tmp_path / "n")).pairs())
    assert len(pairs) == 6
    assert all(a.velocity == b.velocity and a.instrument != b.instrument for a, b in pairs)


def test_a_check_finds_notes_that_were_learnt_at_another_velocity(tmp_path):
    folder = write(tmp_path / "n", SEVEN)
    clean = check(read_notes(folder))
    assert clean.faults == () and clean.leaked == 0.0 and clean.nearest_db > 3.0
    held = read_notes(folder).of("test").notes[0]
    learnt = read_notes(folder).of("train").notes[0]
    soundfile.write(held.path, 0.3 * learnt.sound(), RATE)
    assert check(read_notes(folder)).leaked > 0.0


def test_a_check_hears_every_note_and_names_each_that_is_broken(tmp_path):
    folder = write(tmp_path / "n")
    (folder / "audio" / "reed_acoustic_000-060-100.wav").write_bytes(b"")
    found = check(read_notes(folder))
    assert len(found.faults) == 1 and "reed_acoustic_000-060-100.wav" in found.faults[0]


@pytest.mark.skipif(not SHARED.exists(), reason="needs the notes in ../shared/data")
@pytest.mark.parametrize(("name", "count"), [("real_notes_16k", 413), ("fluidr3_notes_16k", 165)])
def test_the_shared_notes_are_read(name, count):
    notes = read_notes(SHARED / name)
    assert len(notes) == count and len(notes.of("test")) > 0
    assert np.abs(notes.notes[-1].sound()).max() > 0.01
