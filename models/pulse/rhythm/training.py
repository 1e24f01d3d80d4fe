"""Trains the rhythm model until time is up or Ctrl-C; the best on development takes is kept."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.rhythm import RhythmModel
from models.effects.training.crew import one_thread_each
from models.effects.training.loop import interruptible
from models.pulse.errors import PulseError
from models.pulse.rhythm import checkpoint, judging
from models.pulse.rhythm.checkpoint import Progress
from models.pulse.rhythm.features import width
from models.pulse.rhythm.grid import Grid
from models.pulse.rhythm.material import Material, Pieces
from models.pulse.rhythm.network import RhythmNetwork, Target, losses
from models.pulse.rhythm.settings import Settings, Trained
from models.pulse.rhythm.watching import Bar
from models.pulse.rhythm.writing import as_model

LAST_RATE = 0.01  # of the learning rate
RISE = 100  # steps in which it rises
WEIGHTS = (1.0, 0.3, 5.0, 0.1)  # of hits, velocity, offset's error, offset's spread
LARGEST_GRADIENT = 1.0
DECISIVE = ("seed", "batch", "piece", "learning_rate", "decay", "dropout", "mixed")
"""Settings that make other weights, beside the budget: that may be longer when it is resumed."""


class Training:
    """One training: network, optimiser, takes and where it stands."""

    def __init__(
        self, materials: Sequence[Material], development: Sequence[Grid], settings: Settings,
        resume: bool = False, start: RhythmNetwork | None = None, since: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self.settings, self.materials = settings, materials
        self.development, self.since = development, since
        self.styles = materials[0].styles
        torch.manual_seed(settings.seed)
        inputs = width(len(self.styles))
        sizes = (settings.hidden, settings.chain, settings.dropout)
        self.network = start or RhythmNetwork(inputs, *sizes)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, (0.9, 0.98),
            weight_decay=settings.decay,
        )  # fmt: skip
        self.signature = self._signature()
        self.stands = Progress()
        if resume:
            if settings.folder is None:
                raise PulseError("resume: the settings name no folder with a checkpoint")
            given = (settings.folder, self.signature, self.network, self.optimiser)
            self.stands = checkpoint.load(*given)
        self.stopped = "budget"
        self.recent: list[float] = []

    def run(self, shown: bool = True) -> Trained:
        """Train to the end; return the best network."""
        with one_thread_each():
            torch.set_num_threads(self.settings.threads)
            self._learn(shown)
        stands = self.stands
        if stands.best is None or stands.step == 0:
            raise PulseError("stopped before anything was learnt")
        self.network.load_state_dict(stands.best)
        found = (stands.best_bits, stands.seconds, stands.step, self.stopped)
        return Trained(self.network.eval(), self.styles, *found, tuple(stands.history))

    @property
    def done(self) -> float:
        """The share of the budget that is spent, 0 to 1."""
        if self.settings.steps is not None:
            return min(1.0, self.stands.step / self.settings.steps)
        return min(1.0, self.stands.seconds / (60.0 * self.settings.minutes))

    def rate(self) -> float:
        """The learning rate: a short rise, then a cosine over the budget."""
        rise = min(1.0, (self.stands.step + 1) / RISE)
        fall = 0.5 * (1.0 + math.cos(math.pi * self.done))
        return self.settings.learning_rate * rise * (LAST_RATE + (1.0 - LAST_RATE) * fall)

    def _signature(self) -> str:
        """What makes the weights, but for how long it goes on: a checkpoint of another is none."""
        heard = [*(grid for one in self.materials for grid in one.grids), *self.development]
        told = ", ".join(f"{name} = {getattr(self.settings, name)}" for name in DECISIVE)
        return (
            f"a rhythm model of {self.network.sizes()} and {len(self.styles)} styles, "
            f"takes {_crc(heard):08x}, {told}"
        )

    def _learn(self, shown: bool) -> None:
        validated = time.monotonic()
        began = validated - self.stands.seconds
        with Bar(shown) as bar, interruptible() as asked:
            if self.stands.best is None:
                self._validate()
            while not asked and self.done < min(1.0, self.settings.pause_at):
                self._step()
                self.stands.seconds = time.monotonic() - began
                bar.tell(self.done, self.stands.step, self.recent[-1], self.stands.best_bits)
                if self._is_due(validated):
                    self._validate()
                    validated = time.monotonic()
            self.stopped = "interrupted" if asked else "budget"
            if self.recent:
                self._validate()

    def _is_due(self, validated: float) -> bool:
        if self.settings.steps is not None:
            return self.stands.step % self.settings.validate_every_steps == 0
        return time.monotonic() - validated >= self.settings.validate_every_s

    def _step(self) -> None:
        settings, step = self.settings, self.stands.step
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        rng = np.random.default_rng((settings.seed, step))
        pieces = self._draw(rng)
        x, hits, velocities, offsets, weight = _tensors(pieces)
        target = Target(hits, velocities, offsets)
        self.network.train()
        found, _ = self.network(x, target)
        parts = losses(found, target, weight)
        loss: Tensor = torch.stack([w * p for w, p in zip(WEIGHTS, parts, strict=True)]).sum()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.recent.append(parts[0].item() / math.log(2.0))
        self.stands.step += 1

    def _draw(self, rng: np.random.Generator) -> Pieces:
        if len(self.materials) == 1 or rng.random() < self.settings.mixed:
            return self.materials[0].draw(rng, self.settings.batch)
        return self.materials[1].draw(rng, self.settings.batch)

    def _validate(self) -> None:
        stands = self.stands
        model = as_model(self.network, self.styles)
        expected = judging.of_model(model, self.development)
        found = judging.judge(self.development, expected, self.since)
        row = {"step": stands.step, "seconds": round(stands.seconds, 1), **found.as_json()}
        if self.recent:
            row["training_bits"] = float(np.mean(self.recent))
        stands.history.append(row)
        self.recent = []
        if found.bits < stands.best_bits:
            weights = self.network.state_dict()
            stands.best = {name: weight.detach().clone() for name, weight in weights.items()}
            stands.best_bits = found.bits
        if self.settings.folder is not None:
            where = (self.settings.folder, self.signature, stands)
            checkpoint.save(*where, self.network, self.optimiser)


def train(
    grids: Sequence[Grid], development: Sequence[Grid], styles: Sequence[str],
    settings: Settings | None = None, resume: bool = False, shown: bool = True,
) -> Trained:  # fmt: skip
    """Learn from takes; PulseError in one line. Ctrl-C ends it as time does."""
    settings = settings or Settings()
    material = Material(grids, styles, settings.piece)
    return Training([material], development, settings, resume).run(shown)


def fine_tune(
    model: RhythmModel, own: Sequence[Grid], others: Sequence[Grid], development: Sequence[Grid],
    settings: Settings, shown: bool = True, since: Sequence[int] = (),
) -> Trained:  # fmt: skip
    """Go on from ``model`` with a performer's ``own`` takes, mixed with ``others`` where given.

    It chooses by ``development``, of each from its step ``since`` on, the whole unless given.
    """
    from models.pulse.rhythm.writing import as_network

    materials = [Material(own, model.styles, settings.piece)]
    if others:
        materials.append(Material(others, model.styles, settings.piece))
    start = as_network(model, settings.dropout)
    return Training(materials, development, settings, start=start, since=since).run(shown)


def _crc(grids: Iterable[Grid]) -> int:
    found = 0
    for grid in grids:
        for rows in (grid.hits, grid.velocities, grid.offsets):
            found = zlib.crc32(rows.tobytes(), found)
        found = zlib.crc32(repr((grid.bar, grid.tempo_bpm, grid.style)).encode(), found)
    return found


def _tensors(pieces: Pieces) -> list[Tensor]:
    parts = (pieces.x, pieces.hits, pieces.velocities, pieces.offsets, pieces.weight)
    return [torch.from_numpy(part) for part in parts]


def history_lines(folder: Path, trained: Trained) -> None:
    """Write the course of a training as lines of JSON."""
    import json

    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row) for row in trained.history]
    (folder / "history.jsonl").write_text("\n".join(lines) + "\n")


__all__ = ["Training", "fine_tune", "history_lines", "train"]
