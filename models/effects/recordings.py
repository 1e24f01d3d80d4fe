"""Repeats the figures on real amplifiers with a knob: one setting is never heard in training.

    python -m models.effects.recordings FOLDER --left-out 0.5 --minutes 5

Prints one line of JSON: the ESR on held-out sound at each setting, the left-out one among them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.effects.auto import learn
from models.effects.candidate import Candidate, judge, of_trained
from models.effects.networks import NetworkSizeError
from models.effects.training import Settings, TrainingError
from models.pairs import Pair, Pairs, PairsError, open_pairs
from models.pairs.manifest import Entry, Header, rewrite, sha256
from models.pairs.wav import wav_bytes, write_whole


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


def settled(folder: Path, out: Path, seconds: float) -> Path:
    """Write the pairs of ``folder`` to ``out`` without their first ``seconds`` and their drift.

    A simulated circuit that is switched on where each file begins settles alike in every file:
    what is common to all wet sounds, their median, is not sound and is taken off.
    """
    pairs = open_pairs(folder)
    whole = {pair.wet: pair.whole for pair in pairs.pairs}
    frames = min(pair.frames for pair in whole.values())
    first = round(seconds * pairs.sample_rate)
    sounds = {wet: pair.load()[1][:frames] for wet, pair in whole.items()}
    drift = _smooth(np.median(list(sounds.values()), axis=0), pairs.sample_rate // 50)
    for wet, pair in whole.items():
        parts = {"dry": pair.load()[0][first:frames], "wet": (sounds[wet] - drift)[first:]}
        for part, sound in parts.items():
            name = (pair.dry if part == "dry" else pair.wet).name
            path = out / part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, wav_bytes(np.asarray(sound, np.float32), pairs.sample_rate))
    entries = [_entry(pair, out) for pair in whole.values()]
    rewrite(out, Header(pairs.sample_rate, {"taken_from": folder.name}), entries)
    return out


def _entry(pair: Pair, out: Path) -> Entry:
    dry, wet = out / "dry" / pair.dry.name, out / "wet" / pair.wet.name
    frames = soundfile.info(wet).frames
    places = (f"dry/{dry.name}", f"wet/{wet.name}")
    return Entry(pair.name, *places, "", dict(pair.knobs), frames, 0, sha256(dry), sha256(wet))


def _smooth(sound: NDArray[np.floating], width: int) -> NDArray[np.float64]:
    kernel = np.hanning(width + 2)[1:-1]
    return np.convolve(np.pad(sound, width, "edge"), kernel / kernel.sum(), "same")[width:-width]


def _held_out(pairs: Pairs, knob: str, at: float) -> list[Pair]:
    return [pair for pair in pairs.split("validation") if pair.knobs[knob] == at]


def main() -> None:
    """Print the figures of one folder."""
    parser = argparse.ArgumentParser("python -m models.effects.recordings", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--left-out", type=float, required=True)
    parser.add_argument("--arch", default="lstm")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--settle", type=float, default=0.0, help="seconds to leave out in front")
    given = parser.parse_args()
    folder = given.folder
    try:
        settings = Settings(minutes=given.minutes)
        with tempfile.TemporaryDirectory() as work:
            if given.settle:
                folder = settled(folder, Path(work), given.settle)
            found = interpolated(folder, given.left_out, given.arch, settings)
    except (PairsError, TrainingError, NetworkSizeError) as error:
        sys.exit(str(error))
    print(json.dumps(found.as_json()))


if __name__ == "__main__":
    main()
