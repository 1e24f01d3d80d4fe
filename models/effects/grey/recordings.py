"""Repeats the figures on real recordings of moving effects.

    python -m models.effects.grey.recordings donner FOLDER
    python -m models.effects.grey.recordings akai FOLDER

Each prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.boxes import play
from models.effects.grey import GreyError
from models.effects.grey.descent import Sound
from models.effects.grey.modulation import Candidate, free_running, with_measured
from models.effects.grey.tape import Tape, tape, wander
from models.judging import metrics

Audio = NDArray[np.float32]
Vector = NDArray[np.float64]
FITTED_SECONDS = 7.0


def donner(folder: Path, seconds: float = FITTED_SECONDS, free: bool = True) -> dict[str, Any]:
    """The Donner flanger of Wright: fitted to the first ``seconds``, judged on the rest.

    The published network was trained on other recordings and hears the measured LFO; its ESR,
    without pre-emphasis, is given over the same rest and over all.
    """
    given, rate = _read(_one(folder, "*-input.wav"))
    target = _read(_one(folder, "*-target.wav"))[0][0]
    published = _read(folder / "testoutput.wav")[0][0]
    edge = round(seconds * rate)
    fitted = Sound(np.ascontiguousarray(given[:, :edge]), target[:edge].astype(np.float64))
    figures: dict[str, Any] = {
        "fitted_seconds": seconds,
        "dry": esr(target, given[0], edge),
        "published_with_lfo": esr(target, published, edge),
        "published_with_lfo_all": esr(target, published, 0),
        "with_lfo": _judged(with_measured([fitted], rate), given, target, edge, rate),
    }
    if free:
        alone = Sound(fitted.rows[:1], fitted.wet)
        found = free_running([alone], rate)
        figures["without_lfo"] = _judged(found, given[:1], target, edge, rate)
        figures["with_lfo_all"] = _crossed(given, target, rate)
        figures["rate_hz"] = found.box.rate_hz if found else None
    return figures


def _crossed(rows: Audio, target: Audio, rate: int) -> float | None:
    """Over the whole recording, each half played by a box fitted to the other half alone."""
    half = len(target) // 2
    made = np.zeros(len(target))
    for judged, fitted in (
        (slice(0, half), slice(half, None)),
        (slice(half, None), slice(0, half)),
    ):
        part = np.ascontiguousarray(rows[:, fitted])
        sound = Sound(part, target[fitted].astype(np.float64), round(0.1 * rate))
        found = with_measured([sound], rate)
        if found is None:
            return None
        made[judged] = play(found.box, rows, rate)[judged]
    return esr(target, made, 0)


def akai(folder: Path) -> dict[str, Any]:
    """The Akai tape machine of Mikkonen: fitted to the first halves, judged on the second.

    The delay is found from each pair, the second half included, as the published figure's
    "true delay" was measured beside the sound; nothing else is fitted to the second halves.
    ``other_file`` is the machine fitted to the other file alone; since a filter may be early
    where its delay is late, how much is settled on this file's first half.
    """
    pairs = [
        (_read(folder / f"io{k}_input_L.wav"), _read(folder / f"io{k}_target_L.wav")[0][0])
        for k in (1, 2)
    ]
    takes = [(dry[0], wet, wander(dry[0], wet, rate).frames) for (dry, rate), wet in pairs]
    figures: dict[str, Any] = {"published_with_delay": 0.042}
    for at, (dry, wet, delay) in enumerate(takes):
        half = len(dry) // 2
        late = round(float(np.median(delay)))
        machine = tape(dry, wet, delay, slice(late, half))
        other_dry, other_wet, other_delay = takes[1 - at]
        other = tape(other_dry, other_wet, other_delay, slice(late, len(other_dry)))
        still = np.concatenate([np.zeros(late, np.float32), dry[:-late]])
        figures[f"io{at + 1}"] = {
            "dry": esr(wet, dry, half),
            "dry_delayed": esr(wet, still, half),
            "ours": esr(wet, machine.play(dry, delay), half),
            "other_file": esr(wet, _settled(other, dry, wet, delay, half), half),
        }
    return figures


def _settled(machine: Tape, dry: Audio, wet: Audio, delay: Vector, half: int) -> Vector:
    """What a machine makes with the delay moved so that it fits the first half best."""
    tried = [machine.play(dry, delay + moved) for moved in range(-8, 9)]
    return min(tried, key=lambda made: esr(wet[:half], made[:half], 0))


def _judged(
    found: Candidate | None, rows: Audio, target: Audio, edge: int, rate: int
) -> float | None:
    if found is None:
        return None
    return esr(target, play(found.box, np.ascontiguousarray(rows), rate), edge)


def esr(target: Audio, output: Audio | Vector, first: int) -> float:
    """Error-to-signal ratio from frame ``first`` on."""
    return metrics.esr(target[first:], output[first:])


def _one(folder: Path, pattern: str) -> Path:
    for path in sorted(folder.glob(pattern)):
        return path
    raise GreyError(f"{folder}: there is no {pattern} in it")


def _read(path: Path) -> tuple[Audio, int]:
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError:
        raise GreyError(f"{path}: it is no sound file that can be read") from None
    return np.ascontiguousarray(sound.T), int(rate)


def main() -> None:
    """Print the figures of one recording."""
    recordings = {"donner": donner, "akai": akai}
    if len(sys.argv) != 3 or sys.argv[1] not in recordings:
        sys.exit(f"usage: python -m models.effects.grey.recordings {'|'.join(recordings)} FOLDER")
    try:
        figures = recordings[sys.argv[1]](Path(sys.argv[2]))
    except GreyError as error:
        sys.exit(str(error))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
