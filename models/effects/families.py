"""The nine families of effects that everything here is measured on, and the sound for it.

The dissertation (McCool 2018) tried eight of them and compression is the ninth. Each is one real
effect: pedalboard's own, or a VST3 of zam-plugins with a cabinet behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from models.pairs.discover import folders
from models.pairs.wav import wav_bytes, write_whole

Audio = NDArray[np.float32]

SAMPLE_RATE = 48_000
CABINET_TAPS = 2048


class FamilyError(ValueError):
    """A family that is none; the message names those there are."""


@dataclass(frozen=True)
class Family:
    """An effect and what is asked of its model.

    ``chain`` is what `taraf pairs render --plugin` takes; in it {cabinet} is the file of
    ``cabinet`` and {zam} the folder of zam-plugins. ``target`` is the highest ESR, or for what
    has no waveform to be near to ("mel") the highest share of the clean signal's mel distance.
    ``latency`` as `taraf pairs render` takes it: what changes every partial has no shift to find.
    """

    name: str
    about: str
    chain: str
    target: float
    measure: str = "esr"
    architecture: str = "auto"
    latency: str = "auto"

    def plugin(self, folder: Path) -> str:
        """The chain with its files in place, written to ``folder`` where they are ours."""
        places = {"zam": str(zam_plugins() or ""), "cabinet": str(folder / "cabinet.wav")}
        if "{cabinet}" in self.chain:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / "cabinet.wav", wav_bytes(cabinet(), SAMPLE_RATE))
        text = self.chain
        for name, value in places.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    @property
    def missing(self) -> str:
        """What this machine lacks to render it, or an empty text."""
        return "zam-plugins" if "{zam}" in self.chain and zam_plugins() is None else ""


FAMILIES = (
    Family(
        "distortion",
        "A distortion behind a high-pass and before a low-pass",
        "pedalboard:HighpassFilter(cutoff_frequency_hz=110)|pedalboard:Distortion(drive_db=25)"
        "|pedalboard:LowpassFilter(cutoff_frequency_hz=5500)",
        0.01,
    ),
    Family(
        "fuzz",
        "A fuzz: clipped twice, its middle scooped",
        "pedalboard:HighpassFilter(cutoff_frequency_hz=80)|pedalboard:Distortion(drive_db=45)"
        "|pedalboard:Clipping(threshold_db=-6)"
        "|pedalboard:PeakFilter(cutoff_frequency_hz=700,gain_db=-8,q=0.7)"
        "|pedalboard:LowpassFilter(cutoff_frequency_hz=4000)",
        0.01,
    ),
    Family(
        "compression",
        "A compressor, 4 to 1, fast",
        "pedalboard:Compressor(threshold_db=-30,ratio=4,attack_ms=5,release_ms=80)"
        "|pedalboard:Gain(gain_db=6)",
        0.02,
    ),
    Family(
        "amp",
        "A valve amplifier into a closed cabinet",
        "{zam}/ZamTube.vst3(tube_drive=8,treble=6,input_level=6)"
        "|pedalboard:Convolution(impulse_response_filename='{cabinet}')"
        "|pedalboard:Gain(gain_db=6)",
        0.01,
    ),
    Family(
        "filter",
        "A resonant low-pass of four poles that saturates",
        "pedalboard:LadderFilter(mode=LPF24,cutoff_hz=900,resonance=0.5,drive=1.5)",
        0.01,
    ),
    Family(
        "pitch",
        "An octave above",
        "pedalboard:PitchShift(semitones=12)",
        0.1,
        "mel",
        latency="reported",
    ),
    Family(
        "chorus",
        "A chorus with feedback",
        "pedalboard:Chorus(rate_hz=1.1,depth=0.3,mix=0.5,feedback=0.2)",
        0.01,
    ),
    Family(
        "delay",
        "A delay with repeats",
        "pedalboard:Delay(delay_seconds=0.31,feedback=0.45,mix=0.4)",
        0.01,
    ),
    Family(
        "reverb",
        "A room",
        "pedalboard:Reverb(room_size=0.6,damping=0.5,wet_level=0.33,dry_level=0.6)",
        0.02,
    ),
)


DRIVE = (
    "pedalboard:HighpassFilter(cutoff_frequency_hz=110)|pedalboard:Distortion(drive_db={drive_db})"
    "|pedalboard:LowpassFilter(cutoff_frequency_hz=5500)|pedalboard:Gain(gain_db={makeup_db})"
)
SHIPPED = (
    Family(
        "drive",
        "Crunch: a light distortion that cleans up when played softly",
        DRIVE.format(drive_db=20, makeup_db=-11.1),
        0.01,
        architecture="lstm",
    ),
    Family(
        "lead",
        "Lead: a high-gain distortion that sustains single notes",
        DRIVE.format(drive_db=36, makeup_db=-16.2),
        0.01,
        architecture="lstm",
    ),
)
"""What presets play: learnt as the families are, but not measured with them.

The make-up brings the performance to -18 dBFS RMS.
"""


def family(name: str) -> Family:
    """The family, or what is shipped, called ``name``; FamilyError if there is none."""
    known = {one.name: one for one in (*FAMILIES, *SHIPPED)}
    if name not in known:
        raise FamilyError(f"no family is called {name}; there are {', '.join(known)}")
    return known[name]


@cache
def zam_plugins() -> Path | None:
    """The folder with zam-plugins' VST3s, if there is one."""
    return next((folder for folder in folders() if (folder / "ZamTube.vst3").exists()), None)


@cache
def cabinet() -> Audio:
    """A closed cabinet with four speakers as an impulse response, (2048,): ours, synthesised.

    A resonance at 90 Hz, the speakers' presence at 2.5 and 3.8 kHz, their end at 5 kHz, and
    two reflections inside the box.
    """
    sections = [
        *_peak(90.0, 4.0, 1.2),
        *_peak(420.0, -5.0, 0.8),
        *_peak(2500.0, 6.0, 1.3),
        *_peak(3800.0, 3.5, 3.0),
        *signal.butter(2, 75.0, "highpass", fs=SAMPLE_RATE, output="sos"),
        *signal.butter(6, 5000.0, fs=SAMPLE_RATE, output="sos"),
    ]
    click = np.zeros(CABINET_TAPS)
    for late, gain in ((0, 1.0), (35, -0.15), (91, 0.08)):
        click[late] = gain
    taps = signal.sosfilt(np.array(sections), click)
    taps *= np.cos(0.5 * np.pi * np.linspace(0.0, 1.0, CABINET_TAPS) ** 4)
    return np.asarray(taps / np.sqrt(np.sum(np.square(taps))), np.float32)


def _peak(hz: float, gain_db: float, q: float) -> Iterator[NDArray[np.float64]]:
    """A bell: Bristow-Johnson's cookbook."""
    turn = 2.0 * np.pi * hz / SAMPLE_RATE
    lift, width = 10.0 ** (gain_db / 40.0), np.sin(turn) / (2.0 * q)
    row = np.array(
        [1.0 + width * lift, -2.0 * np.cos(turn), 1.0 - width * lift,
         1.0 + width / lift, -2.0 * np.cos(turn), 1.0 - width / lift]
    )  # fmt: skip
    yield row / row[3]
