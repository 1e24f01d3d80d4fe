"""The style that comes with taraf: struck and rubbed glasses, made by additive synthesis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 24_000
SECONDS = 7.0
SEED = 11
SCALE_HZ = 261.63 * 2.0 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21, 24]) / 12.0)
STRUCK = (
    (1.0, 1.0, 0.9),
    (2.32, 0.55, 0.55),
    (4.25, 0.35, 0.3),
    (6.63, 0.22, 0.16),
    (9.38, 0.1, 0.1),
)
"""Partials of a wine glass's rim: times the lowest, level, seconds to fall by 8.7 dB."""
BEAT_HZ = 2.1
"""A rim is not quite round: each partial is two, so far apart."""


def glass(seed: int = SEED, seconds: float = SECONDS) -> npt.NDArray[np.float32]:
    """(samples,) at RATE: a tune of struck glasses over two that are rubbed."""
    chance = np.random.default_rng(seed)
    made = np.zeros(round(seconds * RATE))
    for root in (SCALE_HZ[0] / 2.0, SCALE_HZ[3]):
        made += 0.12 * rubbed(root, len(made), chance)
    at = 0.05
    while at < seconds - 0.3:
        begin = round(at * RATE)
        note = struck(float(chance.choice(SCALE_HZ)), chance) * chance.uniform(0.4, 1.0)
        end = min(begin + len(note), len(made))
        made[begin:end] += note[: end - begin]
        at += float(chance.choice([0.14, 0.21, 0.28, 0.42]))
    ends = np.minimum(1.0, np.minimum(np.arange(len(made)), np.arange(len(made))[::-1]) / 480.0)
    made *= 0.5 * ends / np.abs(made).max()
    return np.asarray(np.round(made * 32768.0) / 32768.0, np.float32)  # half as large a file


def struck(hertz: float, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    """One glass, struck: two seconds."""
    time = np.arange(2 * RATE) / RATE
    made = np.zeros(len(time))
    for ratio, level, fall in STRUCK:
        for apart in (-0.5 * BEAT_HZ, 0.5 * BEAT_HZ):
            turn = 2.0 * np.pi * (hertz * ratio + apart * ratio**0.5) * time
            if hertz * ratio < 0.47 * RATE:
                made += level * np.exp(-time / fall) * np.sin(turn + chance.uniform(0.0, 6.28))
    click = chance.standard_normal(len(time)) * np.exp(-time / 0.003)
    return (made + 0.5 * click) * np.minimum(1.0, time / 0.001)


def rubbed(hertz: float, samples: int, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    """One glass whose rim a finger goes round: it swells with each turn."""
    time = np.arange(samples) / RATE
    swell = 0.6 + 0.4 * np.sin(2.0 * np.pi * chance.uniform(0.6, 1.1) * time)
    made = np.zeros(samples)
    for ratio, level in ((1.0, 1.0), (2.32, 0.3), (4.25, 0.12)):
        made += level * np.sin(2.0 * np.pi * hertz * ratio * time + chance.uniform(0.0, 6.28))
    breath = np.convolve(chance.standard_normal(samples), np.hanning(9), "same")
    return swell * (made + 0.05 * breath)


def main() -> None:
    """Write it to the file that is named."""
    import sys
    from pathlib import Path

    from models.style.folder import write
    from models.style.sound import Recording

    write(Path(sys.argv[1]), Recording(glass()[None], RATE))


__all__ = ["RATE", "glass"]

if __name__ == "__main__":
    main()
