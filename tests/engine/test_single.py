"""One model without a preset, and how the command line says that models are played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from modelfiles import samples

from engine.bench.models.builtin import write
from engine.cli import main
from engine.modelfiles import open_model
from engine.neural.compiled import compile_network
from engine.params import ParamError, Setting
from engine.rack import RackError
from engine.single import Playing, model_rack, with_defaults


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("m"), ["A1 nano"])["A1 nano"]


def rendered(tmp_path: Path, sound: np.ndarray, *arguments: str) -> np.ndarray:
    soundfile.write(tmp_path / "in.wav", sound, 48000, subtype="FLOAT")
    assert main(["render", str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), *arguments]) in (
        0,
        None,
    )
    made, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    return made


def test_render_plays_one_model_as_it_was_trained(model: Path, tmp_path: Path) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 3000).astype(np.float32)
    compiled = compile_network(open_model(model).network)
    compiled.settle(48000)
    made = rendered(tmp_path, sound, "--model", str(model))
    np.testing.assert_array_equal(made[:, 0], compiled.play(sound))
    np.testing.assert_array_equal(made[:, 1], made[:, 0])


def test_flags_change_what_is_heard(model: Path, tmp_path: Path) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 3000).astype(np.float32)
    raw = rendered(tmp_path, sound, "--model", str(model), "--levels", "raw")
    for flags in (["--levels", "normalized"], ["--levels", "normalised"], ["--tanh", "fast"]):
        assert np.abs(rendered(tmp_path, sound, "--model", str(model), *flags) - raw).max() > 1e-7


def test_core_compatible_is_heard_where_the_core_departs(tmp_path: Path) -> None:
    document = samples.wavenet()
    for layers in document["config"]["layers"]:
        layers["activation"] = {"type": "Hardtanh", "min_val": -0.05, "max_val": 0.05}
    path = samples.save(tmp_path / "limits.nam", document)
    sound = np.random.default_rng(1).normal(0, 0.1, 3000).astype(np.float32)
    trained = rendered(tmp_path, sound, "--model", str(path))
    core = rendered(tmp_path, sound, "--model", str(path), "--core-compatible")
    assert np.abs(trained - core).max() > 1e-6


def test_a_stereo_input_is_heard_where_the_player_says(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left, right = np.random.default_rng(1).normal(0, 0.1, (2, 3000)).astype(np.float32)
    both = np.stack([left, right], axis=1)
    alone = {name: rendered(tmp_path, x, "--model", str(model)) for name, x in
             (("left", left), ("right", right), ("mono", (left + right) / 2))}  # fmt: skip
    assert "only its" not in capsys.readouterr().err
    np.testing.assert_array_equal(rendered(tmp_path, both, "--model", str(model)), alone["left"])
    assert "only its left channel is heard" in capsys.readouterr().err
    for name, wanted in alone.items():
        made = rendered(tmp_path, both, "--model", str(model), "--channel", name)
        np.testing.assert_allclose(made, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--preset", "clean", "--model", "drive"], "one of them"),
        ([], "nothing says what to play"),
        (["--model", "drive", "--levels", "loud"], "--levels: 'loud' is not one of"),
        (["--model", "drive", "--tanh", "slow"], "--tanh: 'slow' is not one of"),
        (["--model", "drive", "--channel", "top"], "--channel: 'top' is not one of"),
        (["--preset", "clean", "--channel", "left"], "--channel is for --model"),
        (["--model", ""], "model is empty"),
        (["--model", "no such amp"], "no model is called"),
        (["--model", "qqqqqq"], "no model is called 'qqqqqq'; there are amp, "),
        (["--model", "."], "is a folder without a card"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    arguments: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "in.wav", np.zeros(100), 48000)
    assert main(["render", str(tmp_path / "in.wav"), str(tmp_path / "o.wav"), *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert complaint in said
    assert not (tmp_path / "o.wav").exists()


def test_a_preset_that_says_how_stays_and_that_is_told() -> None:
    rack = model_rack("drive", Playing(), levels="calibrated")
    same, said = with_defaults(rack, Playing("raw", "fast"))
    (link,) = same.lanes[0].chain
    assert link.settings["levels"] == "calibrated"
    assert link.settings["tanh"] == "fast"
    assert len(said) == 1
    assert "levels is 'calibrated' in the preset" in said[0]


def test_a_choice_takes_what_a_player_would_write() -> None:
    switch = Setting("off", "choice", choices=("off", "on"))
    assert [switch.check(x) for x in (True, False, "on")] == ["on", "off", "on"]
    assert Setting("1", "choice", choices=("1", "2")).check(2) == "2"
    for wrong in (1.5, "3", None, 3):
        with pytest.raises(ParamError, match="is not one of 1, 2"):
            Setting("1", "choice", choices=("1", "2")).check(wrong)
    with pytest.raises(RackError):
        model_rack("drive", Playing(), source="up")
