"""How good a prediction of the next frame is: accuracy says little, bits and onsets say more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.pulse.paper.baselines import Odds, Predictor, RepeatLast
from models.pulse.paper.symbols import Symbols


@dataclass(frozen=True)
class Score:
    """Accuracy, bits a frame and F1 of onsets (any symbol but 0), of one predictor.

    ``onset_f1`` is of its likeliest symbols; ``onset_f1_best`` is with an onset wherever its
    odds pass a threshold that was chosen on other frames.
    """

    accuracy: float
    bits: float
    onset_f1: float
    onset_f1_best: float

    def as_json(self) -> dict[str, Any]:
        """As an object."""
        return asdict(self)


@dataclass(frozen=True)
class Told:
    """What a predictor said of frames (n,): odds (n, classes), its guesses, what came."""

    odds: Odds
    guesses: Symbols
    came: Symbols


def told(predictor: Predictor, sequences: Sequence[Symbols], skipped: int) -> Told:
    """Ask ``predictor`` for every frame of ``sequences`` but the first ``skipped`` of each."""
    long_enough = [s for s in sequences if len(s) > skipped]
    odds = np.concatenate([predictor.odds(s)[skipped:] for s in long_enough])
    came = np.concatenate([s[skipped:] for s in long_enough])
    if isinstance(predictor, RepeatLast):
        guesses = np.concatenate([predictor.guesses(s)[skipped:] for s in long_enough])
    else:
        guesses = odds.argmax(axis=1)
    return Told(odds, guesses, came)


def score(on_test: Told, on_validation: Told) -> Score:
    """The figures of a predictor; its threshold comes from the validation."""
    return Score(
        float((on_test.guesses == on_test.came).mean()),
        bits(on_test.odds, on_test.came),
        f1(on_test.guesses > 0, on_test.came > 0),
        f1(onset_odds(on_test) >= threshold(on_validation), on_test.came > 0),
    )


def bits(odds: Odds, came: Symbols) -> float:
    """Mean of -log2 of the odds of what came."""
    given = odds[np.arange(len(came)), came]
    return float(-np.log2(np.maximum(given, 1e-12)).mean())


def f1(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall; 0 where nothing was right."""
    both = int((said & true).sum())
    return 2.0 * both / max(1, int(said.sum()) + int(true.sum()))


def onset_odds(what: Told) -> NDArray[np.float64]:
    """Odds (n,) of any symbol but 0."""
    return np.asarray(1.0 - what.odds[:, 0])


def threshold(what: Told) -> float:
    """The odds of an onset from which on to say one, for the best F1 on these frames."""
    odds = onset_odds(what)
    order = np.argsort(-odds, kind="stable")
    right = np.cumsum(what.came[order] > 0)
    found = 2.0 * right / (np.arange(1, len(odds) + 1) + right[-1])
    last_of_its_odds = np.append(np.diff(odds[order]) != 0.0, True)
    return float(odds[order][np.argmax(np.where(last_of_its_odds, found, -1.0))])


__all__ = ["Score", "Told", "bits", "f1", "score", "threshold", "told"]
