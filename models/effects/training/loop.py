"""Trains a network on pairs until time is up, patience ends or Ctrl-C; the best is returned."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from models.effects.dataset import Batch, Material
from models.effects.losses import LONGEST_STFT, esr
from models.effects.networks import EffectNetwork, build
from models.effects.training import checkpoint
from models.effects.training.checkpoint import Progress
from models.effects.training.crew import Crew, one_thread_each
from models.effects.training.settings import RECIPES, Recipe, Settings, Trained, TrainingError
from models.effects.training.watching import PREVIEW_S, Bar, fabric, write_preview
from models.pairs import Pairs

HISTORY = "history.jsonl"
"""In the folder: a line for each validation, as it comes."""
PIECE_S, PIECES = 0.5, 40  # what is validated on while training, spread over the held-out sound
LAST_PIECES = 240  # and at the end
FLOOR = 0.02  # of the effect's mean power
LAST_RATE = 0.005  # of the learning rate
RISE = 0.02  # of the training, in which the learning rate rises
VALIDATION_SHARE = 12  # validating may take one part in so many
MOST_BROKEN = 20  # steps in a row whose loss is not finite


def train(
    pairs: Pairs, architecture: str, settings: Settings | None = None,
    resume: bool = False, progress: bool = True, network: EffectNetwork | None = None,
) -> Trained:  # fmt: skip
    """Return the best network found; PairsError, TrainingError or NetworkSizeError in one line.

    Ctrl-C ends it as time does: the best so far is returned. ``resume`` goes on from the
    checkpoint in the settings' folder, with the optimiser, schedule and segments that would
    have come next. ``network`` is learnt instead of a fresh one, by the recipe of
    ``architecture``; its levels are set here.
    """
    settings = settings or Settings()
    with one_thread_each():
        return Training(pairs, architecture, settings, resume, network).run(progress)


class Training:
    """One training: network, optimiser, sound and where it stands."""

    def __init__(
        self, pairs: Pairs, architecture: str, settings: Settings,
        resume: bool, network: EffectNetwork | None = None,
    ) -> None:  # fmt: skip
        if resume and settings.folder is None:
            raise TrainingError("resume: the settings name no folder with a checkpoint")
        self.settings, self.architecture = settings, architecture
        self.sample_rate = pairs.sample_rate
        self.heard, self.held_out = Material(pairs, "train"), Material(pairs, "validation")
        self.network = network or build(architecture, self.heard.controls, settings.seed)
        self.network.set_levels(*self.heard.levels())
        self.fabric = fabric(_known(settings.accelerator), settings.folder)
        self.network.to(self.fabric.device)
        self.recipe = recipe_of(architecture, settings, self.fabric.device.type != "cpu")
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), lr=self.recipe.learning_rate, betas=(0.9, 0.99)
        )
        knobs = ", ".join(knob.name for knob in self.heard.knobs) or "none"
        self.signature = f"{self.network.name} with knobs {knobs} and {self.heard.rows} rows beside"
        self.stands = Progress()
        if not resume and settings.folder is not None:
            (settings.folder / HISTORY).unlink(missing_ok=True)
        if resume:
            assert settings.folder is not None
            where = (settings.folder, self.signature, self.held_out.fingerprint)
            self.stands = checkpoint.load(*where, self.network, self.optimiser)
        threads = settings.threads if self.fabric.device.type == "cpu" else 1
        floor = FLOOR * self.heard.wet_power
        self.crew = Crew(self.network, settings.loss, floor, threads)
        self.losses: list[float] = []  # since the last validation
        self.broken = 0  # steps in a row whose loss is not finite
        self.stopped = "budget"
        self.validation_s = 0.0  # what the last one took

    def run(self, shown: bool) -> Trained:
        """Train to the end; return the best."""
        try:
            self._learn(shown)
            return self._finish()
        finally:
            self.crew.close()

    def _learn(self, shown: bool) -> None:
        pieces = self._on_device(self._pieces(PIECES))
        validated = previewed = time.monotonic()
        began = validated - self.stands.seconds
        with Bar(shown) as bar, interruptible() as asked:
            while not self._over(asked):
                self._step()
                self.stands.seconds = time.monotonic() - began
                bar.tell(self.done, self.stands.step, self.losses[-1], self.stands.best_esr)
                if self._is_due(validated):
                    self._validate(pieces)
                    validated = time.monotonic()
                    if validated - previewed > self.settings.preview_every_s:
                        self._preview()
                        previewed = validated
            if not self.stands.history or self.stands.history[-1]["step"] != self.stands.step:
                self._validate(pieces)
            self._preview()

    @property
    def done(self) -> float:
        """The share of the budget that is spent, 0 to 1."""
        if self.settings.steps is not None:
            return min(1.0, self.stands.step / self.settings.steps)
        return min(1.0, self.stands.seconds / (60.0 * self.settings.minutes))

    def rate(self) -> float:
        """Return the learning rate: a short rise, then a cosine over the budget."""
        rise = min(1.0, (self.done + 0.1 * RISE) / RISE)
        fall = 0.5 * (1.0 + math.cos(math.pi * self.done))
        return self.recipe.learning_rate * rise * (LAST_RATE + (1.0 - LAST_RATE) * fall)

    def _over(self, asked: list[bool]) -> bool:
        if asked:
            self.stopped = "interrupted"
        elif self.stands.stale >= self.settings.patience:
            self.stopped = "patience"
        else:
            if 1.0 > self.done >= self.settings.pause_at:
                self.stopped = "pause"
            return self.done >= min(1.0, self.settings.pause_at)
        return True

    def _step(self) -> None:
        self.optimiser.param_groups[0]["lr"] = self.rate()
        recipe, warm_up = self.recipe, self.network.warm_up
        truncate = recipe.truncate if self.network.truncated else 0
        given = (self.settings.seed, self.stands.step, recipe.batch, warm_up + recipe.segment)
        batch = self._on_device(self.heard.draw(*given))
        self.losses.append(self.crew.learn(self.optimiser, batch, truncate))
        self.stands.step += 1
        self.broken = 0 if math.isfinite(self.losses[-1]) else self.broken + 1
        if self.broken == MOST_BROKEN:
            told = f"the loss is not finite since {MOST_BROKEN} steps; a lower learning rate"
            raise TrainingError(f"{self.architecture}: {told} than {self.rate():.2g} may help")

    def _is_due(self, validated: float) -> bool:
        if self.settings.steps is not None:
            return self.stands.step % self.settings.validate_every_steps == 0
        pause = max(self.settings.validate_every_s, VALIDATION_SHARE * self.validation_s)
        return time.monotonic() - validated >= pause

    def _validate(self, pieces: Batch) -> None:
        began = time.monotonic()
        stands, found = self.stands, self._esr(pieces)
        self.validation_s = time.monotonic() - began
        recent = [loss for loss in self.losses if math.isfinite(loss)]
        mean = sum(recent) / len(recent) if recent else float("nan")
        row = {"step": stands.step, "seconds": stands.seconds, "loss": mean}
        row |= {"validation_esr": found, "learning_rate": self.rate()}
        stands.history.append(row)
        self._note(row)
        self.losses = self.losses[-1:]
        self.fabric.log_dict({k: v for k, v in row.items() if k != "step"}, step=stands.step)
        if found < stands.best_esr:
            weights = {k: v.detach().cpu().clone() for k, v in self.network.state_dict().items()}
            stands.best, stands.best_esr = weights, found
            stands.stale = 0
        else:
            stands.stale += 1
        if self.settings.folder is not None:
            where = (self.settings.folder, self.signature, self.held_out.fingerprint)
            checkpoint.save(*where, stands, self.network, self.optimiser)

    def _note(self, row: dict[str, float]) -> None:
        """Write a validation where others watch the training."""
        if self.settings.folder is not None:
            self.settings.folder.mkdir(parents=True, exist_ok=True)
            with (self.settings.folder / HISTORY).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def _pieces(self, most: int) -> Batch:
        frames = round(PIECE_S * self.sample_rate)
        return self.held_out.spread(frames, self.network.warm_up, most)

    def _esr(self, pieces: Batch) -> float:
        found = esr(self.crew.play(pieces), pieces[1][:, self.network.warm_up :])
        return found if math.isfinite(found) else float("inf")

    def _preview(self) -> None:
        if self.settings.folder is None:
            return
        frames = round(PREVIEW_S * self.sample_rate)
        dry, wet, controls = self._on_device(self.held_out.spread(frames, self.network.warm_up, 1))
        made = self.crew.play((dry, wet, controls))
        rows = {"dry": dry, "effect": wet}
        sounds = {name: row[0, self.network.warm_up :] for name, row in rows.items()}
        sounds["model"] = made[0]
        parts = {name: sound.cpu().numpy() for name, sound in sounds.items()}
        write_preview(self.settings.folder, self.sample_rate, parts)

    def _finish(self) -> Trained:
        stands = self.stands
        if stands.best is None:
            raise TrainingError(f"{self.architecture}: stopped before it had learnt anything")
        self.network.load_state_dict(stands.best)
        found = self._esr(self._on_device(self._pieces(LAST_PIECES)))
        for logger in self.fabric.loggers:
            logger.finalize("success")
        return Trained(
            self.network.cpu().eval(), self.architecture,
            tuple(knob.name for knob in self.heard.knobs), self.sample_rate, found,
            stands.seconds, stands.step, tuple(stands.history), self.stopped, self.settings,
        )  # fmt: skip

    def _on_device(self, batch: Batch) -> Batch:
        dry, wet, controls = batch
        move: Any = self.fabric.to_device
        return move(dry), move(wet), None if controls is None else move(controls)


def recipe_of(architecture: str, settings: Settings, on_gpu: bool) -> Recipe:
    """Return the recipe for an architecture with what the settings say instead."""
    usual = RECIPES[architecture.split("-")[0]]
    batch = usual.batch * (usual.on_gpu if on_gpu else 1)
    segment, truncate = settings.segment or usual.segment, usual.truncate
    least = LONGEST_STFT if settings.loss.stft else 1
    if segment < least:
        raise TrainingError(f"segment = {segment}: with stft in the loss, at least {least}")
    if truncate:
        truncate = min(max(truncate, least), segment)
    rate = settings.learning_rate or usual.learning_rate
    return Recipe(settings.batch or batch, segment, rate, truncate)


@contextmanager
def interruptible() -> Iterator[list[bool]]:
    """Yield a list that Ctrl-C makes true, so that a step is finished; a second one breaks off."""
    asked: list[bool] = []

    def stop(*_: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(True)

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _known(accelerator: str) -> str:
    """Return "cpu" or "cuda"; Apple's GPU lacks the double precision that poles are rounded in."""
    if accelerator not in ("auto", "cpu", "gpu", "cuda"):
        raise TrainingError(f"accelerator = {accelerator} is none of auto, cpu, gpu, cuda")
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise TrainingError(f"accelerator = {accelerator}: torch finds no GPU here")
    return "cpu" if accelerator == "cpu" or not torch.cuda.is_available() else "cuda"
