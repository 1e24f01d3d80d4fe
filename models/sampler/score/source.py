"""A source, analysed once, and the score of a sound against it.

source = Source(recording, 44_100)
scored = score(dream, source, rate=22_050)
scored.grade, scored.passed, scored.values["copy"]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.sampler.errors import SamplerError
from models.sampler.score import artefacts, copying, likeness, stuck
from models.sampler.score.features import Heard, common_rate, hear, is_silent, resampled
from models.sampler.score.limits import LIMITS
from models.sampler.score.residual import burstiness, threshold_of
from models.sampler.score.scored import Scored

Array = NDArray[Any]

SHORTEST_S = 0.5
PIECE_S = 300.0
"""A longer sound is scored in pieces, and the worst value of any is told."""
BREAKS_S = 300.0
"""How much of a source tells how often it breaks by itself."""
WORST = {
    "clicks": 0.0, "floor": 99.0, "flat": 1.0, "seam": 0.0, "dc": 99.0, "clip": 0.0, "fad": 999.0,
    "pitch": 1.0, "ltas": 99.0, "near": 99.0, "move": 0.0, "tone": 1.0, "copy": 0.0, "cover": 0.0,
    "wave": 0.0, "stuck": 1.0,
}  # fmt: skip
"""What silence and numbers that are not finite score."""


class Source:
    """A recording that sounds are compared with; what is worked out is kept.

    ``sound`` is (m,) or (m, channels), mixed to one; SamplerError if it is silent, not finite or
    shorter than half a second.
    """

    def __init__(self, sound: Array, rate: int) -> None:
        self.rate = int(rate)
        self.sound = mono(sound)
        if not np.isfinite(self.sound).all():
            raise SamplerError("the source has samples that are not finite numbers")
        if len(self.sound) < SHORTEST_S * self.rate:
            raise SamplerError(
                f"the source lasts {len(self.sound) / self.rate:.2f} s; {SHORTEST_S} s are needed"
            )
        if is_silent(self.sound):
            raise SamplerError("the source is silent")
        self._at: dict[int, Known] = {}

    def at(self, rate: int) -> Known:
        """The analysis at this rate."""
        if rate not in self._at:
            self._at[rate] = Known(hear(resampled(self.sound, self.rate, rate), rate))
        return self._at[rate]


@dataclass(frozen=True)
class Known:
    """The analysis of a source at one rate; each part is worked out when it is first asked for."""

    heard: Heard

    @cached_property
    def outstanding(self) -> Array:
        first = self.heard.sound[: round(BREAKS_S * self.heard.rate)]
        return burstiness(first, self.heard.rate)

    @cached_property
    def threshold(self) -> float:
        return threshold_of(self.outstanding, self.heard.rate)

    @cached_property
    def clicks(self) -> float:
        return artefacts.click_rate(self.outstanding, self.heard.rate, self.threshold)

    @cached_property
    def floor(self) -> Array:
        return artefacts.noise_floor(self.heard)

    @cached_property
    def flatness(self) -> float:
        return artefacts.flatness(self.heard)

    @cached_property
    def likeness(self) -> likeness.Likeness:
        return likeness.likeness(self.heard)

    @cached_property
    def prints(self) -> Array:
        return copying.fingerprints(self.heard)

    @cached_property
    def loops(self) -> stuck.Bounds:
        return stuck.bounds_of(self.heard, self.prints)


def score(
    out: Array, source: Source, rate: int | None = None, periods: Sequence[int] = ()
) -> Scored:
    """Measure ``out``, (n,) or (n, channels) at ``rate`` (the source's if not told).

    ``periods`` are more lengths, in samples of ``out``, at which there may be seams. Silence and
    samples that are not finite are Low; SamplerError for less than half a second.
    """
    rate = int(rate or source.rate)
    sound = mono(out)
    seconds = len(sound) / rate
    if seconds < SHORTEST_S:
        raise SamplerError(
            f"a sound of {seconds:.2f} s cannot be scored; {SHORTEST_S} s are needed"
        )
    common = common_rate(rate, source.rate)
    if not np.isfinite(sound).all():
        return Scored(dict(WORST), seconds, common, ("has samples that are not finite numbers",))
    if is_silent(sound):
        return Scored(dict(WORST), seconds, common, ("is silent",))
    pieces = np.array_split(sound, int(np.ceil(seconds / PIECE_S)))
    found = [_piece(piece, rate, source.at(common), periods) for piece in pieces]
    values = {name: _worst(name, [values[name] for values, _ in found]) for name in LIMITS}
    notes: tuple[str, ...] = ()
    if values["copy"]:
        most = int(np.argmax([values["copy"] for values, _ in found]))
        notes = (_told(found[most][1], most * len(pieces[0]) / rate),)
    return Scored(values, seconds, common, notes)


def _piece(
    sound: Array, rate: int, known: Known, periods: Sequence[int]
) -> tuple[dict[str, float], copying.Copies]:
    """Values of at most five minutes, and where they copy."""
    if is_silent(sound):
        return dict(WORST), copying.Copies(0.0, 0.0, 0.0, 0.0, 0.0)
    heard = hear(resampled(sound, rate, known.heard.rate), known.heard.rate)
    values = {**_artefacts(sound, heard, rate, known, periods), **_likeness(heard, known)}
    prints = copying.fingerprints(heard)
    copies = copying.copies(heard, prints, known.heard, known.prints)
    values |= {"copy": copies.copy, "cover": copies.cover, "wave": copies.wave}
    values["stuck"] = stuck.stuck(heard, prints, known.loops)
    return _finite(values), copies


def _worst(name: str, values: list[float]) -> float:
    return min(values) if LIMITS[name].more_is_better else max(values)


def mono(sound: Array) -> Array:
    """(n,) of (n,) or (n, channels), float64."""
    whole = np.asarray(sound, np.float64)
    return whole.mean(1) if whole.ndim == 2 else whole


def _artefacts(
    sound: Array, heard: Heard, rate: int, known: Known, periods: Sequence[int]
) -> dict[str, float]:
    outstanding = burstiness(heard.sound, heard.rate)
    clicks = artefacts.click_rate(outstanding, heard.rate, known.threshold)
    seams = []
    for period in {*artefacts.PERIODS, *periods}:
        length = period * heard.rate / rate
        if length < artefacts.SMEAR * 4:
            continue
        of_source = artefacts.seam(known.outstanding, length)
        seams.append(artefacts.seam(outstanding, length) / max(of_source, 1.0))
    return {
        "clicks": max(0.0, clicks - known.clicks),
        "floor": float(np.maximum(artefacts.noise_floor(heard) - known.floor, 0.0).mean()),
        "flat": artefacts.flatness(heard) - known.flatness,
        "seam": max(seams),
        "dc": artefacts.offset(sound),
        "clip": artefacts.clipped(sound),
    }


def _likeness(heard: Heard, known: Known) -> dict[str, float]:
    like = known.likeness
    return {
        "fad": likeness.timbre(heard, like),
        "pitch": likeness.pitch_apart(heard, like),
        "ltas": likeness.spectrum_apart(heard, like),
        "near": likeness.nearest(heard, like),
        "move": likeness.motion(heard) / max(like.move, 1e-9),
        "tone": abs(artefacts.flatness(heard) - known.flatness),
    }


def _told(copies: copying.Copies, later_s: float) -> str:
    at = copies.at_s + later_s
    return f"{copies.copy:.1f} s at {at:.1f} s are as at {copies.of_s:.1f} s of the source"


def _finite(values: dict[str, float]) -> dict[str, float]:
    return {n: float(np.nan_to_num(v, nan=WORST[n], posinf=1e6)) for n, v in values.items()}


__all__ = ["Source", "score"]
