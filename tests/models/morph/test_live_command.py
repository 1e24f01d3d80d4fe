"""taraf train morph: from a folder of notes to a file that plays, with one command."""

import json
from pathlib import Path

import pytest
import soundfile

pytest.importorskip("torch")

from engine.cli import main
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
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = (
        "train", "morph", "--data", data, "--out", tmp_path / "out", "--runs", tmp_path / "runs",
        "--minutes", "0.02", "--width", "32", "--grid", "live", "--latents", "8", "--threads", "1",
        "--json",
    )  # fmt: skip
    assert run(*given) == 0
    told = json.loads(capsys.readouterr().out)
    model = read_morph(told["model"])
    assert told["notes"] == len(model.notes) == 6 and model.latents == 8
    assert [row["name"] for row in told["scores"]][-1] == "network"
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
