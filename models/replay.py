"""Plays an exported network, as it is or hop by hop in ONNX Runtime, to test and measure."""

import os
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.artefact import Artefact
from engine.loudness import knob_values
from engine.neural.compiled import compile_network

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when the library is loaded
import onnxruntime

Audio = NDArray[np.float32]


def replay(artefact: Artefact, audio: Audio, knobs: Audio | None = None) -> Audio:
    """Return what the network makes of ``audio`` (frames,), from its first state.

    ``knobs`` (1, K) in the card's units are their defaults if not given. ArtefactError if
    the network does not fit its card.
    """
    if knobs is None:
        knobs = np.array([[knob.default for knob in artefact.knobs]], np.float32)
    return (_by_hops if artefact.is_onnx else _by_kernels)(artefact, audio, knobs)


def _by_kernels(artefact: Artefact, audio: Audio, knobs: Audio) -> Audio:
    """Play with our own kernels; nothing is heard before ``audio``, not even silence."""
    model = artefact.open_network()
    turned = zip(model.knobs, knobs.reshape(-1), strict=True)
    values = knob_values([replace(knob, default=float(value)) for knob, value in turned])
    held = [np.full(len(audio), value, np.float32) for value in values]
    return compile_network(model.network).play(np.stack([audio, *held]))


def _by_hops(artefact: Artefact, audio: Audio, knobs: Audio) -> Audio:
    """Play in ONNX Runtime; frames after the last whole hop have silence behind them."""
    session = _session(artefact)
    shapes = {node.name: node.shape for node in session.get_inputs()}
    feeds = {name: np.zeros(shapes[name], np.float32) for name in artefact.state}
    if artefact.knobs:
        feeds["knobs"] = knobs
    hops = np.zeros((-(-len(audio) // artefact.hop_samples), artefact.hop_samples), np.float32)
    hops.flat[: len(audio)] = audio
    out = np.empty_like(hops)
    for i, hop in enumerate(hops):
        out[i] = _step(session, artefact.state, feeds, hop.reshape(shapes["audio"]))
    return out.reshape(-1)[: len(audio)]


def _session(artefact: Artefact) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(artefact.network_path), options, providers=["CPUExecutionProvider"]
    )


def _step(
    session: onnxruntime.InferenceSession,
    state: Mapping[str, str],
    feeds: dict[str, Audio],
    hop: Audio,
) -> Audio:
    """Run one hop; ``feeds`` comes back holding the next hop's state."""
    sound, *states = session.run(["audio_out", *state.values()], {**feeds, "audio": hop})
    feeds.update(zip(state, states, strict=True))
    return np.asarray(sound, np.float32).reshape(-1)
