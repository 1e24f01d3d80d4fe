"""How near frames come back, beside principal components: on instruments that were held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.morph.grid import FLOOR_DB, Array, from_unit
from models.morph.live.augment import unit
from models.morph.live.material import Frames, decibels_of
from models.morph.live.network import MorphNetwork
from models.morph.measures.baselines import Pca

ROWS = 4096  # frames at a time
FITTED = 50_000  # frames that principal components are found in
DIMS = (8, 16, 32)
Coder = Callable[[Array, NDArray[np.int32]], Array]
"""Frames in dB (rows, bins) and their notes' numbers to frames in dB."""


@dataclass(frozen=True)
class Score:
    """``rmse_db``, ``lsd_db`` as models.morph.measures; ``convergence_db``: mean over notes.

    ``split``: whose instruments it was measured on.
    """

    name: str
    dims: int
    rmse_db: float
    lsd_db: float
    convergence_db: float
    split: str = "test"

    def as_json(self) -> dict[str, str | int | float]:
        """All values by name."""
        return asdict(self)


def scored(name: str, dims: int, coder: Coder, frames: Frames) -> Score:
    """The score of a coder on frames of notes."""
    squares, distances = 0.0, 0.0
    missed, whole = np.zeros(len(frames.pitches)), np.zeros(len(frames.pitches))
    for part, owner in _parts(frames):
        made = np.clip(coder(part, owner), FLOOR_DB, 0.0)
        error = np.square(made - part, dtype=np.float64).mean(1)
        squares, distances = squares + error.sum(), distances + np.sqrt(error).sum()
        a, b = (10.0 ** (db.astype(np.float64) / 20.0) for db in (part, made))
        np.add.at(missed, owner, np.square(a - b).sum(1))
        np.add.at(whole, owner, np.square(a).sum(1))
    count = len(frames)
    shares = np.maximum(missed, 1e-16 * whole) / whole
    convergence = float(np.mean(10.0 * np.log10(shares)))
    rmse, distance = float(np.sqrt(squares / count)), float(distances / count)
    return Score(name, dims, rmse, distance, convergence)


def network_coder(network: MorphNetwork, frames: Frames, kind: str) -> Coder:
    """The network as a coder of these frames."""
    conditions = torch.from_numpy(frames.conditions(kind))
    device = next(network.parameters()).device

    def code(part: Array, owner: NDArray[np.int32]) -> Array:
        given: Tensor = unit(torch.from_numpy(part)).to(device)
        told = conditions[torch.from_numpy(owner).long()].to(device)
        with torch.no_grad():
            return from_unit(network(given, told).cpu().numpy())

    return code


def table(
    network: MorphNetwork, kind: str, latents: int, learnt: Frames, held_out: Frames,
    dims: Sequence[int] = DIMS, more: Mapping[str, Frames] | None = None,
) -> list[Score]:  # fmt: skip
    """Principal components and the network, on frames of instruments that both never heard; and
    the network and as many components on ``more``, by the name of the split."""
    step = max(1, len(learnt) // FITTED)
    rows = np.maximum(decibels_of(learnt.levels[::step]), FLOOR_DB).astype(np.float32)
    most = min(max(dims), len(rows) - 1)
    components = Pca.fit(rows, most)
    scores = []
    for count in (one for one in dims if one <= most):
        pca = components.first(count)
        scores.append(scored("PCA", count, _pca_coder(pca), held_out))
    coder = network_coder(network, held_out, kind)
    scores.append(scored("network", latents, coder, held_out))
    for split, frames in (more or {}).items():
        coders = {"network": network_coder(network, frames, kind)}
        if latents <= most:
            coders = {"PCA": _pca_coder(components.first(latents))} | coders
        for name, coder in coders.items():
            scores.append(replace(scored(name, latents, coder, frames), split=split))
    return scores


def _pca_coder(pca: Pca) -> Coder:
    def code(part: Array, owner: NDArray[np.int32]) -> Array:
        return np.asarray(pca.decode(pca.encode(part)), np.float32)

    return code


def _parts(frames: Frames) -> Iterator[tuple[Array, NDArray[np.int32]]]:
    for at in range(0, len(frames), ROWS):
        rows = slice(at, at + ROWS)
        db = np.maximum(decibels_of(frames.levels[rows]), FLOOR_DB).astype(np.float32)
        yield db, frames.owner[rows]


__all__ = ["DIMS", "Coder", "Score", "network_coder", "scored", "table"]
