"""What another sample rate and oversampling do to the sound, in decibels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.bench import Report
from engine.dsp.resample import resample
from engine.modelfiles import open_model
from engine.neural.compiled import compile_network
from engine.performance import guitar
from engine.rack import Rack
from engine.render import play
from engine.single import Playing, model_rack

BLOCK = 64
SHIPPED = "lead"
SINE_HZ, SINE_PEAK = 4873, 0.5
COMPARED_HZ = 19_000
"""Above, two filters that are flat to 20 kHz may differ: the live one is as short as it can be."""
AUDIBLE_HZ = 20_000


def sound_rows(report: Report, path: Path) -> None:
    """Add a null for each of two rates, and the aliases of a loud sine at each oversampling."""
    for rate in (44100, 96000):
        null, whole = (null_db(path, rate, hz) for hz in (COMPARED_HZ, rate // 2))
        name = f"null against offline resampling at {rate / 1000:g} kHz"
        report.add(f"{name}, below {COMPARED_HZ // 1000} kHz", null, "dB", "under -80 dB",
                   null < -80.0)  # fmt: skip
        report.add(f"{name}, whole band", whole, "dB")
    for times in (1, 2, 4):
        report.add(
            f"aliases of a sine of {SINE_HZ} Hz through {SHIPPED}, {times}x", alias_db(times), "dB"
        )


def null_db(path: Path, rate: int, highest_hz: int) -> float:
    """What is left of a model's sound at ``rate`` when that of an offline detour is taken away."""
    model = open_model(path)
    compiled = compile_network(model.network)
    compiled.settle(model.sample_rate)
    dry = guitar(rate)[rate : 3 * rate]
    made = play(model_rack(str(path), Playing()), dry[:, None], rate, BLOCK)[:, 0]
    wet = compiled.play(resample(dry[:, None], rate, model.sample_rate)[:, 0])
    wanted = resample(wet[:, None], model.sample_rate, rate)[: len(made), 0]
    there = slice(rate // 10, -rate // 10)
    error, sound = (
        _power((x * np.hanning(len(x))), rate, highest_hz)
        for x in (made[there] - wanted[there], wanted[there])
    )
    return float(10.0 * np.log10(error.sum() / sound.sum()))


def alias_db(times: int) -> float:
    """Power below 20 kHz that is no harmonic, against that of the harmonics."""
    rate = 48000
    rack = oversampled(model_rack(SHIPPED, Playing()), times)
    sine = SINE_PEAK * np.sin(2.0 * np.pi * SINE_HZ * np.arange(2 * rate) / rate)
    made = play(rack, sine[:, None].astype(np.float32), rate, BLOCK)[-rate:, 0]
    power = _power(made, rate, AUDIBLE_HZ)
    own = np.arange(len(power)) % SINE_HZ == 0  # a second long: a bin is a hertz
    return float(10.0 * np.log10(power[~own].sum() / power[own].sum()))


def oversampled(rack: Rack, times: int) -> Rack:
    """The rack with its model oversampled."""
    (lane,) = rack.lanes
    (link,) = lane.chain
    link = replace(link, settings={**link.settings, "oversample": times})
    return replace(rack, lanes=(replace(lane, chain=(link,)),))


def _power(
    sound: npt.NDArray[np.floating[Any]], rate: int, highest_hz: int
) -> npt.NDArray[np.float64]:
    """Power of each bin up to a frequency."""
    bins = int(highest_hz * len(sound) / rate)
    return np.asarray(np.abs(np.fft.rfft(sound)[:bins]) ** 2, np.float64)
