"""Datasets out of a SoundFont: what is rendered, what stays out, stopping and going on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.morph.errors import MorphError
from models.morph.measures import cents, decibels, magnitudes, rmse_db
from models.morph.notes import RATE, read_notes
from models.morph.notes.font import samples_of, together
from models.morph.notes.instruments import (
    INSTRUMENTS,
    STANDARD,
    TEST,
    VALID,
    WIDE,
    instruments_of,
    numbers_of,
)
from models.morph.notes.render import Order, render
from models.morph.notes.synth import SYNTH_RATE, library, third

FONTS = Path("/usr/share/sounds/sf2")
FONT = next((f for n in ("TimGM6mb", "FluidR3_GM") if (f := FONTS / f"{n}.sf2").exists()), None)


def _lacking():
    try:
        library()
    except MorphError as error:
        return str(error)
    return "" if FONT else f"needs a SoundFont in {FONTS}"


LACKING = _lacking()
needs_fluidsynth = pytest.mark.skipif(bool(LACKING), reason=LACKING or "all is there")


def order(**changes):
    given = {"instruments": instruments_of("0,56,73"), "pitches": (60, 67), "velocities": (50, 120)}
    return Order(FONT, **(given | {"seconds": 0.5} | changes))


@needs_fluidsynth
def test_a_rendered_dataset_is_in_tune_and_split_by_instrument(tmp_path):
    done = render(tmp_path / "n", order(seconds=1.5), jobs=2)
    assert (done.notes, done.rendered, done.kept, done.silent) == (12, 12, 0, 0)
    assert done.splits == {"train": 4, "valid": 4, "test": 4}
    notes = read_notes(tmp_path / "n")
    assert notes.instruments == (
        "keyboard_acoustic_000", "brass_acoustic_056", "flute_acoustic_073",
    )  # fmt: skip
    for note in notes:
        assert abs(cents(note.sound(), note.pitch, RATE)) < 20.0
    row = next(iter(json.loads((tmp_path / "n" / "examples.json").read_text()).values()))
    assert row["instrument_family"] == 4 and row["sample_rate"] == 16000 and row["note"] == 0
    assert set(row) >= {"note_str", "instrument", "instrument_source", "qualities", "qualities_str"}


@needs_fluidsynth
def test_levels_of_velocities_are_kept_and_the_end_is_faded(tmp_path):
    render(tmp_path / "n", order())
    soft, hard = (note.sound(0.5) for note in read_notes(tmp_path / "n").notes[:2])
    assert 2.0 < np.abs(hard).max() / np.abs(soft).max() < 20.0
    assert abs(hard[-1]) < 1e-3


@needs_fluidsynth
def test_the_same_order_gives_the_same_samples_with_any_number_of_jobs(tmp_path):
    for jobs in (1, 3):
        render(tmp_path / str(jobs), order(), jobs)
    one, three = (sorted((tmp_path / n / "audio").iterdir()) for n in "13")
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in three]


@needs_fluidsynth
def test_what_is_there_is_kept_and_what_is_not_is_rendered(tmp_path):
    render(tmp_path, order())
    for path in sorted((tmp_path / "audio").iterdir())[:5]:
        path.unlink()
    (tmp_path / "examples.json").unlink()
    told = []
    done = render(tmp_path, order(), told=lambda n, of: told.append((n, of)))
    assert (done.rendered, done.kept) == (5, 7)
    assert told[-1] == (12, 12) and told == sorted(told)


@needs_fluidsynth
def test_another_order_does_not_mix_with_the_notes_that_are_there(tmp_path):
    render(tmp_path / "n", order())
    with pytest.raises(MorphError, match=r"holds notes of another order \(pitches\)"):
        render(tmp_path / "n", order(pitches=(60,)))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "song.txt").write_text("")
    with pytest.raises(MorphError, match="give a new folder"):
        render(tmp_path / "mine", order())


@needs_fluidsynth
def test_a_failure_leaves_no_dataset_and_the_same_order_goes_on(tmp_path):
    def full(done, of):
        if done == 5:
            raise OSError(28, "No space left on device", str(tmp_path))

    with pytest.raises(MorphError, match="No space left"):
        render(tmp_path / "n", order(), 1, full)
    with pytest.raises(MorphError, match="is not rendered to its end; the same command goes on"):
        read_notes(tmp_path / "n")
    assert not list((tmp_path / "n" / "audio").glob("*.part"))
    assert render(tmp_path / "n", order()).kept == 5


@needs_fluidsynth
def test_ctrl_c_leaves_whole_notes_that_the_next_run_keeps(tmp_path):
    out = tmp_path / "n"
    given = ["notes", "render", str(out), "--soundfont", str(FONT), "--instruments", "0,56,73"]
    command = [sys.executable, "-c", "import sys; from engine.cli import main; sys.exit(main())"]
    with subprocess.Popen([*command, *given], stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and len(list(out.glob("audio/*.flac"))) < 3:
            time.sleep(0.01)
        os.kill(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=30)
    assert run.returncode == 130 and "the same command goes on" in said
    assert not (out / "examples.json").exists() and not list(out.glob("audio/*.part"))
    kept = len(list(out.glob("audio/*.flac")))
    assert 3 <= kept < 225


@needs_fluidsynth
def test_the_command_tells_all_as_json(tmp_path, capsys):
    given = ["--soundfont", str(FONT), "--instruments", "flute", "--pitches", "60,72"]
    given += ["--velocities", "90", "--seconds", "0.3", "--json"]
    assert main(["notes", "render", str(tmp_path / "n"), *given]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["notes"] == 16 and told["splits"]["train"] == 12
    assert main(["notes", "check", str(tmp_path / "n"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["instruments"]["test"] == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--instruments", "tuba"], "'tuba' is unknown; allowed are standard, wide, all, bass"),
        (["--instruments", "127"], "program 127 has no pitch"),
        (["--pitches", "84-36"], "pitches: 84-36 is not within 0 to 127, rising"),
        (["--pitches", "x"], "pitches: 'x' is none"),
        (["--velocities", "0"], "velocities: 0 is not within 1 to 127"),
        (["--seconds", "0"], "seconds = 0 is outside 0.1 to 60"),
        (["--soundfont", "no.sf2"], "no.sf2: there is no such SoundFont"),
    ],
)
def test_a_wrong_word_is_one_line_and_makes_no_folder(tmp_path, capsys, given, told):
    if "--soundfont" not in given:
        (tmp_path / "a.sf2").write_bytes(b"none")
        given = [*given, "--soundfont", str(tmp_path / "a.sf2")]
    assert main(["notes", "render", str(tmp_path / "n"), *given]) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1
    assert not (tmp_path / "n").exists()


def test_a_file_that_is_no_soundfont_is_one_line_and_makes_no_folder(tmp_path, capsys):
    (tmp_path / "text.wav").write_text("no font")
    given = ["--soundfont", str(tmp_path / "text.wav"), "--instruments", "0", "--pitches", "60"]
    assert main(["notes", "render", str(tmp_path / "n"), *given]) == 2
    said = capsys.readouterr().err
    assert "text.wav: is no SoundFont (.sf2, .sf3)" in said and said.count("\n") == 1
    assert not (tmp_path / "n").exists()


@needs_fluidsynth
def test_a_soundfont_that_is_broken_is_one_line_and_makes_no_folder(tmp_path):
    (tmp_path / "a.sf2").write_bytes(b"RIFF\0\0\0\0sfbk" + bytes(200))
    with pytest.raises(MorphError, match="FluidSynth cannot read it as a SoundFont"):
        render(tmp_path / "n", Order(tmp_path / "a.sf2"))
    assert not (tmp_path / "n").exists()


@pytest.mark.skipif(not (FONTS / "FluidR3_GM.sf2").exists(), reason="needs FluidR3_GM.sf2")
def test_the_standard_instruments_share_no_recording():
    font = FONTS / "FluidR3_GM.sf2"
    assert together(font, STANDARD) == []
    assert frozenset((0, 1)) in together(font, (0, 1, 2))  # the bright piano is the grand piano
    splits = Order(font).splits()
    assert {p for p, s in splits.items() if s == "test"} == set(TEST)
    assert {p for p, s in splits.items() if s == "valid"} == set(VALID)


@pytest.mark.skipif(not (FONTS / "FluidR3_GM.sf2").exists(), reason="needs FluidR3_GM.sf2")
def test_of_the_wide_instruments_no_recording_is_learnt_and_held_out():
    font = FONTS / "FluidR3_GM.sf2"
    splits = Order(font, instruments_of("wide")).splits()
    assert len(splits) == len(WIDE) == 100 and set(STANDARD) <= set(WIDE)
    assert {p for p, s in splits.items() if s == "test"} == set(TEST)
    assert {p for p, s in splits.items() if s == "valid"} == set(VALID)
    assert all(len({splits[p] for p in pair}) == 1 for pair in together(font, WIDE))


@needs_fluidsynth
def test_programs_made_of_the_same_recordings_stay_on_one_side_of_the_split():
    everyone = tuple(INSTRUMENTS.values())
    splits = order(instruments=everyone).splits()
    tied = together(FONT, splits)
    assert tied and all(len({splits[p] for p in pair}) == 1 for pair in tied)


def test_a_file_that_is_no_soundfont_names_no_samples(tmp_path):
    for data in (b"", b"RIFF", b"RIFF" + bytes(100), b"RIFF\0\0\0\0sfbkLIST" + bytes(50)):
        (tmp_path / "a.sf2").write_bytes(data)
        assert samples_of(tmp_path / "a.sf2") == {}


def test_numbers_are_named_as_spans_and_steps():
    assert numbers_of("60,36-40:2, 62", 0, 127) == (36, 38, 40, 60, 62)
    assert len(numbers_of("36-84:2", 0, 127)) == 25 and len(STANDARD) == len(set(STANDARD)) == 52


def test_the_rate_is_lowered_without_aliases_or_delay():
    t = np.arange(3 * 16384) / SYNTH_RATE
    low = 0.5 * np.sin(2 * np.pi * 1000.0 * t) * np.hanning(len(t))
    high = 0.5 * np.sin(2 * np.pi * 9000.0 * t) * np.hanning(len(t))
    np.testing.assert_allclose(third(low), low[::3], atol=1e-4)
    assert np.abs(third(high)).max() < 1e-4
    assert rmse_db(*(decibels(magnitudes(s)) for s in (third(low + high), low[::3]))) < 1.0
