"""Plays an exported network hop by hop with ONNX Runtime's Python API, to test and measure."""

import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.artefact import Artefact

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when the library is loaded
import onnxruntime

Audio = NDArray[np.float32]


def replay(artefact: Artefact, audio: Audio, knobs: Audio | None = None) -> Audio:
    """Return what the network makes of ``audio`` (frames,), from zero state.

    Frames after the last whole hop are played with silence behind them. ``knobs`` (1, K)
    is their defaults if not given.
    """
    session = _session(artefact)
    shapes = {node.name: node.shape for node in session.get_inputs()}
    feeds = {name: np.zeros(shapes[name], np.float32) for name in artefact.state}
    if artefact.knobs:
        defaults = np.array([[knob.default for knob in artefact.knobs]], np.float32)
        feeds["knobs"] = defaults if knobs is None else knobs
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
