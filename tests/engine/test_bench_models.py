"""The bench of models: what it prints, and that its peers play what we play; no timing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.bench.models import AGREED, BLOCK, FRAMES, builtin, error, played, run
from engine.cli import main
from engine.modelfiles import open_model
from engine.neural.compiled import compile_network
from engine.neural.network import (
    ACTIVATIONS,
    Activate,
    Array,
    Blend,
    Conv,
    Film,
    Gate,
    Network,
    Prelu,
    Signal,
    Softmax,
    Term,
)

CONSTANTS = {
    "hardtanh": (-0.4, 0.5),
    "leaky_relu": (0.1,),
    "leaky_hardtanh": (-0.3, 0.4, 0.2, 0.1),
}


def onnx_peer(network: Network) -> Any:
    pytest.importorskip("onnx", reason="onnx writes the graph that onnxruntime plays")
    from engine.bench.models.onnx_peer import OnnxPeer

    return OnnxPeer(network)


def torch_peer(network: Network, traced: bool) -> Any:
    pytest.importorskip("torch", reason="torch is the peer")
    from engine.bench.models.torch_peer import TorchPeer

    return TorchPeer(network, traced)


PEERS = {
    "onnxruntime": onnx_peer,
    "torch, eager": lambda network: torch_peer(network, False),
    "torch, traced": lambda network: torch_peer(network, True),
}
every_peer = pytest.mark.parametrize("peer", PEERS)


def difference(network: Network, peer: str) -> float:
    other = PEERS[peer](network)
    sound = np.full((network.input.channels, 30 * BLOCK), 0.5, np.float32)
    sound[0] = 0.3 * np.random.default_rng(5).standard_normal(sound.shape[1])
    return error(played(other, sound), compile_network(network).play(sound))


def weights(*shape: int) -> Array:
    """Numbers of which every test gives the seed: their count."""
    rng = np.random.default_rng(int(np.prod(shape)))
    return (0.4 * rng.standard_normal(shape)).astype(np.float32)


def all_curves() -> Network:
    """One layer for each curve there is, each with a past of its own."""
    sound = Signal(1)
    network, last = Network(sound, sound), sound
    for dilation, name in enumerate(ACTIVATIONS, 1):
        target = Signal(3)
        term = Term(last, weights(3, last.channels, 2), dilation)
        curve = Activate(name, CONSTANTS.get(name, ()))
        network.ops.append(Conv(target, (term,), weights(3), steps=(curve,)))
        last = target
    return ended(network, last)


def all_steps() -> Network:
    """Groups, gates, films, slopes, sums, a softmax, a knob, and one signal read twice."""
    sound, rows, total = Signal(2), Signal(8), Signal(2)
    gated, blended, scaled, soft = Signal(4), Signal(2), Signal(2), Signal(2)
    tanh, sigmoid = Activate("tanh"), Activate("sigmoid")
    ops = [
        Conv(rows, (Term(sound, weights(8, 2, 3), 2),), weights(8), steps=(Prelu(weights(8)),)),
        Conv(gated, (Term(rows, weights(8, 4, 2), 5, 2),), steps=(Gate(tanh, sigmoid),)),
        Conv(
            blended,
            (Term(gated, weights(4, 4, 1)), Term(rows, weights(4, 8, 4), 3)),
            weights(4),
            steps=(Blend(tanh, sigmoid),),
            total=total,
        ),
        Conv(scaled, adds=(blended,), bias=weights(2), steps=(Film(blended, total),), total=total),
        Softmax(total, soft),
    ]
    return ended(Network(sound, sound, ops), soft)


def ended(network: Network, last: Signal) -> Network:
    network.output = Signal(1)
    network.ops.append(Conv(network.output, (Term(last, weights(1, last.channels, 1)),)))
    network.check()
    return network


@every_peer
@pytest.mark.parametrize("name", ["A1 nano", "A2 lite", "LSTM 1x16", "LSTM 2x16", "GRU 1x32"])
def test_a_peer_plays_what_we_play(tmp_path: Path, name: str, peer: str) -> None:
    network = open_model(builtin.write(tmp_path, [name])[name]).network
    assert difference(network, peer) < AGREED


@every_peer
@pytest.mark.parametrize("make", [all_curves, all_steps])
def test_a_peer_plays_all_that_a_file_may_hold(make: Any, peer: str) -> None:
    assert difference(make(), peer) < AGREED


@every_peer
def test_a_peer_that_plays_another_network_is_found_out(tmp_path: Path, peer: str) -> None:
    files = builtin.write(tmp_path, ["LSTM 1x16", "LSTM 1x24"])
    ours, other = (open_model(files[name]).network for name in files)
    sound = 0.3 * np.random.default_rng(5).standard_normal((1, 4 * BLOCK)).astype(np.float32)
    assert error(played(PEERS[peer](other), sound), compile_network(ours).play(sound)) > 0.01


@pytest.mark.parametrize("name", [*builtin.SHAPES, builtin.GRU])
def test_a_built_in_model_is_a_file_that_opens(tmp_path: Path, name: str) -> None:
    model = open_model(builtin.write(tmp_path, [name])[name])
    assert model.sample_rate == builtin.RATE
    assert model.network.multiply_adds > 500


def test_the_bench_prints_a_row_for_every_block_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = builtin.write(tmp_path, ["LSTM 1x16"])["LSTM 1x16"].rename(tmp_path / "mine.nam")
    assert main(["bench", "models", str(path), "--seconds", "0.5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in found["rows"]}
    assert found["bench"] == "models"
    assert {f"mine, {frames} frames" for frames in FRAMES} <= set(rows)
    assert {"mine, share of peak", "mine, a sample at 16 frames against one at 64"} <= set(rows)
    assert {"mine, first load of a new shape", "mine, second load of a known shape"} <= set(rows)
    assert all(row["value"] >= 0 for row in rows.values())
    assert all(row["target"] for name, row in rows.items() if "load" in name)


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    paths = [builtin.write(tmp_path / folder, ["A1 nano"])["A1 nano"] for folder in ("a", "b")]
    names = [row.name for row in run(paths, 0.1).rows if "share of peak" in row.name]
    assert len(set(names)) == len(names) == 4


@pytest.mark.parametrize("text", ["not JSON", "{}"])
def test_a_bad_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "bad.nam"
    path.write_text(text)
    assert main(["bench", "models", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("taraf: ")
    assert said.count("\n") == 1
    assert "bad.nam" in said


def test_other_benches_take_no_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "start", "some.nam"]) == 2
    assert "takes no files" in capsys.readouterr().err
