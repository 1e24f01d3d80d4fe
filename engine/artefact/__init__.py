"""Opens a model exported by a trainer and checks its card: a folder, or nothing.

A folder holds three files: the network, ``model.toml`` the card that tells what it is, and
``golden.npz`` one take of it (``audio`` in, ``audio_out`` out, and ``knobs`` where it has any)
to test every player of it against. The network is one of ``model.json`` and ``model.nam``, in
any format that engine.modelfiles reads, or ``model.onnx``.

What our own kernels play, ``model.json`` and ``model.nam``:

- It takes any block, so the card needs no ``hop_samples``; 1 says the same. It keeps its own
  state, from zeros or what the file tells: the card has no ``[state]``.
- The card's ``sample_rate`` rules, whatever the file says; only our own format must agree.
- The card's ``[[knobs]]`` are the network's, in its order. From ``minimum`` to ``maximum`` the
  network hears what its file tells, 0 to 1 as a rule.

``model.onnx``:

- Input ``audio`` holds exactly ``hop_samples`` float32 of one channel, oldest first, in any
  shape with that many elements; output ``audio_out`` holds as many.
- Every other input but ``knobs`` is a state: the card's ``[state]`` names the output that
  feeds it at the next hop, and has its shape. All states are zeros before the first hop.
- Input ``knobs``, shape (1, K), is there if and only if the card has ``[[knobs]]``: their
  values in the card's order and plain units, constant within a hop.

``latency_samples`` is how far the sound itself comes late; waiting for a hop to fill is the
player's, and not counted.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.artefact.card import (
    ArtefactError,
    Card,
    ModelKnob,
    need_file,
    read_knobs,
    read_state,
    read_table,
    refuse,
    show,
)
from engine.artefact.golden import read_golden

if TYPE_CHECKING:
    from engine.modelfiles import ModelFile

__all__ = [
    "CARD", "GOLDEN", "JSON", "NAM", "NETWORKS", "ONNX", "Artefact", "ArtefactError", "ModelKnob",
    "open_artefact",
]  # fmt: skip

JSON, NAM, ONNX = NETWORKS = ("model.json", "model.nam", "model.onnx")
CARD, GOLDEN = "model.toml", "golden.npz"
FORMAT = 1

SAMPLE_RATES = (8_000, 384_000)
HOPS, LATENCIES = (1, 65_536), (0, 1_000_000)
TOLERANCES, LOUDNESSES_DB = (1e-9, 0.1), (-200.0, 60.0)


@dataclass(frozen=True)
class Artefact:
    """A checked model folder: what its card says, and which file is its network."""

    path: Path
    network: str  # one of NETWORKS
    name: str
    about: str
    architecture: str
    sample_rate: int
    hop_samples: int  # 1 for a network that takes any block
    latency_samples: int
    tolerance: float  # largest absolute error against golden.npz
    loudness_db: float | None  # RMS of what it makes of engine.performance; None: not measured
    state: dict[str, str]  # this input is fed by that output, next hop
    knobs: tuple[ModelKnob, ...]
    trained: dict[str, Any]  # for the record; not checked
    licence: str
    sha256: str

    @property
    def network_path(self) -> Path:
        """Where the network is."""
        return self.path / self.network

    @property
    def is_onnx(self) -> bool:
        """Whether ONNX Runtime plays it, in hops; if not, our own kernels do, in any block."""
        return self.network == ONNX

    def open_network(self, core_compatible: bool = False) -> ModelFile:
        """Read what our own kernels play; ArtefactError if it is none or not the card's.

        The name, the sample rate and the names and ranges of the knobs are the card's,
        whatever the file says. ``core_compatible`` as in engine.modelfiles.open_model.
        """
        return _open_network(self, core_compatible)

    def golden(self) -> dict[str, NDArray[np.float32]]:
        """Read the golden take: ``audio`` and ``audio_out`` (frames,), ``knobs`` (1, K)."""
        return read_golden(self.path / GOLDEN, self.hop_samples, len(self.knobs))


def open_artefact(path: str | os.PathLike[str]) -> Artefact:
    """Open a model by its folder, or by the path of a file in it; ArtefactError if unfit."""
    folder = _folder(Path(path))
    network = _network(folder)
    card = Card(folder / CARD, read_table(folder / CARD))
    version = card.whole("format", (-math.inf, math.inf))
    if version != FORMAT:
        card.refuse(f"format = {show(version)} is not supported; supported: {FORMAT}")
    measured = "loudness_db" in card.values
    artefact = Artefact(
        path=folder,
        network=network,
        name=card.text("name"),
        about=card.text("about", ""),
        architecture=card.text("architecture", ""),
        sample_rate=card.whole("sample_rate", SAMPLE_RATES),
        hop_samples=_hop(card, network),
        latency_samples=card.whole("latency_samples", LATENCIES),
        tolerance=card.number("tolerance", TOLERANCES),
        loudness_db=card.number("loudness_db", LOUDNESSES_DB) if measured else None,
        state=_state(card, network),
        knobs=read_knobs(card),
        trained=dict(card.table("trained")),
        licence=card.text("licence", ""),
        sha256=card.text("sha256"),
    )
    _check_network(artefact)
    return artefact


def _folder(path: Path) -> Path:
    """Return the folder a path means; refuse if it or its card is not there."""
    folder = path.parent if path.name in (CARD, GOLDEN, *NETWORKS) else path
    if not os.path.exists(folder):  # Path.exists raises where a name is too long
        refuse(folder, "no such folder")
    if not folder.is_dir():
        refuse(folder, f"not a folder; a model is a folder with {CARD} and a network")
    need_file(folder / CARD)
    return folder


def _network(folder: Path) -> str:
    """Return the name of the only network in a folder."""
    there = [name for name in NETWORKS if os.path.lexists(folder / name)]
    if not there:
        refuse(folder, f"no network; needs one of {', '.join(NETWORKS)}")
    if len(there) > 1:
        refuse(folder, f"{' and '.join(there)}; a model has one network")
    need_file(folder / there[0])
    return there[0]


def _hop(card: Card, network: str) -> int:
    """Return the frames between a network's steps; what takes any block need not tell."""
    if network != ONNX and "hop_samples" not in card.values:
        return 1
    hop = card.whole("hop_samples", HOPS)
    if network != ONNX and hop != 1:
        card.refuse(f"hop_samples = {hop}: {network} takes any block; leave it out or say 1")
    return hop


def _state(card: Card, network: str) -> dict[str, str]:
    """Return which output feeds which input; only a network in hops has any."""
    state = read_state(card)
    if state and network != ONNX:
        card.refuse(f"state: {network} keeps its own; leave out {show(sorted(state))}")
    return state


def _check_network(artefact: Artefact) -> None:
    """Refuse a network that is not the one the card was written for."""
    path, told = artefact.network_path, artefact.sha256
    if not re.fullmatch(r"[0-9a-f]{64}", told):
        refuse(artefact.path / CARD, f"sha256 = {show(told)} is not 64 hexadecimal digits")
    try:
        with path.open("rb") as network:
            found = hashlib.file_digest(network, "sha256").hexdigest()
    except OSError as error:
        refuse(path, error.strerror or "cannot be read")
    _check_digest(path, found, told)


def _check_digest(path: Path, found: str, told: str) -> None:
    if found != told:
        refuse(path, f"sha256 is {found}, the card says {told}: not the network exported")


def _open_network(artefact: Artefact, core_compatible: bool) -> ModelFile:
    from engine.modelfiles import ModelFileError, open_model

    path = artefact.network_path
    if artefact.is_onnx:
        refuse(path, f"is played by ONNX Runtime; our kernels play {JSON} and {NAM}")
    try:
        model = open_model(path, core_compatible)
    except ModelFileError as error:
        raise ArtefactError(str(error)) from None
    _check_digest(path, model.sha256, artefact.sha256)
    if model.format == "taraf" and model.sample_rate != artefact.sample_rate:
        told = f"the card says {artefact.sample_rate} Hz"  # its boxes are made for one rate
        refuse(path, f"{told}, the network {model.sample_rate} Hz")
    if len(model.knobs) != len(artefact.knobs):
        told = f"the card has {len(artefact.knobs)} knobs"
        refuse(path, f"{told}, the network {len(model.knobs)}")
    knobs = [
        replace(heard, name=k.name, minimum=k.minimum, maximum=k.maximum, default=k.default)
        for heard, k in zip(model.knobs, artefact.knobs, strict=True)
    ]
    return replace(model, name=artefact.name, sample_rate=artefact.sample_rate, knobs=tuple(knobs))
