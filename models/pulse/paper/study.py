"""The whole study of one representation: baselines, networks, what they make of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models.effects.training.crew import one_thread_each
from models.pulse.errors import PulseError
from models.pulse.paper import generation, plots
from models.pulse.paper.baselines import NGram, Predictor, ngram, repeat_last
from models.pulse.paper.generation import Generator, Liveliness, liveliness
from models.pulse.paper.material import Material, Split, split
from models.pulse.paper.networks import Network
from models.pulse.paper.reference import difference
from models.pulse.paper.running import Counted, predictor
from models.pulse.paper.scores import Score, score, told
from models.pulse.paper.symbols import Representation, Symbols
from models.pulse.paper.training import PLANS, Course, Plan, Tell, Training, train

ORDERS = (2, 4, 8)


@dataclass(frozen=True)
class Order:
    """What is studied and how long: ``training.seconds`` is for each network."""

    kind: Representation
    plans: tuple[Plan, ...] = tuple(PLANS.values())
    training: Training = field(default_factory=Training)
    seeds: int = 100
    frames: int = generation.FRAMES
    temperature: float = 1.0


@dataclass(frozen=True)
class Row:
    """One line of the table; what is None was not asked of it."""

    name: str
    about: str
    score: Score
    argmax: Liveliness | None = None
    sampled: Liveliness | None = None
    parameters: int = 0
    epochs: int = 0
    seconds: float = 0.0
    reference: float | None = None  # the largest difference from the literal reference

    def as_json(self) -> dict[str, Any]:
        """As an object."""
        parts = {"argmax": self.argmax, "sampled": self.sampled}
        made = {name: part.as_json() if part else None for name, part in parts.items()}
        given = {"name": self.name, "about": self.about, **self.score.as_json(), **made}
        trained = {"parameters": self.parameters, "epochs": self.epochs, "seconds": self.seconds}
        return given | trained | {"reference_difference": self.reference}


@dataclass(frozen=True)
class Findings:
    """A finished study, or what there was when it was stopped."""

    kind: Representation
    frames: dict[str, int]
    rows: tuple[Row, ...]
    pictures: dict[str, bytes]
    stopped: bool

    def as_json(self) -> dict[str, Any]:
        """As an object, without its pictures."""
        rows = [row.as_json() for row in self.rows]
        about = {"representation": self.kind.name, "frames": self.frames}
        return {**about, "rows": rows, "stopped": self.stopped}


class Study:
    """One study at work. ``stopped`` ends it after the step of training that is under way."""

    def __init__(self, material: Material, order: Order, stopped: Sequence[bool] = ()) -> None:
        self.order, self.stopped = order, stopped
        self.parts: Split = split(material, order.kind)
        self.skipped = order.training.window
        for name, sequences in self.parts.by_name.items():
            longest = max(map(len, sequences), default=0)
            if longest <= self.skipped:
                raise PulseError(f"window = {self.skipped} frames: for {name} there are {longest}")
        rng = np.random.default_rng(order.training.seed)
        longest = max(map(len, self.parts.test)) - self.skipped
        more = min(order.frames, (longest + 1) // 2)  # a short recording must hold several seeds
        runs = generation.seeds_of(self.parts.test, self.skipped, order.seeds, rng, more)
        self.seeds, self.true = runs[:, : self.skipped], runs[:, self.skipped :]
        self.made: dict[str, Symbols] = {}
        self.histories: dict[str, list[dict[str, float]]] = {}

    def run(
        self, folder: Path | None = None, resume: bool = False, tell: Tell | None = None
    ) -> Findings:
        """All rows of the table; with a ``folder`` it can be resumed."""
        rows = self.baselines()
        for number, plan in enumerate(self.order.plans):
            if self.stopped:
                break
            part = share_of(tell, number, len(self.order.plans))
            row = self.trained(plan, self.order.training, folder, resume, part)
            rows += [row] if row else []
        counted = {name: sum(map(len, parts)) for name, parts in self.parts.by_name.items()}
        pictures = self.pictures(rows)
        return Findings(self.order.kind, counted, tuple(rows), pictures, bool(self.stopped))

    def baselines(self) -> list[Row]:
        """Majority, repeat-last, Markov-1 and n-grams."""
        heard, classes = self.parts.train, self.order.kind.classes
        rows = [
            self._row("majority", "the commonest symbol", ngram(heard, classes, 1)),
            self._row("repeat-last", "the last symbol again", repeat_last(heard, classes)),
        ]
        for length in ORDERS:
            name = "markov-1" if length == 2 else f"{length}-gram"
            model = ngram(heard, classes, length)
            rows.append(self._row(name, f"counted after {length - 1} symbols", model))
        return rows

    def trained(
        self, plan: Plan, training: Training, folder: Path | None = None, resume: bool = False,
        tell: Tell | None = None,
    ) -> Row | None:  # fmt: skip
        """The row of one network; None if it was stopped before it had learnt anything."""
        given = (plan, self.parts.train, self.parts.validation, self.order.kind, training)
        with one_thread_each():
            network, course = train(*given, folder, resume, tell, self.stopped)
            return None if course.weights is None else self._judged(plan, network, course, training)

    def _judged(self, plan: Plan, network: Network, course: Course, training: Training) -> Row:
        order = self.order
        self.histories[plan.name] = course.history
        model = predictor(plan, network, order.kind, training.window)
        heard = order.kind.values(self.true[0]).astype(np.float64)
        more = {
            "parameters": sum(p.numel() for p in network.parameters()),
            "epochs": course.epoch,
            "seconds": round(course.seconds, 1),
            "reference": difference(network, heard),
        }
        return self._row(plan.name, plan.about, model, model, more)

    def _row(
        self, name: str, about: str, model: Predictor, generator: Generator | None = None,
        more: dict[str, Any] | None = None,
    ) -> Row:  # fmt: skip
        on_validation = told(model, self.parts.validation, self.skipped)
        found = score(told(model, self.parts.test, self.skipped), on_validation)
        if isinstance(model, NGram) and model.context > 0:
            generator = Counted(model)
        if generator is None:
            return Row(name, about, found)
        likeliest = self._alive(generator, 0.0)[1]
        self.made[name], sampled = self._alive(generator, self.order.temperature)
        return Row(name, about, found, likeliest, sampled, **(more or {}))

    def _alive(self, generator: Generator, temperature: float) -> tuple[Symbols, Liveliness]:
        rng = np.random.default_rng(self.order.training.seed)
        made = generation.generate(generator, self.seeds, temperature, rng, self.order.frames)
        return made, liveliness(made, self.seeds, self.true)

    def pictures(self, rows: Sequence[Row]) -> dict[str, bytes]:
        """Pictures by the name of their file."""
        kind = self.order.kind
        levels = {r.name: r.score.bits for r in rows if r.name in ("majority", "4-gram")}
        drawn = {n: s for n, s in self.made.items() if n in (*PLANS, "4-gram")}
        return {
            f"losses-{kind.name}.png": plots.losses(self.histories, levels),
            f"densities-{kind.name}.png": plots.densities(self.seeds, self.true, drawn, kind),
        }


def share_of(tell: Tell | None, number: int, of: int) -> Tell | None:
    """What is told of the part ``number`` as a share of the whole."""
    if tell is None:
        return None
    return lambda done, text: tell((number + done) / of, text)


__all__ = ["Findings", "Order", "Row", "Study", "share_of"]
