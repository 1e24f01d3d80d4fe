"""Measures a model of the zoo against the effect it learnt, by the code that plays it live."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from pedalboard.io import AudioFile

from engine.artefact import Artefact, ArtefactError, open_artefact
from models.effects.data import SAMPLE_RATE, Audio, Chain, rms_db, validation_audio
from models.replay import replay

CHAIN = ("drive_db", "highpass_hz", "lowpass_hz", "makeup_db")
WINDOWS = (512, 1024, 2048)


def measure(artefact: Artefact, real: Audio | None) -> dict[str, float]:
    """Return the scores on the held-out bars and, where given, on a real guitar."""
    chain = learnt(artefact)
    scores = compare(artefact, chain, validation_audio(), "")
    if real is not None:
        scores |= compare(artefact, chain, real, "real_")
    quiet = replay(artefact, np.zeros(SAMPLE_RATE, np.float32))[SAMPLE_RATE // 2 :]
    return scores | {"idle_db": rms_db(quiet)}


def learnt(artefact: Artefact) -> Chain:
    """Return the effect that the card says was learnt; ArtefactError if it does not say."""
    try:
        return Chain(**{key: float(artefact.trained[key]) for key in CHAIN})
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"{artefact.path}: [trained] tells no {', '.join(CHAIN)}") from error


def compare(artefact: Artefact, chain: Chain, dry: Audio, prefix: str) -> dict[str, float]:
    """Return ESR, spectral distance and level of the network next to the effect's."""
    out, wet = replay(artefact, dry), chain.render(dry)
    return {
        f"{prefix}esr": esr(out, wet),
        f"{prefix}mr_stft": multi_resolution_stft(out, wet),
        f"{prefix}level_db": rms_db(out) - rms_db(wet),
    }


def esr(out: Audio, wet: Audio) -> float:
    """Return the energy of the error over the energy of what was wanted."""
    return float(np.sum(np.square(out - wet)) / np.sum(np.square(wet)))


def multi_resolution_stft(out: Audio, wet: Audio) -> float:
    """Return spectral convergence plus mean log-magnitude distance, over three windows.

    Yamamoto, Song & Kim, Parallel WaveGAN, ICASSP 2020; magnitudes under -100 dB of the
    loudest bin are equal.
    """
    distances = []
    for frames in WINDOWS:
        heard, wanted = magnitudes(out, frames), magnitudes(wet, frames)
        floor = 1e-5 * wanted.max()
        convergence = np.linalg.norm(heard - wanted) / np.linalg.norm(wanted)
        ratio = np.maximum(heard, floor) / np.maximum(wanted, floor)
        distances.append(convergence + np.abs(np.log(ratio)).mean())
    return float(np.mean(distances))


def magnitudes(audio: Audio, frames: int) -> Audio:
    """Return the magnitudes of Hann windows a quarter apart, (windows, bins)."""
    windows = np.lib.stride_tricks.sliding_window_view(audio, frames)[:: frames // 4]
    return np.abs(np.fft.rfft(windows * np.hanning(frames))).astype(np.float32)


def read(path: Path) -> Audio:
    """Read the first channel of a sound file, which must be at the models' rate."""
    with AudioFile(str(path)) as file:
        if file.samplerate != SAMPLE_RATE:
            raise SystemExit(f"{path}: sample rate {file.samplerate} Hz is not {SAMPLE_RATE} Hz")
        return np.asarray(file.read(file.frames)[0], np.float32)


def report(name: str, scores: dict[str, float]) -> str:
    """Return the scores as a table of text."""
    return "\n".join([name, *(f"  {key:14} {value:10.5f}" for key, value in scores.items())])


def options() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser("python -m models.effects.evaluate", description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="folders of the zoo")
    parser.add_argument("--guitar", type=Path, help="a direct guitar at 48 kHz to measure with too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def main() -> None:
    """Print the scores of each model."""
    given = options()
    real = read(given.guitar) if given.guitar else None
    results: dict[str, Any] = {}
    for folder in given.models:
        artefact = open_artefact(folder)
        results[artefact.name] = measure(artefact, real)
    if given.json:
        print(json.dumps(results, indent=2))
    else:
        print("\n".join(report(name, scores) for name, scores in results.items()))


if __name__ == "__main__":
    main()
