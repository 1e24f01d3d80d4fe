"""What models cost a block, beside onnxruntime, torch and the core's own multiply-add peak.

Everything is timed in turn, round by round. Microseconds are medians of the rounds; a ratio is
the median of the ratios within each round, so that both sides saw the same clock and the same
neighbours. "Share of peak" counts the multiply-adds of convolutions and matrices alone: curves,
biases and sums come free. The peers play the same network, stateful, in blocks of 64 on one
thread, and must sound the same; one that is not installed has no rows. Curves are exact where a
row does not say otherwise.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from engine.bench import Report
from engine.bench.models import builtin
from engine.bench.models.loading import load_rows
from engine.bench.models.onnx_peer import OnnxPeer
from engine.bench.models.sound import sound_rows
from engine.bench.models.stream import BLOCK
from engine.bench.models.timing import Copies, Peak, Seconds, race
from engine.bench.models.torch_peer import TorchPeer
from engine.bench.models.twelve import copies_row, rack_row
from engine.library import find
from engine.modelfiles import open_model
from engine.neural.compiled import Compiled, compile_network
from engine.neural.network import (
    Activate,
    Array,
    Blend,
    Conv,
    Gate,
    Gru,
    Lstm,
    Network,
    Ssm,
    Stage,
    Step,
)

Peer = OnnxPeer | TorchPeer
FRAMES = (16, 32, 64, 128, 256, 512)
RACED = 0.75
"""The part of the time that is spent on racing; loads and racks have the rest."""
LOADED = 3
AGREED = 1e-5
AGREE_BLOCKS = 40
BENDING = ("tanh", "sigmoid", "silu")
LEAST_SHARE = {"A1 standard": 55, "A2 full": 65}
MOST_AGAINST_ONNX = {"LSTM 1x40": 0.4}
FLAT, MOST_SMALL = ("A1 standard", "A2 full", "LSTM 1x40"), 1.4


def run(files: Sequence[Path] = (), seconds: float = 60.0) -> Report:
    """Rows for ``files``, or for random weights in the community's shapes; about ``seconds``."""
    report = Report("models")
    with tempfile.TemporaryDirectory() as folder:
        if files:
            given = _named(files)
            loaded = dict(list(given.items())[:LOADED])
        else:
            given = builtin.write(Path(folder))
            loaded = {name: given[name] for name in FLAT}
        networks = {name: open_model(path).network for name, path in given.items()}
        peak, fastest = Peak(), 0.0
        for number, (name, network) in enumerate(networks.items()):
            _say(f"{number + 1} of {len(networks)}: {name}")
            share = RACED * seconds / len(networks)
            fastest = max(fastest, _model(report, name, network, peak, share))
        report.add("multiply-add peak of a core", fastest, "1e9/s")
        if not files:
            _say("twelve models")
            copies_row(report, networks["A1 standard"])
            rack_row(report, given["A1 standard"])
            _say("other rates, aliases")
            sound_rows(report, given["A1 standard"])
        _say("loading")
        load_rows(report, loaded)
        _say("")
    return report


def _named(files: Sequence[Path]) -> dict[str, Path]:
    """Each file by its stem, or its path where two share one; what is no file is a name."""
    files = [path if path.exists() else find(str(path)) or path for path in files]
    stems = [path.stem for path in files]
    return {
        path.stem if stems.count(path.stem) == 1 else str(path): path.absolute() for path in files
    }


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _model(report: Report, name: str, network: Network, peak: Peak, seconds: float) -> float:
    """Rows for one model; returns the peak that was seen beside it, in 1e9 a second."""
    exact = compile_network(network)
    own = Copies(exact)
    contestants = {f"{frames} frames": own.blocks_of(frames) for frames in FRAMES}
    if _bends(network):
        fast = Copies(compile_network(network, "fast"))
        contestants["fast tanh"] = fast.blocks_of(BLOCK)
    peers = dict(_peers(network))
    errors = _errors(exact, peers)
    contestants |= {label: peer.run for label, peer in peers.items()}
    times = race({**contestants, "peak": peak.contestant}, seconds)
    for peer in peers.values():
        if isinstance(peer, OnnxPeer):
            peer.close()
    floor = times["peak"] / peak.adds
    _own_rows(report, name, network, times, floor)
    _peer_rows(report, name, times, errors)
    return float(1e-9 / floor.min())


def _own_rows(
    report: Report, name: str, network: Network, times: dict[str, Seconds], floor: Seconds
) -> None:
    for frames in FRAMES:
        report.add(f"{name}, {frames} frames", _us(times[f"{frames} frames"]), "us")
    whole, small = times[f"{BLOCK} frames"], times["16 frames"]
    least = LEAST_SHARE.get(name)
    value = _share(network, floor, whole)
    report.add(f"{name}, share of peak", value, "%", *_at_least(value, least))
    if "fast tanh" in times:
        report.add(f"{name}, {BLOCK} frames, fast tanh", _us(times["fast tanh"]), "us")
        value = _share(network, floor, times["fast tanh"])
        report.add(f"{name}, share of peak, fast tanh", value, "%")
    value = float(np.median(small / 16 / (whole / BLOCK)))
    most = MOST_SMALL if name in FLAT else None
    label = f"{name}, a sample at 16 frames against one at {BLOCK}"
    report.add(label, value, "ratio", *_at_most(value, most))


def _peer_rows(
    report: Report, name: str, times: dict[str, Seconds], errors: dict[str, float]
) -> None:
    """Rows for each peer: of torch's two ways, the quicker one."""
    for peer in ("onnxruntime", "torch"):
        kinds = [label for label in errors if label.startswith(peer)]
        if not kinds:
            continue
        label = min(kinds, key=lambda kind: _us(times[kind]))
        report.add(f"{name}, {peer}", _us(times[label]), "us")
        value = float(np.median(times[f"{BLOCK} frames"] / times[label]))
        most = MOST_AGAINST_ONNX.get(name) if peer == "onnxruntime" else None
        report.add(f"{name}, against {peer}", value, "ratio", *_at_most(value, most))
        agrees, parts = errors[label] <= AGREED, 1e6 * errors[label]
        report.add(f"{name}, {peer} differs by", parts, "ppm of peak", "at most 10", agrees)


def _at_least(value: float, limit: float | None) -> tuple[str, bool | None]:
    return ("", None) if limit is None else (f"at least {limit:g} %", value >= limit)


def _at_most(value: float, limit: float | None) -> tuple[str, bool | None]:
    return ("", None) if limit is None else (f"at most {limit:g}", value <= limit)


def _us(times: Seconds) -> float:
    return float(1e6 * np.median(times))


def _share(network: Network, floor: Seconds, times: Seconds) -> float:
    """Percent of the time for which a block's multiply-adds would last at the peak."""
    return float(100 * np.median(network.multiply_adds * BLOCK * floor / times))


def _peers(network: Network) -> Iterator[tuple[str, Peer]]:
    """Every peer that is installed, made ready; none plays state spaces or grey boxes."""
    if any(isinstance(op, (Ssm, Stage)) for op in network.ops):
        return
    with suppress(ImportError):
        yield "onnxruntime", OnnxPeer(network)
    with suppress(ImportError):
        yield "torch, eager", TorchPeer(network, traced=False)
        yield "torch, traced", TorchPeer(network, traced=True)


def _errors(player: Compiled, peers: dict[str, Peer]) -> dict[str, float]:
    """How far each peer is from ``player``, as a part of the peak, from the very first sample."""
    inputs = player.network.input.channels
    sound = np.full((inputs, AGREE_BLOCKS * BLOCK), 0.5, np.float32)
    sound[0] = 0.3 * np.random.default_rng(5).standard_normal(sound.shape[1])
    wanted = player.play(sound)
    return {label: error(played(peer, sound), wanted) for label, peer in peers.items()}


def played(peer: Peer, sound: Array) -> Array:
    """What a peer makes of ``sound`` (inputs, blocks of 64), from rest."""
    peer.reset()
    blocks = np.split(sound, sound.shape[1] // BLOCK, axis=1)
    return np.concatenate([peer.play(block) for block in blocks], axis=1)


def error(given: Array, wanted: Array) -> float:
    """The largest difference, as a part of the peak of ``wanted``."""
    peak = max(float(np.abs(wanted).max()), 1e-9)
    return float(np.abs(given - wanted).max()) / peak


def _bends(network: Network) -> bool:
    """Whether there is a tanh in it."""
    return any(
        isinstance(op, (Lstm, Gru))
        or (isinstance(op, Conv) and any(curve in BENDING for curve in _curves(op.steps)))
        for op in network.ops
    )


def _curves(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Activate):
            yield step.curve
        elif isinstance(step, (Gate, Blend)):
            yield from (step.curve.curve, step.gate.curve)
