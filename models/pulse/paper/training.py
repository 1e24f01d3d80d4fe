"""Trains a network on beat vectors: on windows from rest, or on streams whose state is carried."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.checkpoint import save_checkpoint
from models.pulse.errors import PulseError
from models.pulse.paper.networks import ClockworkRNN, Network, StackedLSTM, detached
from models.pulse.paper.symbols import Representation, Symbols

LARGEST_GRADIENT = 1.0
LN2 = 0.6931471805599453


@dataclass(frozen=True)
class Plan:
    """One network of the study: which, and whether its state is carried."""

    name: str
    clockwork: bool
    stateful: bool
    about: str

    def network(self, classes: int, seed: int) -> Network:
        """A fresh one; the same seed gives the same weights."""
        torch.manual_seed(seed)
        return ClockworkRNN(classes) if self.clockwork else StackedLSTM(classes)


PLANS = {
    plan.name: plan
    for plan in (
        Plan("lstm", False, False, "stacked LSTM 50/100 on windows"),
        Plan("clockwork", True, False, "clockwork RNN 128/9 on windows"),
        Plan("lstm-stateful", False, True, "stacked LSTM 50/100, state carried"),
        Plan("clockwork-stateful", True, True, "clockwork RNN 128/9, state carried"),
    )
}


@dataclass(frozen=True)
class Training:
    """How networks are trained; ``seconds`` and ``epochs`` both end it."""

    window: int = 20
    epochs: int = 30
    seconds: float = 300.0
    batch: int = 128
    windows_an_epoch: int = 40_000
    streams: int = 8
    truncate: int = 256  # frames of a step of truncated backpropagation: the slowest clock once
    learning_rate: float = 3e-3
    stateful_learning_rate: float = 6e-3
    patience: int = 10
    seed: int = 1


@dataclass
class Course:
    """Where a training stands; the history has bits a frame of each epoch."""

    epoch: int = 0
    seconds: float = 0.0
    best: float = float("inf")
    stale: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    weights: dict[str, Tensor] | None = None


Tell = Callable[[float, str], None]
"""Is told which share of a training is done and how it stands."""


def train(
    plan: Plan, train_on: Sequence[Symbols], validate_on: Sequence[Symbols], kind: Representation,
    settings: Training, folder: Path | None = None, resume: bool = False,
    tell: Tell | None = None, stopped: Sequence[bool] = (),
) -> tuple[Network, Course]:  # fmt: skip
    """The network with the fewest bits on ``validate_on``, and its course; raises PulseError.

    It ends by ``settings`` or as soon as ``stopped`` holds anything: then the epoch under way is
    as if it had not been. The best is kept. With a ``folder`` each epoch is written there, and
    ``resume`` goes on from it where it is there. One thread is quickest for nets this small: see
    ``one_thread_each``.
    """
    longest = max(map(len, train_on), default=0)
    if longest <= settings.window:
        raise PulseError(f"window = {settings.window} frames: recordings have {longest} to learn")
    network, course = plan.network(kind.classes, settings.seed), Course()
    rate = settings.stateful_learning_rate if plan.stateful else settings.learning_rate
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    place = None if folder is None else folder / f"{plan.name}.pt"
    signature = _signature(plan, kind, settings, train_on)
    if resume and place is not None and place.is_file():
        course = _load(place, signature, network, optimiser)
    while not _over(course, settings) and not stopped:
        began = time.monotonic()
        torch.manual_seed(settings.seed * 1000 + course.epoch)
        _set_rate(optimiser, rate, course, settings)
        steps = _steps(plan, network, train_on, kind, settings, course.epoch)
        loss = _epoch(network, optimiser, steps, stopped, settings.seconds - course.seconds)
        if loss is None:
            break
        found = validation_bits(plan, network, validate_on, kind, settings.window)
        _note(course, network, loss, found, time.monotonic() - began)
        if place is not None:
            _save(place, signature, network, optimiser, course)
        if tell:
            tell(_done(course, settings), f"{plan.name} {found:.3f} bits, best {course.best:.3f}")
    if course.weights is not None:
        network.load_state_dict(course.weights)
    return network.eval(), course


def _signature(
    plan: Plan, kind: Representation, settings: Training, sequences: Sequence[Symbols]
) -> str:
    """What a checkpoint can be resumed with: on other recordings it may have heard the test."""
    heard = crc32(np.concatenate(sequences).tobytes())
    of = f"{kind.name}, window {settings.window}, seed {settings.seed}"
    return f"{plan.name} of {of}, recordings {heard:08x}"


def validation_bits(
    plan: Plan, network: Network, sequences: Sequence[Symbols], kind: Representation, window: int
) -> float:
    """Bits a frame over all frames of ``sequences`` but the first ``window`` of each."""
    from models.pulse.paper.running import predictor
    from models.pulse.paper.scores import bits, told

    what = told(predictor(plan, network, kind, window), sequences, window)
    return bits(what.odds, what.came)


def windows(
    sequences: Sequence[Symbols], kind: Representation, length: int
) -> tuple[Tensor, Tensor]:
    """Every run of ``length`` frames, (n, length) as heard, and the symbol that follows (n,)."""
    long_enough = [s for s in sequences if len(s) > length]
    rows = [np.lib.stride_tricks.sliding_window_view(s[:-1], length) for s in long_enough]
    heard = kind.values(np.concatenate(rows))
    return torch.from_numpy(heard), torch.from_numpy(
        np.concatenate([s[length:] for s in long_enough])
    )


def _steps(
    plan: Plan, network: Network, sequences: Sequence[Symbols], kind: Representation,
    settings: Training, epoch: int,
) -> Iterator[Tensor]:  # fmt: skip
    """The losses of one epoch, each to be followed by a step of the optimiser."""
    rng = np.random.default_rng([settings.seed, epoch])
    if plan.stateful:
        return _stream_losses(network, sequences, kind, settings, rng)
    return _window_losses(network, sequences, kind, settings, rng)


def _window_losses(
    network: Network, sequences: Sequence[Symbols], kind: Representation, settings: Training,
    rng: np.random.Generator,
) -> Iterator[Tensor]:  # fmt: skip
    heard, following = windows(sequences, kind, settings.window)
    chosen = rng.permutation(len(heard))[: settings.windows_an_epoch]
    for at in range(0, len(chosen), settings.batch):
        rows = torch.from_numpy(chosen[at : at + settings.batch])
        yield cross_entropy(network.following(heard[rows]), following[rows])


def _stream_losses(
    network: Network, sequences: Sequence[Symbols], kind: Representation, settings: Training,
    rng: np.random.Generator,
) -> Iterator[Tensor]:  # fmt: skip
    """All recordings in a row, cut into streams that are read side by side, state carried on.

    The order and the first frame are drawn anew, so that the clocks meet other frames.
    """
    order = rng.permutation(len(sequences))
    row = np.concatenate([sequences[i] for i in order])
    row = np.roll(row, -int(rng.integers(len(row))))
    streams = min(settings.streams, max(1, len(row) // settings.truncate))
    length = len(row) // streams
    rows = row[: streams * length].reshape(streams, length)
    heard, following = torch.from_numpy(kind.values(rows)), torch.from_numpy(rows)
    state: Any = None
    for at in range(0, length - 1, settings.truncate):
        end = min(at + settings.truncate, length - 1)
        logits, state = network.run(heard[:, at:end], detached(state))
        wanted = following[:, at + 1 : end + 1]
        yield cross_entropy(logits.reshape(-1, network.classes), wanted.reshape(-1))


def _epoch(
    network: Network, optimiser: torch.optim.Optimizer, losses: Iterator[Tensor],
    stopped: Sequence[bool], seconds: float,
) -> float | None:  # fmt: skip
    """Learn from ``losses`` until they end or time is up; their mean in bits, None if stopped.

    The generator computes a loss from the weights as they are, so the step comes in between.
    """
    network.train()
    began, found = time.monotonic(), []
    for loss in losses:
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        found.append(loss.item() / LN2)
        if stopped:
            return None
        if time.monotonic() - began > seconds:
            break
    return float(np.mean(found)) if found else None


def _set_rate(
    optimiser: torch.optim.Optimizer, rate: float, course: Course, settings: Training
) -> None:
    """Adam's rate falls to a tenth along a cosine."""
    fall = 0.5 * (1.0 + float(np.cos(np.pi * _done(course, settings))))
    optimiser.param_groups[0]["lr"] = rate * (0.1 + 0.9 * fall)


def _done(course: Course, settings: Training) -> float:
    most = max(course.epoch / settings.epochs, course.seconds / settings.seconds)
    return min(1.0, most)


def _over(course: Course, settings: Training) -> bool:
    return _done(course, settings) >= 1.0 or course.stale >= settings.patience


def _note(course: Course, network: Network, loss: float, found: float, seconds: float) -> None:
    course.epoch += 1
    course.seconds += seconds
    row = {"epoch": course.epoch, "seconds": course.seconds}
    course.history.append(row | {"train_bits": loss, "validation_bits": found})
    course.stale += 1
    if found < course.best:
        course.best, course.stale = found, 0
        course.weights = {k: v.detach().clone() for k, v in network.state_dict().items()}


KEPT = ("epoch", "seconds", "best", "stale", "history", "weights")


def _save(
    place: Path, signature: str, network: Network, optimiser: torch.optim.Optimizer, course: Course
) -> None:
    kept: dict[str, Any] = {key: getattr(course, key) for key in KEPT}
    kept |= {"signature": signature, "network": network.state_dict()}
    kept["optimiser"] = optimiser.state_dict()
    save_checkpoint(place, kept)


def _load(
    place: Path, signature: str, network: Network, optimiser: torch.optim.Optimizer
) -> Course:
    try:
        kept = torch.load(place, weights_only=True, map_location="cpu")
        given, course = kept["signature"], Course(**{key: kept[key] for key in KEPT})
    except Exception as error:  # torch raises pickle's own errors
        raise PulseError(f"{place}: no checkpoint of a study: {type(error).__name__}") from None
    if given != signature:
        raise PulseError(f"{place}: it is {given}, not {signature}; another --out starts afresh")
    network.load_state_dict(kept["network"])
    optimiser.load_state_dict(kept["optimiser"])
    return course


__all__ = ["PLANS", "Course", "Plan", "Tell", "Training", "train", "validation_bits", "windows"]
