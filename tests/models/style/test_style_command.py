"""taraf style, as it is typed: transfer, texture, separate; and what is refused."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")
pytest.importorskip("librosa")

from typer.testing import CliRunner

from engine import cli
from models.commands.style import style
from models.commands.style_separate import _names
from models.style.folder import Folder

from .style_sounds import RATE, breathy, plucked

QUICK = ("--iterations", "4", "--threads", "1", "--device", "cpu")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """tune.wav, air.flac (stereo, another rate), both 1.5 s; a run's folder goes beside them."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("tune.wav", plucked(1.5), RATE)
    air = breathy(1.5, rate=44_100)
    soundfile.write("air.flac", np.stack([air, 0.5 * air], 1), 44_100)
    return tmp_path


def run(*words: object) -> Any:
    return CliRunner().invoke(style, [str(word) for word in words])


def told(*words: object) -> dict[str, Any]:
    made = run(*words, "--json")
    assert made.exit_code == 0, made.output
    found: dict[str, Any] = json.loads(made.stdout)
    return found


def test_a_transfer_leaves_a_sound_a_page_and_a_run(files: Path) -> None:
    found = told("transfer", "tune.wav", "air.flac", "out.wav", *QUICK, "--preview", 2)
    sound, rate = soundfile.read("out.wav", always_2d=True)
    assert sound.shape == (round(1.5 * RATE), 1) and rate == RATE == found["rate"]
    assert found["ended"] == "done" and found["iterations"] == 4 and found["loss"] > 0
    assert set(found["figures"]["air"]) == {"onsets", "pitch", "reached", "copied_s"}
    left = {path.name for path in (files / "runs" / "style" / "out").iterdir()}
    assert left == {"settings.json", "checkpoint.pt", "curve.json", "preview.wav", "result.wav"}
    page = Path(found["page"]).read_text()
    assert page.count("<audio") == 3 and page.count("data:image/png") == 4
    assert "http" not in page.replace("http-equiv", "")


def test_stereo_stays_and_mono_is_asked_for(files: Path) -> None:
    both = told("transfer", "air.flac", "tune.wav", "both.flac", *QUICK, "--no-page")
    one = told("transfer", "air.flac", "tune.wav", "one.wav", *QUICK, "--no-page", "--mono",
               "--rate", 22_050)  # fmt: skip
    assert (both["channels"], both["rate"]) == (2, 44_100) and both["page"] == ""
    assert (one["channels"], one["rate"]) == (1, 22_050)


def test_several_styles_are_shown_each(files: Path) -> None:
    found = told("transfer", "tune.wav", "air.flac", "tune.wav", "out.wav", *QUICK,
                 "--share", 3, "--share", 1)  # fmt: skip
    assert set(found["figures"]) == {"air", "tune"}
    assert Path(found["page"]).read_text().count("<audio") == 4


@pytest.mark.parametrize(
    "options",
    [
        ("--engine", "filters", "--filters", 32, "--content", 1),
        ("--engine", "residual", "--filters", 16, "--rhythm", 1, "--content-bands", 16),
        ("--path", "griffin-lim"),
        ("--match-key", "--match-tempo", "--start", "noise"),
    ],
)
def test_other_engines_and_ways_give_a_sound(files: Path, options: tuple[object, ...]) -> None:
    found = told("transfer", "tune.wav", "air.flac", "out.wav", *QUICK, "--no-page", *options)
    assert found["channels"] == 1 and np.isfinite(soundfile.read("out.wav")[0]).all()


def test_a_transfer_goes_on_where_it_was(files: Path) -> None:
    words = ("transfer", "tune.wav", "air.flac", "out.wav", "--no-page", "--threads", 1)
    told(*words, "--iterations", 3)
    more = told(*words, "--iterations", 5, "--resume")
    assert more["iterations"] == 5 and more["evaluations"] >= 6
    other = run(*words, "--resume", "--timbre", 9)
    assert "timbre was" in str(other.exception)
    asked = json.loads(Path("runs/style/out/settings.json").read_text())
    assert asked["timbre"] != 9 and asked["iterations"] == 5


def test_ctrl_c_keeps_the_best_and_says_so(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Folder.preview

    def preview(self: Folder, progress: Any) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return kept(self, progress)

    assert threading.current_thread() is threading.main_thread()
    monkeypatch.setattr(Folder, "preview", preview)
    made = run("transfer", "tune.wav", "air.flac", "out.wav", "--iterations", 500, "--preview", 2,
               "--no-page", "--json", "--threads", 1)  # fmt: skip
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert found["ended"] == "stopped" and 2 <= found["iterations"] < 500
    assert made.stderr.count("\n") == 1 and "--resume" in made.stderr
    assert len(soundfile.read("out.wav")[0]) == round(1.5 * RATE)


def test_a_texture_is_as_long_as_asked(files: Path) -> None:
    found = told("texture", "air.flac", "out.wav", *QUICK, "--seconds", 2, "--mono",
                 "--rate", 22_050)  # fmt: skip
    assert found["length_s"] == 2.0 and set(found["parts"]) == {"harmony", "timbre", "rhythm"}
    assert Path(found["page"]).read_text().count("<audio") == 2


def test_stems_add_up_to_the_mix(files: Path) -> None:
    air = breathy(1.5)
    soundfile.write("air.wav", air, RATE)
    soundfile.write("mix.wav", plucked(1.5) + air, RATE, subtype="FLOAT")
    found = told("separate", "mix.wav", "tune.wav", "air.wav", "stems", *QUICK)
    assert list(found["stems"]) == ["tune", "air"]
    total = sum(soundfile.read(path)[0] for path in found["stems"].values())
    np.testing.assert_allclose(total, soundfile.read("mix.wav")[0], atol=2e-3)
    assert Path(found["page"]).read_text().count("<audio") == 5
    rest = told("separate", "mix.wav", "tune.wav", "one", *QUICK, "--no-page")
    assert list(rest["stems"]) == ["tune", "rest"]


def test_stems_of_examples_of_one_name_do_not_overwrite_each_other() -> None:
    assert _names([Path("a/x.wav"), Path("b/x.wav")]) == ["x", "x-2", "rest"]
    assert _names([Path("rest.wav")]) == ["rest", "rest-of-it"]
    alike = [Path("a/x.wav"), Path("x-3.wav"), Path("b/x.wav"), Path("c/x.wav")]
    assert _names(alike) == ["x", "x-3", "x-2", "x-4", "rest"]


@pytest.mark.parametrize("out", [".", "linked", "sub/.."])
def test_a_stem_is_never_written_over_a_sound_that_was_given(
    files: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    Path("linked").symlink_to(files)
    Path("sub").mkdir()
    soundfile.write("mix.wav", plucked(1.5) + breathy(1.5), RATE)
    kept = Path("tune.wav").read_bytes()
    before = set(files.rglob("*"))
    assert cli.main(["style", "separate", "mix.wav", "tune.wav", "air.flac", out]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "written over tune.wav; give another folder" in lines[0]
    Path("rest.wav").symlink_to("mix.wav")
    assert cli.main(["style", "separate", "mix.wav", "air.flac", out]) == 2
    assert "written over mix.wav" in capsys.readouterr().err
    Path("rest.wav").unlink()
    assert set(files.rglob("*")) == before and Path("tune.wav").read_bytes() == kept


def test_two_stems_that_would_be_one_file_are_refused(files: Path) -> None:
    soundfile.write("mix.wav", plucked(1.5) + breathy(1.5), RATE)
    Path("stems").mkdir()
    Path("stems/air.wav").symlink_to("tune.wav")
    made = run("separate", "mix.wav", "tune.wav", "air.flac", "stems")
    assert "is one file with" in str(made.exception)
    assert [path.name for path in Path("stems").iterdir()] == ["air.wav"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("transfer no.wav air.flac out.wav", "no.wav: there is no such file"),
        ("transfer tune.wav air.flac out.txt", "out.txt"),
        ("transfer tune.wav text.wav out.wav", "text.wav: is not audio"),
        ("transfer tune.wav silent.wav out.wav", "silent.wav: is silent"),
        ("transfer short.wav air.flac out.wav", "short.wav: 0.10 s are too short"),
        ("transfer tune.wav air.flac out.wav --rate 100", "8000 to 48000"),
        ("transfer tune.wav air.flac out.wav --engine x", "closed, filters, residual"),
        ("transfer tune.wav air.flac out.wav --path x", "samples, griffin-lim"),
        ("transfer tune.wav air.flac out.wav --share 1 --share 2", "2 shares for 1 styles"),
        ("transfer tune.wav air.flac out.wav --timbre -1", "--timbre"),
        ("texture air.flac out.wav --seconds 900", "1.5 to 60"),
        ("separate tune.wav air.flac stems.wav", "a folder"),
        ("separate tune.wav silent.wav stems", "silent.wav: is silent"),
        ("separate long.wav air.flac stems", "at most 60 s are separated"),
    ],
)
def test_mistakes_are_told_in_one_line_and_leave_nothing(
    files: Path, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    Path("text.wav").write_text("words")
    soundfile.write("silent.wav", np.zeros(RATE), RATE)
    soundfile.write("short.wav", plucked(1.5)[: RATE // 10], RATE)
    soundfile.write("long.wav", np.tile(plucked(1.5, rate=8_000), 41), 8_000)
    before = set(files.rglob("*"))
    assert cli.main(["style", *words.split()]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and said in lines[0]
    assert set(files.rglob("*")) == before
