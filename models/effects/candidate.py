"""One way to play an effect, ready to be measured against others and to be exported."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.modelfiles.model import Knob
from engine.neural.compiled import compile_network
from engine.neural.network import Network
from models.effects.grey import Found
from models.effects.training import Trained
from models.judging.errors import JudgeError
from models.judging.metrics import esr, mel_distance
from models.judging.player import Player
from models.pairs import KnobRange, Pair, Pairs


@dataclass(frozen=True)
class Candidate:
    """A network, trained or of grey boxes, as it will be played.

    ``said`` goes on the card. ``nam`` is the same network as a ``.nam`` document where that
    format can hold it.
    """

    name: str
    architecture: str
    network: Network
    sample_rate: int
    why: tuple[str, ...] = ()
    knobs: tuple[Knob, ...] = ()
    latency_samples: int = 0
    said: Mapping[str, str | int | float] = field(default_factory=dict)
    nam: bytes | None = None

    def player(self) -> Player:
        """What plays it on pairs: compiled as it will be live."""
        return Player(
            self.name,
            self.architecture,
            self.sample_rate,
            self.latency_samples,
            self.knobs,
            compile_network(self.network),
            None,
        )


def of_found(found: Found, pairs: Pairs) -> Candidate:
    """A grey box as a candidate."""
    return Candidate(
        found.name,
        found.name,
        found.network,
        pairs.sample_rate,
        found.why,
        found.knobs,
        found.latency_samples,
    )


def of_trained(trained: Trained, pairs: Pairs) -> Candidate:
    """A trained network as a candidate; its knobs have the ranges of the pairs."""
    turned = {knob.name: knob for knob in pairs.knobs}
    knobs = tuple(_knob(turned[name]) for name in trained.knobs)
    rows = trained.module.controls - len(knobs)
    knobs += tuple(Knob(f"control_{k + 1}", -1.0, 1.0, 0.0, -1.0, 1.0) for k in range(rows))
    to_nam = getattr(trained.module, "to_nam", None)
    nam = to_nam(trained.sample_rate) if to_nam and not trained.module.controls else None
    summary = {key: value for key, value in trained.summary().items() if key != "architecture"}
    return Candidate(
        trained.architecture,
        trained.architecture,
        trained.module.to_network(),
        trained.sample_rate,
        (f"{trained.module.weights} weights learnt in {trained.steps} steps.",),
        knobs,
        said=summary,
        nam=nam,
    )


def _knob(turned: KnobRange) -> Knob:
    middle = 0.5 * (turned.minimum + turned.maximum)
    return Knob(turned.name, turned.minimum, turned.maximum, middle)


@dataclass(frozen=True)
class Score:
    """How far a candidate is from the effect on held-out sound; lower is better.

    ``share`` is its mel distance over that of the clean sound.
    """

    esr: float
    clean_esr: float
    mel_db: float
    clean_mel_db: float

    @property
    def share(self) -> float:
        """Its mel distance over the clean sound's: 1 is as far as doing nothing."""
        return self.mel_db / max(self.clean_mel_db, 1e-9)

    def as_json(self) -> dict[str, Any]:
        """The figures, rounded; None for one that cannot be measured."""
        told = vars(self).items()
        return {key: float(f"{v:.4g}") if math.isfinite(v) else None for key, v in told}


def judge(candidate: Candidate, pairs: Sequence[Pair]) -> Score:
    """Measure a candidate on some pairs: errors by their energy, mel distances by their length.

    Infinitely far where what it plays is not finite.
    """
    player, rate = candidate.player(), candidate.sample_rate
    rows = []
    for pair in pairs:
        dry, wet = pair.load()
        made = player.play_pair(pair)
        if not np.isfinite(made).all():
            return Score(math.inf, math.inf, math.inf, math.inf)
        energy = float(np.sum(np.square(wet, dtype=np.float64)))
        try:
            errors = energy * esr(wet, made), energy * esr(wet, dry), energy
            mels = mel_distance(wet, made, rate), mel_distance(wet, dry, rate)
        except JudgeError:  # silence, or too short: it has no distance to anything
            continue
        rows.append((*errors, *mels, float(len(wet))))
    if not rows:
        return Score(math.inf, math.inf, math.inf, math.inf)
    error, clean, energy, mel, clean_mel, frames = np.array(rows).T
    weights = frames / frames.sum()
    return Score(
        float(error.sum() / energy.sum()),
        float(clean.sum() / energy.sum()),
        float(mel @ weights),
        float(clean_mel @ weights),
    )
