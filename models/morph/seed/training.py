"""Trains an autoencoder of notes; a checkpoint after each epoch, the best by validation is kept.

trained = train_seed(notes, Settings.ours(epochs=20), Path("runs/seed"), told=print)
trained.rmse_db, trained.network
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from engine.morph.errors import MorphError
from models.morph.seed import checkpoint
from models.morph.seed.figures import figures_of, merit_of
from models.morph.seed.losses import Figures, loss_of
from models.morph.seed.material import Material, NoteArrays, held_out
from models.morph.seed.networks import build
from models.morph.seed.settings import Progress, Settings, Stop, Told, Trained, never, nothing

LARGEST_GRADIENT = 1.0
PLATEAU_FACTOR = 0.5  # of the learning rate
RISE, LAST_RATE = 0.01, 0.02  # of the training; of the learning rate, by the cosine
TELL_EVERY_S = 0.5
FITTED = 999_983  # the seed of the mixtures that a network is fitted to before it learns
KNOWN = 512  # notes whose codes tell how codes are spread


def train_seed(
    notes: NoteArrays, settings: Settings | None = None, folder: Path | None = None,
    told: Told = nothing, stop: Stop = never, *, valid: NoteArrays | None = None,
    resume: bool = False,
) -> Trained:  # fmt: skip
    """Learn ``notes``; MorphError in one line.

    Validates on ``valid``, or on instruments that are held out of ``notes``. ``told`` hears of
    progress, ``stop`` is asked after each batch: what was best so far is returned. With a
    ``folder`` each epoch is kept there; ``resume`` goes on from the last one, as if never stopped.
    Without ``valid``, and where only one instrument is there, raises.
    """
    settings = settings or Settings()
    if folder is None and resume:
        raise MorphError("resume: no folder is given to go on in")
    if folder is not None:
        checkpoint.check_folder(folder, resume)
    if valid is None:
        notes, valid = held_out(notes, settings.held_out, settings.seed)
    with _threads(settings.threads):
        return Training(notes, valid, settings, folder, told, resume).run(stop)


@dataclass
class Stands:
    """Where a training is, beside its weights and optimiser."""

    epoch: int = 0
    seconds: float = 0.0
    best: float = math.inf  # `merit_of` of the best
    rmse_db: float = math.inf  # of the best
    history: list[dict[str, Any]] = field(default_factory=list)


class Training:
    """One training: network, optimiser, notes, and where it stands."""

    def __init__(
        self, notes: NoteArrays, valid: NoteArrays, settings: Settings, folder: Path | None,
        told: Told, resume: bool,
    ) -> None:  # fmt: skip
        if valid.samples != notes.samples:
            told_samples = f"{valid.samples} samples, those to learn {notes.samples}"
            raise MorphError(f"notes to validate on have {told_samples}; as many are allowed")
        if len(notes) < 2:
            raise MorphError("1 note to learn; 2 at least are allowed")
        self.settings, self.folder, self.told = settings, folder, told
        self.device = _device(settings.device)
        self.heard = Material(notes, settings.transform)
        self.valid = Material(valid, settings.transform, settings.transform.top_db)
        self.network = build(settings, self.heard.frames)
        self.stands = Stands()
        if not resume:
            drawn = (settings.batch, settings.mixed, (settings.seed, FITTED), self.network.below)
            self.network.fit(partial(self.heard.drawn, *drawn))
            if folder is not None:
                checkpoint.write_settings(folder, settings, notes.samples)
        self.network.to(self.device)
        learnt = [one for one in self.network.parameters() if one.requires_grad]
        given = learnt or [torch.nn.Parameter(torch.zeros(1))]
        self.optimiser = torch.optim.Adam(given, settings.learning_rate, betas=(0.9, 0.99))
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimiser, factor=PLATEAU_FACTOR, patience=settings.patience
        )
        self.best: dict[str, Any] = {}
        self.epochs = settings.epochs if self.network.learns else 1
        self.said = 0.0
        if resume:
            self._resume()

    def run(self, stop: Stop) -> Trained:
        """Train to the end, or until ``stop`` says so."""
        began = time.monotonic() - self.stands.seconds
        stopped = "budget"
        if not self.best:
            self._keep_if_best(self.figures(self.valid))
            self._save(True)
        while not self._over():
            row = self._epoch(began, stop)
            if row is None:
                stopped = "interrupted"
                break
            self._end_epoch(row, began)
        self.network.load_state_dict(self.best)
        return Trained(
            self.network.cpu().eval(), self.settings, self.folder, self.stands.rmse_db,
            self.stands.epoch, self.stands.seconds, stopped, tuple(self.stands.history),
        )  # fmt: skip

    @property
    def done(self) -> float:
        """The share of the training that is done, 0 to 1: whichever ends first."""
        shares = [self.stands.epoch / self.epochs]
        if self.settings.minutes:
            shares.append(self.stands.seconds / (60.0 * self.settings.minutes))
        return min(1.0, max(shares))

    def _over(self) -> bool:
        return self.done >= 1.0

    def _epoch(self, began: float, stop: Stop) -> tuple[float, float] | None:
        """Learn all notes once; the means of loss and squared error, None if stopped within."""
        settings, network = self.settings, self.network
        batches = math.ceil(len(self.heard) / settings.batch)
        seed = (settings.seed, self.stands.epoch)
        torch.manual_seed(settings.seed * 100_003 + self.stands.epoch)
        losses, errors = 0.0, 0.0
        network.train()
        drawn = self.heard.drawn(settings.batch, settings.mixed, seed) if network.learns else ()
        for k, (values, pitches) in enumerate(drawn):
            part = (k + 1) / batches
            self._set_rate(part, began)
            loss, error = self._step(values.to(self.device), pitches.to(self.device))
            losses, errors = losses + loss, errors + error
            if stop():
                return None
            self._tell(part, began, losses / (k + 1), errors / (k + 1))
            if self.settings.minutes and time.monotonic() - began > 60.0 * self.settings.minutes:
                return losses / (k + 1), errors / (k + 1)
        return losses / batches, errors / batches

    def _step(self, values: torch.Tensor, pitches: torch.Tensor) -> tuple[float, float]:
        made, cost = self.network(values, pitches)
        loss, error = loss_of(self.settings, made, values, cost)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        if not torch.isfinite(norm):
            told = f"a lower learning rate than {self.settings.learning_rate:g} may help"
            raise MorphError(f"epoch {self.stands.epoch + 1}: the loss is not finite; {told}")
        self.optimiser.step()
        return float(loss.detach()), float(error.detach())

    def _set_rate(self, part: float, began: float) -> None:
        if self.settings.schedule != "cosine":
            return
        shares = [(self.stands.epoch + part) / self.epochs]
        if self.settings.minutes:
            shares.append((time.monotonic() - began) / (60.0 * self.settings.minutes))
        done = min(1.0, max(shares))
        fall = LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * done))
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * fall * min(1.0, (done + 1e-3) / RISE)

    def _end_epoch(self, means: tuple[float, float], began: float) -> None:
        stands = self.stands
        figures = self.figures(self.valid)
        found = figures.rmse_db
        best = self._keep_if_best(figures)
        if self.settings.schedule == "plateau":
            self.plateau.step(found)
        stands.epoch += 1
        stands.seconds = time.monotonic() - began
        row = self._progress(self.done, stands.epoch, means, found, figures.convergence_db, best)
        stands.history.append(row.as_json())
        self._save(best)
        self.told(row)

    def _keep_if_best(self, figures: Figures) -> bool:
        """The network before it learns counts too: some are fitted already."""
        merit = merit_of(self.settings, figures)
        if self.best and merit >= self.stands.best:
            return False
        self.stands.best, self.stands.rmse_db = merit, figures.rmse_db
        self._know_codes()
        state = self.network.state_dict()
        self.best = {name: one.detach().cpu().clone() for name, one in state.items()}
        return True

    def _know_codes(self) -> None:
        """What the codes' mean and spread are, for a hand that sets them."""
        self.network.eval()
        codes = []
        with torch.no_grad():
            for values, pitches in self.heard.plain(self.settings.batch):
                codes.append(self.network.encode(values.to(self.device), pitches.to(self.device)))
                if len(codes) * self.settings.batch >= KNOWN:
                    break
        told = torch.cat(codes)
        self.network.centre.copy_(told.mean(0))
        self.network.spread.copy_(told.std(0) if len(told) > 1 else torch.ones_like(told[0]))

    def figures(self, material: Material) -> Figures:
        """How well these notes come back."""
        return figures_of(self.network, material, self.settings.batch, self.device)

    def _tell(self, part: float, began: float, loss: float, error: float) -> None:
        seconds = time.monotonic() - began
        if seconds - self.said < TELL_EVERY_S:
            return
        self.said = self.stands.seconds = seconds
        done = max(self.done, min(1.0, (self.stands.epoch + part) / self.epochs))
        self.told(self._progress(done, self.stands.epoch + 1, (loss, error)))

    def _progress(
        self, done: float, epoch: int, means: tuple[float, float], found: float | None = None,
        convergence: float | None = None, best: bool = False,
    ) -> Progress:  # fmt: skip
        loss, error = means
        rmse = self.settings.transform.top_db * math.sqrt(error)
        rate = float(self.optimiser.param_groups[0]["lr"])
        seconds = self.stands.seconds
        return Progress(epoch, done, seconds, loss, rmse, rate, found, convergence, best)

    def _save(self, best: bool) -> None:
        if self.folder is None:
            return
        stands = self.stands
        kept: dict[str, Any] = {"settings": self.settings.as_json(), "network": {}}
        kept |= {"epoch": stands.epoch, "seconds": stands.seconds, "best": stands.best}
        kept |= {"rmse_db": stands.rmse_db}
        kept |= {"optimiser": self.optimiser.state_dict(), "history": stands.history}
        kept |= {"plateau": self.plateau.state_dict(), "network": self.network.state_dict()}
        if best:
            checkpoint.save(self.folder / checkpoint.BEST, {"network": self.best})
        checkpoint.save(self.folder / checkpoint.CHECKPOINT, kept)
        checkpoint.write_history(self.folder, stands.history)

    def _resume(self) -> None:
        assert self.folder is not None
        path = self.folder / checkpoint.CHECKPOINT
        wanted = (
            "settings",
            "network",
            "optimiser",
            "plateau",
            "epoch",
            "seconds",
            "best",
            "rmse_db",
        )
        kept = checkpoint.load(path, (*wanted, "history"))
        checkpoint.check_same(path, kept["settings"], self.settings.as_json())
        best = checkpoint.load(self.folder / checkpoint.BEST, ("network",))
        try:
            self.network.load_state_dict(kept["network"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.plateau.load_state_dict(kept["plateau"])
        except (KeyError, RuntimeError, TypeError, ValueError):
            raise MorphError(f"{path}: its weights are not those of these settings") from None
        self.best = best["network"]
        given = (kept["epoch"], kept["seconds"], kept["best"], kept["rmse_db"], kept["history"])
        self.stands = Stands(*given)
        self.said = self.stands.seconds


def _device(wanted: str) -> str:
    known = torch.cuda.is_available()
    if wanted == "cuda" and not known:
        raise MorphError("device = cuda: torch finds no GPU here; allowed are auto, cpu")
    return "cuda" if known and wanted != "cpu" else "cpu"


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


__all__ = ["Stands", "Training", "train_seed"]
