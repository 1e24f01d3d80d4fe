"""Writes a trained network as an artefact: network, card and golden take, or nothing.

``export`` writes any ``torch.nn.Module`` whose ``forward(audio, *state)`` returns
``(audio_out, *next_state)``, with ``knobs`` as the last input where it has any, as ONNX; see
engine.artefact for the contract that a player relies on. ``export_json`` and ``export_nam``
write a recurrent network of models.effects.networks as our own kernels play it, in a fraction of
the time. ``export_file`` takes a file already written: what models.effects.deploy makes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.artefact import (
    CARD,
    GOLDEN,
    JSON,
    NAM,
    NETWORKS,
    ONNX,
    Artefact,
    ArtefactError,
    ModelKnob,
    open_artefact,
)
from engine.modelfiles.guitarml import read_guitarml
from engine.modelfiles.reading import read_json
from engine.performance import guitar
from engine.whole import replace_folder
from models.nam import lstm_bytes, said_of
from models.replay import replay

if TYPE_CHECKING:
    from models.effects.networks.recurrent import Recurrent

OPSET = 17
Value = str | int | float


@dataclass(frozen=True)
class Description:
    """What a trainer knows of its network and the card must tell.

    Hops and state are ONNX's; what our own kernels play has none.
    """

    name: str
    about: str
    architecture: str
    sample_rate: int
    trained: dict[str, Value]
    loudness_db: float
    hop_samples: int | None = None
    state: dict[str, str] = field(default_factory=dict)
    latency_samples: int = 0
    tolerance: float = 1e-5
    knobs: tuple[ModelKnob, ...] = field(default=())
    licence: str = "GPL-3.0-or-later"


def export(
    network: nn.Module, card: Description, state: Mapping[str, Tensor], audio: Tensor, folder: Path
) -> Artefact:
    """Write ``folder`` with the network as ONNX; return it opened.

    ``audio`` and ``state`` are zeros of the shapes the network takes: one hop, and each
    state input by name. What is played back must be what torch made in the same hops.
    """
    assert audio.numel() == card.hop_samples, "audio is one hop"
    data = _onnx(network.eval(), card, state, audio)
    return export_file(ONNX, data, card, take(network, card, state, audio), folder)


def export_json(network: Recurrent, card: Description, folder: Path) -> Artefact:
    """Write ``folder`` with a recurrent network as GuitarML's JSON; return it opened.

    Its skip must be pinned at 1 or 0, see models.effects.networks.recurrent.
    """
    data = network.to_guitarml(card.sample_rate, card.name)
    return export_file(JSON, data, card, _whole_take(network, card), folder)


def export_nam(network: Recurrent, card: Description, folder: Path) -> Artefact:
    """Write ``folder`` with the network of ``export_json`` as ``.nam``; return it opened."""
    written = network.to_guitarml(card.sample_rate, card.name)
    heard = read_guitarml(read_json(Path(JSON), written), "")
    data = lstm_bytes(heard.network, card.sample_rate, said_of(heard))
    return export_file(NAM, data, card, _whole_take(network, card), folder)


def export_file(
    name: str,
    data: bytes,
    card: Description,
    golden: Mapping[str, NDArray[np.float32]],
    folder: Path,
) -> Artefact:
    """Write ``folder`` whole and return it opened, or raise and leave what was there.

    ``data`` is the network in a file called ``name``, one of engine.artefact.NETWORKS, and
    ``golden`` the take (see ``take``). ArtefactError if what plays it does not repeat that, or
    if ``folder`` holds anything but a model.
    """
    check_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh.chmod(0o755)
    try:
        (fresh / name).write_bytes(data)
        np.savez_compressed(fresh / GOLDEN, **golden)  # type: ignore[arg-type]
        lines = card_lines(card, hashlib.sha256(data).hexdigest())
        (fresh / CARD).write_text("\n".join(lines) + "\n", encoding="utf-8")
        check_golden(open_artefact(fresh))
        replace_folder(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return open_artefact(folder)


def check_free(folder: Path) -> None:
    """ArtefactError where a model in ``folder`` would replace something that is no model."""
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise ArtefactError(f"{folder}: is no folder; a model would replace it")
    ours = {CARD, GOLDEN, *NETWORKS, ".DS_Store"}
    others = sorted({path.name for path in folder.iterdir()} - ours)
    if others:
        raise ArtefactError(f"{folder}: holds {others[0]}, which is no model; it is not replaced")


def check_golden(artefact: Artefact) -> float:
    """Replay the golden take and return the largest error; ArtefactError if above tolerance."""
    golden = artefact.golden()
    played = replay(artefact, golden["audio"], golden.get("knobs"))
    error = float(np.abs(played - golden["audio_out"]).max())
    if not error <= artefact.tolerance:
        raise ArtefactError(
            f"{artefact.path / GOLDEN}: error {error:.3g} is above tolerance {artefact.tolerance:g}"
        )
    return error


def _onnx(
    network: nn.Module, card: Description, state: Mapping[str, Tensor], audio: Tensor
) -> bytes:
    knobs = torch.tensor([[knob.default for knob in card.knobs]])
    names = ["audio", *state, *(["knobs"] if card.knobs else [])]
    inputs = (audio, *state.values(), *([knobs] if card.knobs else []))
    file = io.BytesIO()
    with warnings.catch_warnings():
        # torch warns of changing batch sizes and of an exporter to be deprecated; ours is
        # always one, and its successor writes larger graphs and needs another package. It
        # warns of shapes that it takes for constants too: a hop's never change.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            inputs,
            file,
            input_names=names,
            output_names=["audio_out", *card.state.values()],
            opset_version=OPSET,
            dynamo=False,
        )
    return file.getvalue()


def _whole_take(network: Recurrent, card: Description) -> dict[str, NDArray[np.float32]]:
    """Return the take of a network that plays a second at once."""
    dry = _guitar(card.sample_rate, card.sample_rate)
    with torch.no_grad():
        wet = network.eval()(torch.from_numpy(dry)[None])[0]
    return {"audio": dry, "audio_out": wet.numpy()}


def _guitar(sample_rate: int, frames: int) -> NDArray[np.float32]:
    """Return guitar for a take, rounded to 16 bits, which halves its share of the file."""
    first = 2 * sample_rate  # past the palm-mutes: loud and soft, low and high
    dry = guitar(sample_rate)[first : first + frames]
    return np.asarray(np.round(dry * 32768.0) / 32768.0, np.float32)


def take(
    network: nn.Module, card: Description, state: Mapping[str, Tensor], audio: Tensor
) -> dict[str, NDArray[np.float32]]:
    """Return the golden take: a second of guitar through torch, from ``state``.

    It goes through in hops as long as ``audio``.
    """
    hops = card.sample_rate // audio.numel()
    dry = _guitar(card.sample_rate, hops * audio.numel())
    knobs = torch.tensor([[knob.default for knob in card.knobs]])
    states, wet = list(state.values()), []
    with torch.no_grad():
        for hop in torch.from_numpy(dry.reshape(hops, *audio.shape)):
            out, *states = network(hop, *states, *([knobs] if card.knobs else []))
            wet.append(out.reshape(-1))
    golden = {"audio": dry, "audio_out": torch.cat(wet).numpy()}
    return golden | ({"knobs": knobs.numpy()} if card.knobs else {})


def card_lines(card: Description, sha256: str) -> Iterator[str]:
    """Yield the card as TOML."""
    yield "format = 1"
    for key in ("name", "about", "architecture", "sample_rate", "hop_samples", "latency_samples"):
        if (value := getattr(card, key)) is not None:
            yield f"{key} = {_toml(value)}"
    yield f"tolerance = {_toml(card.tolerance)}  # largest error against golden.npz, absolute"
    yield f"loudness_db = {_toml(round(card.loudness_db, 2))}  # RMS of the performance, played"
    yield f"licence = {_toml(card.licence)}"
    yield f"sha256 = {_toml(sha256)}"
    if card.state:
        yield "\n[state]"
    yield from (f"{_key(name)} = {_toml(source)}" for name, source in card.state.items())
    for knob in card.knobs:
        yield "\n[[knobs]]"
        yield from (f"{key} = {_toml(value)}" for key, value in vars(knob).items())
    yield "\n[trained]"
    yield from (f"{key} = {_toml(value)}" for key, value in card.trained.items())


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: Value) -> str:
    """Return a value as TOML writes it; its strings are JSON's without pairs of surrogates."""
    if not isinstance(value, str):
        return repr(value)
    whole = value.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
