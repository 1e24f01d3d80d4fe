"""Compiled networks against the renders of the C++ player, RTNeural's vectors, and torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import DATA
from modelfiles.interpreter import render

from engine.modelfiles import ModelFile, open_model
from engine.neural.compiled import Compiled, compile_network

OF_PEAK = 5e-6
ROUNDING = 3e-7
"""Absolute: sums of sigmoids near 1 leave the float player itself so far from the exact value."""
GOLDEN, COVERAGE = DATA / "nam_golden", DATA / "nam_coverage"
needs_data = pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs the models in ../shared/data")


def settled(model: ModelFile, tanh: str = "exact", size: int = -1) -> Compiled:
    compiled = compile_network(model.sizes[size].network, tanh)
    compiled.settle(model.sample_rate, [0.5] * model.network.knobs)
    return compiled


def sound(path: Path) -> Any:
    found, _ = soundfile.read(path, dtype="float32")
    assert np.std(found) > 1e-4  # silence would prove nothing
    return found


def rendered() -> list[tuple[Path, Path, Path]]:
    """(model, input, render) of every file there is."""
    found = [
        (path.with_name(path.name.replace(".golden.wav", ".nam")), COVERAGE / "input.wav", path)
        for path in sorted(COVERAGE.glob("*.golden.wav"))
    ]
    for path in sorted(GOLDEN.glob("*.wav")):
        if path.stem != "input":
            model = "A2" if path.stem == "A2_lite" else path.stem
            found.append((DATA / "nam" / f"{model}.nam", GOLDEN / "input.wav", path))
    return found


@needs_data
@pytest.mark.parametrize("files", rendered(), ids=lambda files: files[2].name.split(".")[0])
def test_a_model_is_what_the_reference_renders(files: tuple[Path, Path, Path]) -> None:
    model, dry, wet = files
    opened = open_model(model, core_compatible=True)
    compiled = settled(opened, size=0 if wet.stem == "A2_lite" else -1)
    heard, wanted = sound(dry), sound(wet)
    made = compiled.play(heard)[: len(wanted)]
    allowed = OF_PEAK * np.abs(wanted).max()
    np.testing.assert_allclose(made, wanted, atol=max(allowed, ROUNDING), rtol=0)
    for block in (1, 13, 48):
        compiled.reset()
        np.testing.assert_array_equal(compiled.play(heard, block)[: len(wanted)], made)


@needs_data
def test_the_check_above_can_fail(tmp_path: Path) -> None:
    document = json.loads((DATA / "nam" / "wavenet_a1_standard.nam").read_text())
    document["weights"][16:784] = document["weights"][16:784][::-1]
    path = tmp_path / "reversed.nam"
    path.write_text(json.dumps(document))
    made = settled(open_model(path)).play(sound(GOLDEN / "input.wav"))
    wanted = sound(GOLDEN / "wavenet_a1_standard.wav")
    assert np.abs(made[: len(wanted)] - wanted).max() > 0.01 * np.abs(wanted).max()


@needs_data
@pytest.mark.parametrize("name", ["wavenet_a1_standard", "wavenet_a2_max", "lstm"])
def test_fast_tanh_is_that_of_a_plain_reference(name: str) -> None:
    model = open_model(DATA / "nam" / f"{name}.nam", core_compatible=True)
    heard = sound(GOLDEN / "input.wav")[:6000]
    warm = max(model.network.receptive_field, 24000 if model.network.is_recurrent else 0)
    warm = -(-warm // 64) * 64
    wanted = render(model.network, heard, fast=True, warm=warm)
    made = settled(model, "fast").play(heard)
    allowed = max(OF_PEAK * np.abs(wanted).max(), ROUNDING)
    assert np.abs(made - wanted).max() <= allowed
    exact = settled(model).play(heard)
    assert np.abs(made - exact).max() > 1e-7  # they are two things


@needs_data
@pytest.mark.parametrize("name", ["conv", "gru", "gru_1d", "lstm", "lstm_1d", "dense"])
def test_rtneurals_own_vectors(name: str) -> None:
    folder = DATA / "json_models" / "rtneural_vectors"
    heard = np.loadtxt(folder / f"{name}_x_python.csv", dtype=np.float32)
    wanted = np.loadtxt(folder / f"{name}_y_python.csv", dtype=np.float32)
    made = compile_network(open_model(folder / f"{name}.json").network).play(heard)
    np.testing.assert_allclose(made, wanted, atol=1e-6, rtol=0)


def recurrent_files() -> list[Path]:
    folders = [DATA / "json_models" / name for name in ("awright_ht1_muff", "guitarml")]
    files = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    return [path for path in files if "wavenetva" not in path.name]


@needs_data
@pytest.mark.parametrize("path", recurrent_files(), ids=lambda path: path.stem)
def test_captures_of_lstm_and_gru_are_those_of_torch(path: Path) -> None:
    torch = pytest.importorskip("torch")
    document = json.loads(path.read_text())
    told, weights = document["model_data"], document["state_dict"]
    kind = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[told["unit_type"]]
    heard = np.zeros((told["input_size"], 3000), np.float32)
    heard[0] = sound(DATA / "nam_golden" / "input.wav")[:3000]
    heard[1:] = 0.3
    wanted = {}
    for precision in (torch.float32, torch.float64):
        net = kind(told["input_size"], told["hidden_size"]).to(precision)
        head = torch.nn.Linear(told["hidden_size"], 1).to(precision)
        net.load_state_dict({k[4:]: torch.tensor(v) for k, v in weights.items() if k[:3] == "rec"})
        head.load_state_dict({k[4:]: torch.tensor(v) for k, v in weights.items() if k[:3] == "lin"})
        with torch.no_grad():
            given = torch.from_numpy(heard).to(precision)
            made = head(net(given.T[:, None])[0])[:, 0, 0] + told["skip"] * given[0]
        wanted[precision] = made.numpy()
    exact = wanted[torch.float64]
    made = compile_network(open_model(path).network).play(heard)
    # In single precision torch itself strays up to 2e-5 from the exact output of loud captures.
    strays = np.abs(wanted[torch.float32] - exact).max()
    np.testing.assert_allclose(made, exact, atol=max(1e-6, 3 * strays), rtol=0)


@pytest.mark.parametrize("hidden", [8, 20, 40, 64])
@pytest.mark.parametrize("unit", ["LSTM", "GRU"])
def test_a_fresh_lstm_or_gru_is_that_of_torch_to_a_millionth(
    unit: str, hidden: int, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(hidden)
    net, head = getattr(torch.nn, unit)(1, hidden), torch.nn.Linear(hidden, 1)
    state = {f"rec.{name}": value.tolist() for name, value in net.state_dict().items()}
    state |= {f"lin.{name}": value.tolist() for name, value in head.state_dict().items()}
    told = {"model": "SimpleRNN", "input_size": 1, "skip": 0, "output_size": 1, "num_layers": 1}
    told |= {"unit_type": unit, "hidden_size": hidden, "bias_fl": True}
    path = tmp_path / "fresh.json"
    path.write_text(json.dumps({"model_data": told, "state_dict": state}))
    heard = np.random.default_rng(1).normal(0, 0.3, 4000).astype(np.float32)
    with torch.no_grad():
        wanted = head(net(torch.from_numpy(heard)[:, None, None])[0])[:, 0, 0].numpy()
    assert np.std(wanted) > 1e-4
    made = compile_network(open_model(path).network).play(heard)
    np.testing.assert_allclose(made, wanted, atol=1e-6, rtol=0)


def every_file() -> list[Path]:
    nam, other = DATA / "nam", DATA / "json_models"
    return [*sorted(nam.rglob("*.nam")), *sorted(other.rglob("*.json"))]


@needs_data
@pytest.mark.parametrize("path", every_file(), ids=lambda path: path.stem)
def test_every_model_plays_the_same_at_any_block_size(path: Path) -> None:
    model = open_model(path)
    for k in range(len(model.sizes)):
        compiled = settled(model, size=k)
        heard = np.full((model.network.input.channels, 2000), 0.5, np.float32)
        heard[0] = np.random.default_rng(3).normal(0, 0.2, 2000)
        whole = compiled.play(heard)
        assert np.isfinite(whole).all()
        assert np.std(whole) > 0
        compiled.reset()
        np.testing.assert_array_equal(compiled.play(heard, 37), whole)
