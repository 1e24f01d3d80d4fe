"""Between the trained network and the file it is played from; golden takes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.artefact.card import ArtefactError
from engine.rhythm import CARD, GOLDEN, NETWORK, RhythmModel, open_rhythm
from engine.whole import replace_folder
from models.effects.deploy import checked_name, one_line
from models.pulse.rhythm.golden import golden_take, replayed
from models.pulse.rhythm.grid import COUNT
from models.pulse.rhythm.network import BINS, RhythmNetwork

Array = NDArray[np.float32]
TOLERANCE = 1e-5
_NAMES = {
    "Wi": "gru.weight_ih_l0", "bi": "gru.bias_ih_l0", "Wh": "gru.weight_hh_l0",
    "bh": "gru.bias_hh_l0", "Ah": "into.weight", "Ax": "skip.weight", "a": "into.bias", "w": "w",
    "b": "b", "C": "c", "Qh": "how.weight", "Qx": "how_skip.weight", "qa": "how.bias",
    "Qc": "how_hits", "V": "velocity.weight", "vb": "velocity.bias", "O": "offset.weight",
    "ob": "offset.bias", "LS": "spread.weight", "lb": "spread.bias", "D": "together",
}  # fmt: skip


def arrays_of(network: RhythmNetwork) -> dict[str, Array]:
    """The weights by the names of engine.rhythm.model."""
    held = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    arrays = {short: np.array(held[long], np.float32) for short, long in _NAMES.items()}
    arrays["V"] = arrays["V"].reshape(COUNT, BINS, -1)
    arrays["vb"] = arrays["vb"].reshape(COUNT, BINS)
    arrays["D"] = np.tril(arrays["D"], -1)
    return arrays


def as_model(network: RhythmNetwork, styles: Sequence[str]) -> RhythmModel:
    """The network as a player would open it, without a file."""
    hidden, chain, bins = network.sizes()
    return RhythmModel(
        Path(), "", "", "", tuple(styles), hidden, chain, bins, network.skip.in_features,
        TOLERANCE, "", "", {}, arrays_of(network),
    )  # fmt: skip


def as_network(model: RhythmModel, dropout: float) -> RhythmNetwork:
    """A network to go on learning from a model."""
    network = RhythmNetwork(model.inputs, model.hidden, model.chain, dropout)
    shapes = network.state_dict()
    arrays = {_NAMES[name]: torch.from_numpy(array.copy()) for name, array in model.arrays.items()}
    network.load_state_dict({name: array.view_as(shapes[name]) for name, array in arrays.items()})
    return network


def write(
    network: RhythmNetwork, styles: Sequence[str], folder: Path, about: str,
    trained: Mapping[str, Any],
) -> RhythmModel:  # fmt: skip
    """Write ``folder`` whole and return it opened, or raise ArtefactError and leave what was."""
    name = checked_name(folder)
    make_sure(folder)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh.chmod(0o755)
    try:
        data = _packed(network, styles)
        (fresh / NETWORK).write_bytes(data)
        lines = _card(name, one_line(about), network, hashlib.sha256(data).hexdigest(), trained)
        (fresh / CARD).write_text("\n".join(lines) + "\n", encoding="utf-8")
        np.savez_compressed(fresh / GOLDEN, **golden_take(open_rhythm(fresh)))  # type: ignore[arg-type]
        replayed(open_rhythm(fresh))
        replace_folder(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return open_rhythm(folder)


def make_sure(folder: Path) -> None:
    """Raise what ``write`` would after a long training: ArtefactError or OSError."""
    checked_name(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise ArtefactError(f"{folder}: is no folder; a model would replace it")
    others = sorted({path.name for path in folder.iterdir()} - {CARD, NETWORK, GOLDEN, ".DS_Store"})
    if others:
        told = f"holds {others[0]}, which is no rhythm model; it is not replaced"
        raise ArtefactError(f"{folder}: {told}")


def _packed(network: RhythmNetwork, styles: Sequence[str]) -> bytes:
    hidden, chain, bins = network.sizes()
    meta = {"hidden": hidden, "chain": chain, "bins": bins, "styles": list(styles)}
    told = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, meta=told, **arrays_of(network))  # type: ignore[arg-type]
    return file.getvalue()


def _card(
    name: str, about: str, network: RhythmNetwork, sha256: str, trained: Mapping[str, Any]
) -> list[str]:
    hidden, chain, _ = network.sizes()
    told = {
        "name": name,
        "about": about,
        "architecture": f"GRU-{hidden}, chain of 9 drums over {chain}",
        "tolerance": TOLERANCE,
        "licence": "GPL-3.0-or-later",
        "sha256": sha256,
    }
    lines = ["format = 1", 'kind = "rhythm"', *map(_line, told.items()), "", "[trained]"]
    return [*lines, *map(_line, trained.items())]


def _line(item: tuple[str, Any]) -> str:
    name, value = item
    told = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    return f"{name} = {told}".replace("\x7f", "\\u007f")  # such JSON is TOML


__all__ = ["arrays_of", "as_model", "as_network", "make_sure", "write"]
