"""taraf morph seed: trains, decodes, interpolates, and asks the thesis's questions."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

import typer
from typer.testing import CliRunner

from engine.morph.errors import MorphError
from models.commands.morph_seed import seed

from .seed_notes import RATE, tone

NAMES = [f"reed_acoustic_{k:03}-{pitch:03}-100" for k in range(4) for pitch in (60, 62)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four instruments of two notes: two to learn, one to validate on, one to test."""
    folder = tmp_path_factory.mktemp("seed") / "notes"
    (folder / "audio").mkdir(parents=True)
    rows = {}
    for number, name in enumerate(NAMES):
        pitch, instrument = int(name.split("-")[1]), number // 2
        sound = tone(pitch, 4.0 + 2.5 * instrument, 0.5 + instrument)
        soundfile.write(folder / "audio" / f"{name}.wav", sound, RATE)
        rows[name] = {
            "note_str": name, "instrument_str": name.split("-")[0], "pitch": pitch,
            "instrument_family_str": "reed", "instrument_source_str": "acoustic",
            "velocity": 100, "sample_rate": RATE,
            "split": ("train", "train", "valid", "test")[instrument],
        }  # fmt: skip
    (folder / "examples.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture(scope="module")
def learnt(data: Path) -> Path:
    folder = data.parent / "run"
    told = run("train", data, "--out", folder, "--quick", "--json")
    assert told["architecture"] == "keyed" and told["code"] == 64
    return folder


def run(*words: object) -> dict[str, object]:
    made = CliRunner().invoke(seed, [str(word) for word in words])
    if made.exception is not None and not isinstance(made.exception, SystemExit):
        raise made.exception
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert isinstance(found, dict)
    return found


def test_a_note_comes_back_with_its_phase_or_another(
    data: Path, learnt: Path, tmp_path: Path
) -> None:
    original, _ = soundfile.read(data / "audio" / f"{NAMES[6]}.wav")
    for phase in ("kept", "griffin-lim", "fast-griffin-lim"):
        out = tmp_path / f"{phase}.wav"
        given = ("--out", out, "--phase", phase, "--rounds", 4, "--json")
        assert run("sound", learnt, data, NAMES[6], *given)["phase"] == phase
        made, rate = soundfile.read(out)
        assert rate == RATE and len(made) == 4 * RATE
        energy = np.square(original).sum()
        assert np.square(made).sum() == pytest.approx(energy, rel=0.01)


def test_what_lies_between_two_notes_is_made_without_a_phase(
    data: Path, learnt: Path, tmp_path: Path
) -> None:
    out = tmp_path / "between.wav"
    given = ("--to", NAMES[7], "--share", "0.25", "--out", out, "--rounds", 4, "--json")
    told = run("sound", learnt, data, NAMES[4], *given)
    assert told["share"] == 0.25 and told["phase"] == "fast-griffin-lim"
    assert np.abs(soundfile.read(out)[0]).max() > 0.01
    with pytest.raises(MorphError, match="none to keep"):
        run("sound", learnt, data, NAMES[4], *given, "--phase", "kept")
    with pytest.raises(MorphError, match="allowed are kept"):
        run("sound", learnt, data, NAMES[4], *given, "--phase", "best")


def test_the_questions_are_answered_on_one_page(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    given = ("--out", out, "--quick", "--models", "pca,ours", "--json")
    told = run("report", data, *given)
    page = Path(str(told["page"])).read_text(encoding="utf-8")
    assert all(f"<h2>{number}. " in page for number in range(1, 6))
    assert "wording" in page and "<audio" in page
    rows = told["rows"]
    assert isinstance(rows, list) and [row["name"] for row in rows] == ["pca", "ours"]


def test_bad_datasets_and_unknown_models_are_one_line(
    data: Path, learnt: Path, tmp_path: Path
) -> None:
    with pytest.raises(MorphError, match="no such folder"):
        run("train", tmp_path / "absent")
    with pytest.raises(MorphError, match="deepest"):
        run("train", data, "--model", "deepest")
    with pytest.raises(MorphError, match="power of two"):
        run("train", data, "--n-fft", "1000")
    with pytest.raises(MorphError, match="resume"):
        run("train", data, "--out", learnt, "--quick")
    with pytest.raises(MorphError, match="has no note"):
        run("sound", learnt, data, "flute", "--out", tmp_path / "flute.wav")
    with pytest.raises(MorphError):
        run("sound", tmp_path, data, NAMES[0], "--out", tmp_path / "flute.wav")


def test_the_group_can_be_added_to_another() -> None:
    assert isinstance(seed, typer.Typer)
    assert {one.callback.__name__ for one in seed.registered_commands if one.callback} == {
        "train", "sound", "report",
    }  # fmt: skip
