"""taraf train morph: from a folder of notes to a file that plays, with one command."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

from engine.cli import main
from engine.jobs import find, make
from engine.morph.file import read_morph

from .live_notes import RATE, tones


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three instruments of two notes, one of each split."""
    folder = tmp_path / "notes"
    (folder / "audio").mkdir(parents=True)
    rows = {}
    for number, note in enumerate(tones(3)):
        soundfile.write(folder / "audio" / f"{note.name}.wav", note.sound(), RATE)
        rows[note.name] = {
            "note_str": note.name, "instrument_str": note.instrument, "pitch": note.pitch,
            "instrument_family_str": "reed", "instrument_source_str": "acoustic",
            "velocity": note.velocity, "sample_rate": RATE,
            "split": ("train", "valid", "test")[number // 2],
        }  # fmt: skip
    (folder / "examples.json").write_text(json.dumps(rows))
    return folder


def run(*words: object) -> int:
    try:
        return main([str(word) for word in words]) or 0
    except SystemExit as stopped:
        return int(stopped.code or 0)


def test_one_command_learns_and_writes_a_file_that_plays(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("TARAF_JOBS", str(tmp_path / "jobs"))
    monkeypatch.setattr("engine.jobs.record._OURS", [])
    monkeypatch.setattr("engine.jobs.record.TELL_EVERY_S", 0.0)
    record = make(["train", "morph"], "train", "morph")
    monkeypatch.setenv("TARAF_JOB", str(record.folder))
    given = (
        "train", "morph", "--data", data, "--out", tmp_path / "out", "--runs", tmp_path / "runs",
        "--steps", "60", "--encoder-width", "32", "--width", "32", "--grid", "live",
        "--latents", "8", "--threads", "1",
        "--json",
    )  # fmt: skip
    assert run(*given) == 0
    told = json.loads(capsys.readouterr().out)
    model = read_morph(told["model"])
    assert told["notes"] == len(model.notes) == 6 and model.latents == 8
    scores = [(row["name"], row["split"]) for row in told["scores"]]
    assert scores[-3:] == [("network", "test"), ("PCA", "valid"), ("network", "valid")]
    assert told["steps"] == 60 and not told["interrupted"] and told["pitches"] == [57, 64]
    assert model.job["pitches"] == told["pitches"]
    assert model.job["core_seconds"] == told["core_seconds"] >= 0
    sound, rate = soundfile.read(tmp_path / "runs" / "morph" / "preview.wav")
    assert rate == RATE and np.isfinite(sound).all() and np.abs(sound).max() > 0.1
    lines = map(json.loads, (record.folder / "events.jsonl").open())
    done = [(row["done"], row["text"]) for row in lines if "done" in row]
    assert done == sorted(done, key=lambda row: row[0]) and find(record.name).state == "done"
    assert done[0][1] == "reading frames"
    assert done[-1][0] == 1.0 and done[-1][1].startswith("step 60 ")
    assert (tmp_path / "runs" / "morph" / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert run(*given) != 0
    assert "holds a training" in capsys.readouterr().err
    assert run(*given, "--resume") == 0


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--grid", "thesis"), "grid = 'thesis' is not one of quality, live"),
        (("--storage", "float8"), "storage = float8 is none of float32, bfloat16"),
        (("--name", "a/b"), "it is a file's name"),
        (("--accelerator", "tpu"), "accelerator = tpu is none of cpu, gpu"),
    ],
)
def test_a_wrong_value_is_one_line(
    data: Path, more: tuple[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", "morph", "--data", data, *more) != 0
    error = capsys.readouterr().err.strip()
    assert told in error and "Traceback" not in error and len(error.splitlines()) == 1


def broken(folder: Path, what: str) -> str:
    """Break a dataset; what must be told of it."""
    sounds, path = sorted((folder / "audio").iterdir()), folder / "examples.json"
    rows = json.loads(path.read_text())
    if what == "missing audio":
        sounds[1].unlink()
        return f"{sounds[1]}: is missing"
    if what == "wrong rate":
        soundfile.write(sounds[0], np.zeros(9000), 22_050)
        return f"{sounds[0]}: is at 22050 Hz, its dataset says 16000 Hz"
    if what == "wrong rate, found late":
        soundfile.write(sounds[1], np.zeros(9000), 22_050)
        return f"{sounds[1]}: is at 22050 Hz"
    if what == "no sound":
        soundfile.write(sounds[1], np.zeros(3), RATE)
        return f"{sounds[1]}: is too short: 3 frames"
    if what == "broken JSON":
        path.write_text(json.dumps(rows)[:-20])
        return f"{path}: is broken JSON at line 1"
    assert what == "one instrument"
    for row in rows.values():
        row.pop("split")
        row["instrument_str"] = "tone"
    path.write_text(json.dumps(rows))
    return "holds one instrument (tone)"


@pytest.mark.parametrize(
    "what",
    [
        "missing audio", "wrong rate", "wrong rate, found late", "no sound", "broken JSON",
        "one instrument",
    ],
)  # fmt: skip
def test_a_bad_dataset_is_one_line(
    data: Path, tmp_path: Path, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    told = broken(data, what)
    assert run("train", "morph", "--data", data, "--runs", tmp_path / "r", "--out", tmp_path) != 0
    error = [line for line in capfd.readouterr().err.splitlines() if line.strip()]
    assert told in error[-1] and not any("Traceback" in line for line in error)
    assert not list(tmp_path.glob("*.npz"))


def test_notes_of_odd_lengths_are_learnt_as_well(data: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted((data / "audio").iterdir())):
        sound, _ = soundfile.read(path)
        soundfile.write(path, sound[: 4001 + 977 * number], RATE)
    given = ("--steps", "3", "--width", "16", "--encoder-width", "16", "--threads", "1")
    places = ("--out", tmp_path, "--runs", tmp_path / "r")
    assert run("train", "morph", "--data", data, *given, *places) == 0
    assert len(read_morph(tmp_path / "morph.npz").notes) == 6
