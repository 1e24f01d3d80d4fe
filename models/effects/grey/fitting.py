"""What all finders share: sound with its past, the error on held-out sound, least squares.

Boxes are compiled and heard themselves while they are fitted: what is fitted is what plays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from engine.boxes import Box, load
from engine.boxes.compiled import ENTRY, FRAMES
from engine.neural.network import Conv, Network, Signal, Stage, Term
from engine.shared import address, aligned
from models.pairs import Pair, Pairs

Audio = NDArray[np.float32]
Vector = NDArray[np.float64]

EXACT = 1e-12  # sum of squares; of sounds of energy 1 this is what 32 bits round


@dataclass(frozen=True)
class Heard:
    """Dry and wet sound (frames,), from the beginning of the file; it counts from ``first`` on.

    A pair that was cut out of a longer one begins with echoes of what was before it.
    """

    dry: Audio
    wet: Audio
    first: int = 0

    @property
    def counted(self) -> Audio:
        """The wet sound that counts."""
        return self.wet[self.first :]


def hear(pair: Pair) -> Heard:
    """A pair with all that was before it in its files."""
    dry, wet = replace(pair, start=0, frames=pair.start + pair.frames).load()
    return Heard(dry, wet, pair.start)


def training(pairs: Pairs, seconds: float) -> list[Heard]:
    """Training sound, about ``seconds`` of it: the most even spectra first, then spread evenly.

    Even spectra are sweeps and noise, which tell most about a linear effect.
    """
    given = [hear(pair) for pair in pairs.split("train")]
    budget = round(seconds * pairs.sample_rate)
    if sum(len(heard.dry) for heard in given) <= budget:
        return given
    order = sorted(given, key=lambda heard: -flatness(heard.dry))
    taken: list[Heard] = []
    spread = order[:: max(1, len(order) // 12)]
    for heard in [*order[: max(1, len(order) // 8)], *spread]:
        left = budget - sum(len(other.dry) for other in taken)
        if left <= 0:
            break
        if all(heard is not other for other in taken):
            taken.append(Heard(heard.dry[:left], heard.wet[:left]))
    return taken


def held_out(pairs: Pairs, seconds: float = 120.0) -> list[Heard]:
    """What is judged by: the validation pairs, or else those to train on; the first ``seconds``."""
    chosen = pairs.split("validation") or pairs.split("test") or pairs.split("train")
    taken, budget = [], seconds * pairs.sample_rate
    for pair in chosen:
        if budget > 0:
            taken.append(hear(pair))
            budget -= pair.frames
    return taken


def flatness(sound: Audio, size: int = 4096) -> float:
    """Spectral flatness: geometric over arithmetic mean of the power spectrum, 0 to 1."""
    if len(sound) < size:
        return 0.0
    rows = sound[: len(sound) // size * size].reshape(-1, size)[
        :: max(1, len(sound) // size // 200)
    ]
    power = np.mean(np.square(np.abs(np.fft.rfft(rows * np.hanning(size)))), axis=0) + 1e-20
    return float(np.exp(np.mean(np.log(power))) / np.mean(power))


def error(make: Callable[[Audio], Audio], sounds: Iterable[Heard]) -> float:
    """Error-to-signal ratio of what ``make`` makes of the dry sounds, over all that counts.

    Infinite where what it makes is not finite, or where the wet sounds are silent.
    """
    apart, whole = 0.0, 0.0
    for heard in sounds:
        made = np.asarray(make(heard.dry), np.float64)[heard.first :]
        apart += float(np.sum(np.square(heard.counted - made)))
        whole += float(np.sum(np.square(heard.counted, dtype=np.float64)))
    return apart / whole if whole > 0.0 and np.isfinite(apart) else float("inf")


def hear_through(box: Box, sound: Audio, sample_rate: int) -> Audio:
    """``engine.boxes.play`` for boxes that hear only the sound, without copying each block."""
    assert box.controls == 0
    loaded = load(box, sample_rate)
    memory = aligned(loaded.image.nbytes).view(np.float32)
    memory[:] = loaded.image
    blocks = -(-len(sound) // FRAMES)
    made = aligned(max(1, blocks) * FRAMES * 4).view(np.float32)
    made[: len(sound)], made[len(sound) :] = sound, 0.0
    call, state, first = ENTRY(loaded.address), address(memory), address(made)
    for place in range(first, first + blocks * FRAMES * 4, FRAMES * 4):
        call(state, place, FRAMES)
    return made[: len(sound)].copy()


def box_error(box: Box, sounds: Iterable[Heard], sample_rate: int) -> float:
    """Error-to-signal ratio of a box that hears nothing but the sound."""
    return error(lambda dry: hear_through(box, dry, sample_rate), sounds)


def box_network(box: Box, sample_rate: int, *more: Box) -> Network:
    """A network that is nothing but boxes, one after the other."""
    signal = given = Signal(1)
    ops = []
    for stage in (box, *more):
        after = Signal(1)
        ops.append(Stage((signal,), after, stage, sample_rate))
        signal = after
    return Network(given, signal, list(ops))


def with_residual(linear: Network, net: Network) -> Network:
    """``linear`` and ``net`` in parallel: the sum of what they make of the same sound.

    ``linear`` hears only the sound; ``net`` may have knobs too, which then are the network's.
    """
    assert linear.knobs == 0 and linear.output.channels == net.output.channels == 1
    ops = list(net.ops)
    if net.knobs:
        first = np.zeros((1, net.input.channels, 1), np.float32)
        first[0, 0, 0] = 1.0
        ops.append(Conv(linear.input, (Term(net.input, first),)))
        ops += linear.ops
    else:
        ops += [_hearing(op, linear.input, net.input) for op in linear.ops]
    both = Signal(1)
    straight = net.input if linear.output is linear.input and not net.knobs else linear.output
    ops.append(Conv(both, adds=(straight, net.output)))
    return Network(net.input, both, ops)


def _hearing(op: object, old: Signal, new: Signal) -> Stage:
    """A box's stage that hears ``new`` where it heard ``old``."""
    assert isinstance(op, Stage), "a linear network is made of boxes"
    return replace(op, sources=tuple(new if signal is old else signal for signal in op.sources))


def fit(
    forward: Callable[[Vector], Vector],
    start: Sequence[float] | Vector,
    low: Sequence[float] | Vector,
    high: Sequence[float] | Vector,
    rounds: int = 30,
) -> tuple[Vector, float]:
    """Numbers between ``low`` and ``high`` that make ``forward`` (n,), the error, smallest.

    Levenberg and Marquardt's method with numeric derivatives and Nielsen's rule for the
    damping (Damping parameter in Marquardt's method, 1999). Returns the numbers and the sum
    of squares. Steps that leave the bounds are cut off at them.
    """
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    at = np.clip(np.asarray(start, np.float64), low, high)
    span = high - low
    residual = forward(at)
    best, damping, grow = _energy(residual), 1e-3, 2.0
    slopes = _slopes(forward, at, residual, span, high)
    for _ in range(rounds):
        curve, pull = slopes @ slopes.T, slopes @ residual
        scale = np.diag(np.maximum(np.diag(curve), 1e-300))
        step = np.linalg.lstsq(curve + damping * scale, -pull, rcond=None)[0]
        tried = np.clip(at + step, low, high)
        moved = forward(tried)
        energy = _energy(moved)
        if energy < best:
            gain = 1.0 - energy / best
            at, residual, best = tried, moved, energy
            damping, grow = max(damping / 5.0, 1e-12), 2.0
            if gain < 1e-5 or best < EXACT:
                break
            slopes = _slopes(forward, at, residual, span, high)
        else:
            damping, grow = damping * grow, grow * 2.0
            if damping > 1e8 or np.max(np.abs(step) / span) < 1e-9:
                break
    return at, best


def _slopes(
    forward: Callable[[Vector], Vector], at: Vector, residual: Vector, span: Vector, high: Vector
) -> NDArray[np.float64]:
    """Derivatives of ``forward`` by each number: (numbers, n)."""
    rows = np.empty((len(at), len(residual)))
    for k in range(len(at)):
        step = 1e-4 * span[k] * (1.0 if at[k] + 1e-4 * span[k] <= high[k] else -1.0)
        moved = at.copy()
        moved[k] += step
        rows[k] = (forward(moved) - residual) / step
    return rows


def _energy(residual: Vector) -> float:
    energy = float(np.dot(residual, residual))
    return energy if np.isfinite(energy) else float("inf")


@dataclass(frozen=True)
class ResidualPair(Pair):
    """A pair whose wet sound is what a box leaves unexplained of it."""

    box: Box | None = None

    def load(self) -> tuple[Audio, Audio]:
        """Dry sound, and wet sound less what the box makes of it."""
        dry, wet = super().load()
        if self.box is None:
            return dry, wet
        whole = replace(self, start=0, frames=self.start + self.frames, box=None).load()[0]
        return dry, wet - hear_through(self.box, whole, self.sample_rate)[self.start :]


def residual(pairs: Pairs, box: Box) -> Pairs:
    """The same pairs, where wet is what ``box`` leaves of it for a network to learn."""
    left = (
        ResidualPair(**{field.name: getattr(pair, field.name) for field in fields(Pair)}, box=box)
        for pair in pairs.pairs
    )
    return replace(pairs, pairs=tuple(left))
