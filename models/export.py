"""Writes a trained network as an artefact: network, card and golden take, or nothing.

The network is a ``torch.nn.Module`` whose ``forward(audio, *state)`` returns ``(audio_out,
*next_state)``, with ``knobs`` as the last input where it has any; see engine.artefact for
the contract that a player relies on.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.artefact import CARD, GOLDEN, NETWORK, Artefact, ArtefactError, ModelKnob, open_artefact
from engine.performance import guitar
from models.replay import replay

OPSET = 17
Value = str | int | float


@dataclass(frozen=True)
class Description:
    """What a trainer knows of its network and the card must tell."""

    name: str
    about: str
    architecture: str
    sample_rate: int
    hop_samples: int
    state: dict[str, str]
    trained: dict[str, Value]
    loudness_db: float
    latency_samples: int = 0
    tolerance: float = 1e-5
    knobs: tuple[ModelKnob, ...] = field(default=())
    licence: str = "GPL-3.0-or-later"


def export(
    network: nn.Module, card: Description, state: Mapping[str, Tensor], audio: Tensor, folder: Path
) -> Artefact:
    """Write ``folder`` whole and return it opened, or raise and leave what was there.

    ``audio`` and ``state`` are zeros of the shapes the network takes: one hop, and each
    state input by name. Raises ArtefactError if ONNX Runtime does not repeat, hop by hop,
    what torch made of the golden take in the same hops.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh.chmod(0o755)
    try:
        _write(network.eval(), card, state, audio, fresh)
        check_golden(open_artefact(fresh))
        _put_in_place(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return open_artefact(folder)


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


def _put_in_place(fresh: Path, folder: Path) -> None:
    """Rename ``fresh`` to ``folder``; an old one is moved aside first, and back on failure."""
    old = folder.with_name(f"{fresh.name}-old")
    if folder.exists():
        os.replace(folder, old)
    try:
        os.replace(fresh, folder)
    except OSError:
        if old.exists():
            os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(
    network: nn.Module, card: Description, state: Mapping[str, Tensor], audio: Tensor, folder: Path
) -> None:
    knobs = torch.tensor([[knob.default for knob in card.knobs]])
    names = ["audio", *state, *(["knobs"] if card.knobs else [])]
    inputs = (audio, *state.values(), *([knobs] if card.knobs else []))
    with warnings.catch_warnings():
        # torch warns of changing batch sizes and of an exporter to be deprecated; ours is
        # always one, and its successor writes larger graphs and needs another package.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            inputs,
            folder / NETWORK,
            input_names=names,
            output_names=["audio_out", *card.state.values()],
            opset_version=OPSET,
            dynamo=False,
        )
    np.savez_compressed(folder / GOLDEN, **take(network, card, state, audio))  # type: ignore[arg-type]
    digest = hashlib.sha256((folder / NETWORK).read_bytes()).hexdigest()
    (folder / CARD).write_text("\n".join(card_lines(card, digest)) + "\n", encoding="utf-8")


def take(
    network: nn.Module, card: Description, state: Mapping[str, Tensor], audio: Tensor
) -> dict[str, NDArray[np.float32]]:
    """Return the golden take: a second of guitar through torch, hop by hop from zero state.

    The guitar is rounded to 16 bits, which halves its share of the file.
    """
    hops = card.sample_rate // card.hop_samples
    first = 2 * card.sample_rate  # past the palm-mutes: loud and soft, low and high
    dry = guitar(card.sample_rate)[first : first + hops * card.hop_samples]
    dry = np.asarray(np.round(dry * 32768.0) / 32768.0, np.float32)
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
        yield f"{key} = {_toml(getattr(card, key))}"
    yield f"tolerance = {_toml(card.tolerance)}  # largest error against golden.npz, absolute"
    yield f"loudness_db = {_toml(round(card.loudness_db, 2))}  # RMS of the performance, played"
    yield f"licence = {_toml(card.licence)}"
    yield f"sha256 = {_toml(sha256)}"
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
    """Return a value as TOML writes it; its strings are JSON's."""
    return json.dumps(value) if isinstance(value, str) else repr(value)
