"""taraf sampler score, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

pytest.importorskip("scipy")
pytest.importorskip("librosa")

from engine.sampler.errors import SamplerError
from engine.soundfiles import SoundError
from models.commands.sampler_score import score

RATE = 16_000
app = typer.Typer()
app.command()(score)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """source.wav: 4 s of notes; dream.flac: stereo, at another rate, its first three."""
    t = np.arange(RATE) / RATE
    notes = [np.exp(-4 * t) * np.sin(2 * np.pi * hertz * t) for hertz in (220, 330, 262, 196)]
    soundfile.write(tmp_path / "source.wav", 0.5 * np.concatenate(notes), RATE)
    dream = np.interp(
        np.arange(0, 3 * RATE, RATE / 22_050), np.arange(4 * RATE), np.concatenate(notes)
    )
    soundfile.write(tmp_path / "dream.flac", 0.3 * np.stack([dream, dream], 1), 22_050)
    return tmp_path


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_a_table_tells_values_limits_and_grades(files: Path) -> None:
    told = run(files / "dream.flac", "--source", files / "source.wav")
    assert told.exit_code == 0, told.output
    for word in ("free of artefacts", "is no literal copy", "<= 0.9", "Low", "does not pass"):
        assert word in told.output


def test_json_is_one_object(files: Path) -> None:
    told = run(files / "dream.flac", "--source", files / "source.wav", "--json")
    found = json.loads(told.output)
    assert found["criteria"]["C3"]["grade"] == "Low" and found["passed"] is False
    assert found["rate"] == RATE and found["seconds"] == pytest.approx(3.0, abs=0.01)


def test_bad_files_are_told_in_one_line(files: Path) -> None:
    soundfile.write(files / "short.wav", np.ones(100), RATE)
    soundfile.write(files / "silent.wav", np.zeros(RATE), RATE)
    (files / "text.wav").write_text("no sound")
    bad = {
        ("none.wav", "source.wav"): (SoundError, "none.wav: there is no such file"),
        ("text.wav", "source.wav"): (SoundError, "text.wav: is not audio"),
        ("short.wav", "source.wav"): (SamplerError, "short.wav: lasts 0.01 s"),
        ("dream.flac", "silent.wav"): (SamplerError, "silent.wav: the source is silent"),
    }
    for (out, source), (kind, told) in bad.items():
        error = run(files / out, "--source", files / source).exception
        assert isinstance(error, kind) and told in str(error) and "\n" not in str(error)
