"""Roche's comparison, on whole notes: each autoencoder at the same code size, in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from engine.morph.errors import MorphError
from models.morph.seed.figures import figures_of
from models.morph.seed.losses import Figures
from models.morph.seed.material import Material, NoteArrays, held_out
from models.morph.seed.networks import Autoencoder
from models.morph.seed.reconstruction import polished
from models.morph.seed.settings import Settings, Stop, Trained, never, nothing
from models.morph.seed.spectra import Transform
from models.morph.seed.training import train_seed

ROWS: Mapping[str, Mapping[str, Any]] = {
    "pca": {"architecture": "pca"},
    "deep": {"architecture": "deep"},
    "lstm": {"architecture": "lstm"},
    "vae": {"architecture": "vae"},
    "thesis": {"architecture": "convolutional", "activation": "relu"},
    "leaky": {"architecture": "convolutional", "activation": "leaky"},
    "banded": {"architecture": "banded", "mixed": 0.5},
    "networks": {
        "architecture": "separable",
        "mixed": 0.9,
        "loss": "heard",
        "loud": 1e-3,
        "learning_rate": 2e-4,
        "schedule": "cosine",
    },
    "ours": {"architecture": "keyed"},
}
"""What differs between the rows; all else is the settings given to `table`."""
USUAL = ("pca", "deep", "lstm", "vae", "thesis", "leaky", "ours")
"""Roche's rows, the thesis's two, ours."""


@dataclass(frozen=True)
class Row:
    """How well notes came back: of what was learnt, of unheard instruments, of another set."""

    name: str
    code: int
    weights: int
    epochs: int
    seconds: float
    learnt: Mapping[str, float]
    unseen: Mapping[str, float]
    other: Mapping[str, float] | None = None
    polished: Mapping[str, float] | None = None

    def as_json(self) -> dict[str, Any]:
        """The figures for --json."""
        given = {"name": self.name, "code": self.code, "weights": self.weights}
        given |= {"epochs": self.epochs, "seconds": round(self.seconds, 1)}
        given |= {"learnt": dict(self.learnt), "unseen": dict(self.unseen)}
        for name in ("other", "polished"):
            if (found := getattr(self, name)) is not None:
                given[name] = dict(found)
        return given


def table(
    notes: NoteArrays, settings: Settings, folder: Path | None = None, *,
    valid: NoteArrays | None = None, test: NoteArrays | None = None,
    other: NoteArrays | None = None, names: Sequence[str] = USUAL,
    told: Callable[[str, Any], None] | None = None, stop: Stop = never, polish: int = 0,
) -> list[Row]:  # fmt: skip
    """Train and measure each of ``names`` (of `ROWS`) with the settings' budget; MorphError.

    ``test`` are notes of unheard instruments, else some are held out of ``notes``; ``valid`` choose
    the best epoch in the same way; ``other`` are of another origin, as recordings. ``told`` hears
    a name and its progress. With ``polish`` codes of unheard notes are also made better by so many
    steps. A row that ``stop`` breaks off is the last one.
    """
    if test is None:
        notes, test = held_out(notes, settings.held_out, settings.seed)
    rows = []
    for name in names:
        changed = plain(settings, name)
        place = folder / name if folder is not None else None
        say = partial(told, name) if told else nothing
        trained = train_seed(notes, changed, place, say, stop, valid=valid)
        rows.append(measured(name, trained, notes, test, other, polish))
        if trained.stopped == "interrupted":
            break
    return rows


def named(words: str) -> tuple[str, ...]:
    """Names of rows, with commas; MorphError, one line, where one is none."""
    found = tuple(word.strip() for word in words.split(","))
    for word in found:
        if word not in ROWS:
            raise MorphError(f"{word!r} is no model; known are {', '.join(ROWS)}")
    return found


def plain(settings: Settings, name: str) -> Settings:
    """The settings of a row: nothing but the plain loss of plain notes where it does not say."""
    return replace(settings, **{"mixed": 0.0, "loss": "mse", **ROWS[name]})


def measured(
    name: str, trained: Trained, notes: NoteArrays, test: NoteArrays,
    other: NoteArrays | None = None, polish: int = 0,
) -> Row:  # fmt: skip
    """The figures of one trained network."""
    transform, network = trained.settings.transform, trained.network

    def figures(given: NoteArrays) -> dict[str, float]:
        return figures_of(network, Material(given, transform, transform.top_db)).as_json()

    return Row(
        name, trained.settings.code, network.weights, trained.epochs, trained.seconds,
        figures(notes), figures(test), figures(other) if other is not None else None,
        polished_figures(network, test, transform, polish) if polish else None,
    )  # fmt: skip


def polished_figures(
    network: Autoencoder, notes: NoteArrays, transform: Transform, steps: int, batch: int = 32
) -> dict[str, float]:
    """How well notes come back where their codes are polished; see `reconstruction.polished`."""
    figures = Figures(transform)
    for values, pitches in Material(notes, transform, transform.top_db).plain(batch):
        with torch.no_grad():
            codes = network.encode(values, pitches)
        codes = polished(network, codes, values, pitches, steps)
        with torch.no_grad():
            figures.add(network.decode(codes, pitches), values)
    return figures.as_json()


__all__ = [
    "ROWS", "USUAL", "Row", "measured", "named", "plain", "polished_figures", "table",
]  # fmt: skip
