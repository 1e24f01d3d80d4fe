"""Repeats the figures on real amplifiers with a knob: one setting is never heard in training.

    python -m models.effects.recordings FOLDER --left-out 0.5 --minutes 5

Prints one line of JSON: the ESR on held-out sound at each setting, the left-out one among them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.effects.auto import learn
from models.effects.candidate import Candidate, judge, of_trained
from models.effects.training import Settings, TrainingError
from models.pairs import Pair, Pairs, open_pairs


@dataclass(frozen=True)
class Turned:
    """A network with a knob, and how near it is at each setting of the knob."""

    candidate: Candidate
    knob: str
    left_out: float
    esr: dict[float, float]
    clean: dict[float, float]

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        return {
            "knob": self.knob,
            "left_out": self.left_out,
            "esr": {f"{at:g}": float(f"{value:.4g}") for at, value in self.esr.items()},
            "clean": {f"{at:g}": float(f"{value:.4g}") for at, value in self.clean.items()},
        }


def interpolated(
    folder: Path, left_out: float, architecture: str = "lstm", settings: Settings | None = None
) -> Turned:
    """Learn all settings of the only knob but ``left_out``; judge at every one of them.

    TrainingError where there is no such knob or setting.
    """
    pairs = open_pairs(folder)
    if len(pairs.knobs) != 1:
        raise TrainingError(f"{folder}: {len(pairs.knobs)} knobs are turned; one is needed")
    knob = pairs.knobs[0].name
    values = sorted({pair.knobs[knob] for pair in pairs.pairs})
    if left_out not in values[1:-1]:
        inner = ", ".join(f"{value:g}" for value in values[1:-1])
        raise TrainingError(f"{folder}: {knob} = {left_out:g} cannot be left out; {inner} can")
    kept = [pair for pair in pairs.pairs if pair.knobs[knob] != left_out]
    heard = replace(pairs, pairs=tuple(kept))
    candidate = of_trained(learn(heard, architecture, settings or Settings()), heard)
    held_out = {at: _held_out(pairs, knob, at) for at in values}
    scores = {at: judge(candidate, chosen) for at, chosen in held_out.items()}
    return Turned(
        candidate,
        knob,
        left_out,
        {at: score.esr for at, score in scores.items()},
        {at: score.clean_esr for at, score in scores.items()},
    )


def _held_out(pairs: Pairs, knob: str, at: float) -> list[Pair]:
    return [pair for pair in pairs.split("validation") if pair.knobs[knob] == at]


def main() -> None:
    """Print the figures of one folder."""
    parser = argparse.ArgumentParser("python -m models.effects.recordings", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--left-out", type=float, required=True)
    parser.add_argument("--arch", default="lstm")
    parser.add_argument("--minutes", type=float, default=5.0)
    given = parser.parse_args()
    settings = Settings(minutes=given.minutes)
    print(json.dumps(interpolated(given.folder, given.left_out, given.arch, settings).as_json()))


if __name__ == "__main__":
    main()
