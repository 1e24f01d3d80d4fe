"""How fast samplers dream, and that they dream what the dissertation's programs dream.

Weights are by chance: what they are changes neither. Times are this thread's own, block by block:
what a neighbour takes is not ours.
"""

from __future__ import annotations

import time
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engine.bench import Report
from engine.sampler.dream import Dreamer
from engine.sampler.model import STORAGES, Head, Layer, SamplerModel
from engine.sampler.reference import literal, oscillators
from engine.sampler.storage import rounded
from engine.sampler.vocoder import BANK, COHERENT

if TYPE_CHECKING:
    from torch import Tensor

RATE, THEIRS = 48_000, 11_025
THEIR_SPEED, TIMES_THEIRS = 0.0069, 100.0
"""Times real time of the dissertation's column: 1024 units, 11.025 kHz; 5 minutes in 12 hours."""
ROWS = 100
"""num_unrollings of the dissertation."""
SAME, _AT_MOST_SAME = 1e-6, "at most 1e-6"
SPECTRAL = {"window_size": 1024, "hop_size": 256}
QUIET: dict[str, Any] = {"dropout": False, "temperature": 0.0, "watchful": False}
BLOCK_MS = 0.67


@dataclass(frozen=True)
class Case:
    """A shape of model, the block it is asked for, and what is promised."""

    name: str
    approach: str
    layers: int
    hidden: int
    inputs: int
    least: float  # times real time; 0 where what is promised is another figure
    storage: str = "bfloat16"
    rate: int = RATE
    block: int = 64
    late_ms: float = 0.0  # of 99 blocks in 100; 0 for no promise
    job: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("column 2 x 128", "column", 2, 128, 1024, 2.0, late_ms=BLOCK_MS),
    Case("transpose 2 x 128", "transpose", 2, 128, 1024, 2.0, late_ms=BLOCK_MS),
    Case("vector 4 x 1024", "vector", 4, 1024, 1024, 4.0, block=1024),
    Case("spectrum 2 x 512", "spectrum", 2, 512, 512, 14.0, block=256, job=SPECTRAL),
    Case("column 1 x 1024 at 11 kHz", "column", 1, 1024, 1024, 0.0, "int8", THEIRS, 256),
)


def run(report: Report, seconds: float) -> None:
    """Add equality, speed of each approach beside PyTorch's literal step, and the vocoder."""
    _equal(report)
    for case in CASES:
        _speed(report, case, seconds)
        ours = case.rate * _literal_seconds(case)
        made = case.inputs if case.approach == "vector" else case.job.get("hop_size", 1)
        name = f"{case.name}: PyTorch's literal step of {ROWS} rows"
        report.add(name, made / ours, "x real time")
    _sing(report)


def by_chance(case: Case, number: int = 1) -> SamplerModel:
    """A model of a case's shape that neither dies away nor runs wild."""
    rng = np.random.default_rng(number)

    def normal(size: float, *shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(0.0, size, shape).astype(np.float32)

    layers, below, units = [], case.inputs, case.hidden
    for _ in range(case.layers):
        kernel = normal(1.5 / np.sqrt(below), 4 * units, below)
        recurrent = normal(1.0 / np.sqrt(units), 4 * units, units)
        layers.append(Layer(kernel, recurrent, normal(0.3, 4 * units)))
        below = units
    outputs = 1 if case.approach in ("column", "transpose") else case.inputs
    head = Head(normal(1.0 / np.sqrt(units), outputs, units), normal(0.1, outputs))
    taps = normal(0.1, ROWS if case.approach == "transpose" else 0)
    return SamplerModel(case.approach, case.rate, case.job, tuple(layers), head, taps=taps)


def _equal(report: Report) -> None:
    """Shapes of the cases, smaller where the literal program would take hours."""
    seed = (0.1 * np.random.default_rng(2).standard_normal(4000)).astype(np.float32)
    for case in CASES[:4]:
        hidden, inputs = min(case.hidden, 128), min(case.inputs, 512)
        case = replace(case, layers=2, hidden=hidden, inputs=inputs)
        for storage in STORAGES:
            model = rounded(by_chance(case), storage)
            rows, warm = 4, 0
            if model.approach == "transpose":  # all rows awake: what is followed must reach back
                model, warm = replace(model, taps=model.taps[:rows] * 5.0), 1600
            error = _apart(model, seed, rows, warm)
            report.add(f"{model.approach} in {storage}: from {rows} literal rows", error, "of peak",
                       _AT_MOST_SAME, error <= SAME)  # fmt: skip


def _apart(model: SamplerModel, seed: npt.NDArray[np.float32], rows: int, warm: int) -> float:
    dreamer, samples = Dreamer(model, **QUIET), 4 * model.hop_size if model.hop_size > 1 else 200
    dreamer.hear(seed[: len(seed) - warm])
    dreamer.listen(seed[len(seed) - warm :])
    made = dreamer.make(samples)
    wanted = literal(model, seed, samples, rows, warm)
    if model.approach == "spectrum":
        points, phase = dreamer.arrays["voc_loops"].shape[1], dreamer.arrays["voc_phase"]
        wanted = oscillators(wanted, model.hop_size, points, phase[:-1])[:samples]
    return float(np.abs(made - wanted).max() / max(1.0, float(np.abs(wanted).max())))


def _speed(report: Report, case: Case, seconds: float) -> None:
    model = by_chance(case)
    for storage in STORAGES:
        dreamer = Dreamer(rounded(model, storage), dropout=False)
        dreamer.hear(0.1 * np.random.default_rng(0).standard_normal(4096))
        dreamer.make(2 * max(case.block, model.hop_size))
        count = max(20, round(min(seconds, 5.0) * case.rate / case.block / 5))
        times = _times(lambda d=dreamer: d.make(case.block), count)  # type: ignore[misc]
        speed = case.block / case.rate / float(np.median(times))
        promised = storage == case.storage
        _add_speed(report, f"{case.name} in {storage}", speed, case, promised)
        if case.late_ms:
            late = 1000.0 * float(np.percentile(times, 99))
            report.add(f"{case.name} in {storage}: p99 of {case.block} samples", late, "ms",
                       f"at most {case.late_ms:g} ms" if promised else "",
                       late <= case.late_ms if promised else None)  # fmt: skip


def _add_speed(report: Report, name: str, speed: float, case: Case, promised: bool) -> None:
    """Times real time, and times the dissertation's where that is what was promised."""
    least = case.least if promised else 0.0
    report.add(name, speed, "x real time", f"at least {least:g}" if least else "",
               speed >= least if least else None)  # fmt: skip
    if promised and case.rate == THEIRS:
        times = speed / THEIR_SPEED
        report.add(f"{name}: beside the dissertation's {THEIR_SPEED:g}", times, "times as fast",
                   f"at least {TIMES_THEIRS:g}", times >= TIMES_THEIRS)  # fmt: skip


def _times(work: Callable[[], object], count: int) -> npt.NDArray[np.float64]:
    times = []
    for _ in range(count):
        began = time.thread_time_ns()
        work()
        times.append((time.thread_time_ns() - began) / 1e9)
    return np.array(times)


def _literal_seconds(case: Case) -> float:
    """Time of one step of the dissertation's program as PyTorch would run it: all rows, eagerly."""
    import torch

    torch.set_num_threads(1)
    sizes = [case.inputs, *[case.hidden] * case.layers]
    cells = [torch.nn.LSTMCell(a, b) for a, b in pairwise(sizes)]
    one = case.approach in ("column", "transpose")
    head = torch.nn.Linear(case.hidden, 1 if one else case.inputs)
    mix = torch.nn.Linear(ROWS, 1) if case.approach == "transpose" else None
    states = [(torch.zeros(ROWS, case.hidden), torch.zeros(ROWS, case.hidden)) for _ in cells]
    rows = torch.randn(ROWS, case.inputs)

    def step() -> Tensor:
        nonlocal rows
        x = rows
        for number, cell in enumerate(cells):
            states[number] = cell(x, states[number])
            x = states[number][0]
        y: Tensor = head(x)
        if mix is not None:
            y = mix(y.T)
        if one:
            rows = torch.roll(rows.flatten(), -1).view_as(rows)
            rows[-1, -1] = y[-1, -1]
        else:
            rows = torch.cat([rows[1:], y[-1:]])
        return y

    with torch.no_grad():
        step()
        return float(np.median(_times(step, 5)))


def _sing(report: Report) -> None:
    """The vocoder as the kernel calls it: 513 oscillators, a frame at a time, 44.1 kHz."""
    from engine.compiler import callable_kernel
    from engine.sampler.vocoder import sing, vocoder

    compiled, rate, hop = callable_kernel(sing), 44_100, SPECTRAL["hop_size"]
    frames = np.random.default_rng(1).random((40, 513)).astype(np.float32)
    for kind, name in ((BANK, "vocoder"), (COHERENT, "vocoder with coherent phases")):
        arrays = vocoder(SPECTRAL["window_size"], hop, False, 513, kind)
        state, out = _record(arrays), np.zeros((len(frames), hop), np.float32)
        for frame, sound in zip(frames, out, strict=True):
            compiled(state, frame, sound)
        if kind == BANK:
            wanted = oscillators(frames, hop, 1024, arrays["voc_phase"])
            error = float(np.abs(out.ravel() - wanted).max() / np.abs(wanted).max())
            report.add("vocoder: from literal oscillators", error, "of peak", _AT_MOST_SAME,
                       error <= SAME)  # fmt: skip
        times = _times(lambda s=state, o=out: compiled(s, frames[0], o[0]), 3000)  # type: ignore[misc]
        speed = hop / rate / float(np.median(times))
        report.add(f"{name} of 513 oscillators, hop {hop}", speed, "x real time",
                   "at least 300" if kind == BANK else "",
                   speed >= 300.0 if kind == BANK else None)  # fmt: skip


def _record(arrays: dict[str, Any]) -> Any:
    """Arrays as a kernel sees them."""
    return namedtuple("Record", arrays)(**arrays)  # type: ignore[misc]  # noqa: PYI024


__all__ = ["CASES", "Case", "by_chance", "run"]
