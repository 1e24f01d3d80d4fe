"""A parameter of somebody's plug-in: what its texts tell of it, and the way back to 0 to 1.

A plug-in knows its parameters as numbers from 0 to 1 and can say each as a text. The scan asks
for texts at some positions, never by setting the parameter: some plug-ins load a file when one
of theirs is set (ZamVerb: minutes).
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.params import HOST, Param

MOST_STEPS = 128
MOST_CHOICES = 64
POINTS = 65
"""Positions asked for a text: enough to see a curve, 30 us a parameter."""
BELOW_INFINITY = 20.0
"""dB under the lowest number where a fader says -inf."""
SMOOTH_MS = 20.0
_NUMBER = re.compile(r"\s*([-+]?(?:inf|\d+(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+))\s*(.*?)\s*\Z", re.I)
_SWITCH = ({"off", "no", "false", "disabled", "0"}, {"on", "yes", "true", "enabled", "1"})


@dataclass(frozen=True)
class Control:
    """One parameter: ``kind`` is value (a number in ``unit``), choice, or position (0 to 1).

    ``raws`` are the plug-in's own positions of ``values`` or of ``choices``; both lists rise or
    both fall evenly. ``stepped`` values are only those listed.
    """

    name: str
    index: int
    title: str
    kind: str
    default: float
    unit: str = ""
    raws: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    choices: tuple[str, ...] = ()
    stepped: bool = False
    automatable: bool = True
    ends: tuple[str, str] = ("", "")

    @classmethod
    def read(cls, data: dict[str, Any]) -> Control:
        """The control that ``written`` made ``data`` of."""
        lists = {k: tuple(data[k]) for k in ("raws", "values", "choices", "ends")}
        return cls(**{**data, **lists})

    def written(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)

    def param(self, raw: float | None = None) -> Param:
        """Its declaration; ``raw`` is where it stands if not at its default."""
        default = self.default if raw is None else self.plain(raw)
        still = self.kind == "choice" or self.stepped or not self.automatable
        told = {"smooth_ms": 0.0 if still else SMOOTH_MS, "midi": self.automatable}
        if self.kind == "choice":
            last = float(len(self.choices) - 1)
            return Param(default, 0.0, last, choices=self.choices, help=self.title, **told)  # type: ignore[arg-type]
        if self.kind == "position":
            said = f": {self.ends[0]} to {self.ends[1]}" if any(self.ends) else ""
            return Param(default, help=f"{self.title}{said}", **told)  # type: ignore[arg-type]
        low, high = min(self.values), max(self.values)
        taper = "log" if self._rises_like_a_logarithm(low, high) else "linear"
        return Param(default, low, high, self.unit, taper, help=self.title, **told)  # type: ignore[arg-type]

    def _rises_like_a_logarithm(self, low: float, high: float) -> bool:
        if low <= 0.0 or high < 8.0 * low:
            return False
        if self.unit.lower() == "hz":
            return True  # as ears do, whatever the plug-in's own knob does
        middle = float(np.interp(0.5, self.raws, self.values))
        return abs(np.log(middle * middle / (low * high))) < abs(np.log(2 * middle / (low + high)))

    def plain(self, raw: float) -> float:
        """The plain value at the plug-in's position ``raw``."""
        if self.kind == "position":
            return min(1.0, max(0.0, raw))
        if self.kind == "choice" or self.stepped:
            nearest = min(range(len(self.raws)), key=lambda k: abs(self.raws[k] - raw))
            return float(nearest) if self.kind == "choice" else self.values[nearest]
        low, high = min(self.values), max(self.values)
        digits = 6 - math.ceil(math.log10(high - low))
        value = round(float(np.interp(raw, self.raws, self.values)), digits)
        return min(high, max(low, value))

    def raw(self, value: float, ask: Callable[[str], float]) -> float:
        """The plug-in's position for a plain ``value``; ``ask`` is its own reading of a text.

        Its reading is exact where it is right; where it is not near to what its texts said (it
        takes 1.2 kHz for 1.2 Hz, or any text for 0) the straight line between two texts is taken.
        """
        if self.kind == "choice":
            return self.raws[round(value)]
        if self.kind == "position":
            return value
        if self.stepped:
            return self.raws[min(range(len(self.raws)), key=lambda k: abs(self.values[k] - value))]
        falls = self.values[0] > self.values[-1]
        values, raws = (self.values[::-1], self.raws[::-1]) if falls else (self.values, self.raws)
        at = bisect_left(values, value)
        near = [*raws[max(0, at - 2) : at + 2]]
        near += [float(falls)] if at <= 1 else []  # the first text may hold from the very end on
        near += [float(not falls)] if at >= len(raws) - 1 else []
        said = ask(str(float(f"{value:.7g}")))
        if min(near) <= said <= max(near):
            return said
        return float(np.interp(value, values, raws))


def unique(word: str, taken: set[str], index: int) -> str:
    """A parameter's name that is a lower-case word and free."""
    name = re.sub(r"[^a-z0-9_]+", "_", word.lower()).strip("_") or f"parameter_{index}"
    if name in HOST or name in RESERVED:
        name = f"plugin_{name}"
    numbered, number = name, 1
    while numbered in taken:
        number += 1
        numbered = f"{name}_{number}"
    taken.add(numbered)
    return numbered


RESERVED = {"use", "name", "plugin", "part", "state", "program", "ring_depth"}


def learn(
    name: str, index: int, title: str, label: str, steps: int, raw: float, automatable: bool,
    text: Callable[[float], str],
) -> Control | None:  # fmt: skip
    """The control behind a parameter; None if there is nothing to turn.

    ``steps`` is how many positions the plug-in says it has, ``raw`` where it stands now.
    """
    few = 1 < steps <= MOST_STEPS
    raws = [k / (steps - 1) for k in range(steps)] if few else _even(POINTS)
    texts = [_cleaned(text(raw)) for raw in raws]
    facts = {"name": name, "index": index, "title": title, "automatable": automatable}
    if len(set(texts)) == 1 and "program" in title.lower():
        return None  # a list of one
    made = _switch(texts, raws, few) or _numbers(texts, raws, label, few) or _words(texts, raws)
    made = made or {"kind": "position", "ends": (texts[0], texts[-1])}
    control = Control(**facts, default=0.0, **made)  # type: ignore[arg-type]
    return Control(**{**vars(control), "default": control.plain(raw)})


def _even(count: int) -> list[float]:
    return [k / (count - 1) for k in range(count)]


def _cleaned(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:60]


def _switch(texts: list[str], raws: list[float], few: bool) -> dict[str, Any] | None:
    said = [text.lower() for text in texts]
    with_numbers = [f"{float(t):g}" if _is_plain_number(t) else t for t in said]
    if with_numbers[0] not in _SWITCH[0] or with_numbers[-1] not in _SWITCH[1]:
        return None
    if len(set(said)) != 2 or (not few and with_numbers[0] == "0"):
        return None  # a share from 0 to 1 that is printed without decimals
    return {"kind": "choice", "choices": ("off", "on"), "raws": (raws[0], raws[-1])}


def _is_plain_number(text: str) -> bool:
    found = _NUMBER.match(text)
    return found is not None and not found[2] and "inf" not in text


def _numbers(
    texts: list[str], raws: list[float], label: str, few: bool
) -> dict[str, Any] | None:  # fmt: skip
    found = [_NUMBER.match(text) for text in texts]
    if not all(found):
        return None
    units = [match[2] for match in found if match and "inf" not in match[1].lower()]
    scaled = {unit.lower(): 1000.0 for unit in units if unit.lower() in ("khz", "k")}
    values = [float(m[1]) * scaled.get(m[2].lower(), 1.0) for m in found if m]
    plain = {unit.lower() for unit in units} - set(scaled)
    if len(plain) > 1 or (scaled and plain - {"hz", ""}):
        return None  # "30 %" here and "30 L" there
    unit = label.strip() or ("Hz" if scaled else next(iter(units), ""))
    table = _monotonic(values, raws)
    if table is None:
        return None
    return {"kind": "value", "unit": unit[:12], "stepped": few, **table}


def _monotonic(values: list[float], raws: list[float]) -> dict[str, Any] | None:
    finite = [value for value in values if np.isfinite(value)]
    if len(set(finite)) < 2 or values.count(-np.inf) + len(finite) < len(values):
        return None
    values = [value if np.isfinite(value) else min(finite) - BELOW_INFINITY for value in values]
    steps = np.diff(values)
    if not (np.all(steps >= 0.0) or np.all(steps <= 0.0)):
        return None
    kept = [0, *(k + 1 for k in range(len(steps)) if steps[k] != 0.0)]
    return {"values": tuple(values[k] for k in kept), "raws": tuple(raws[k] for k in kept)}


def _words(texts: list[str], raws: list[float]) -> dict[str, Any] | None:
    """Runs of equal texts, each at its middle."""
    runs: list[list[int]] = []
    for k, text in enumerate(texts):
        if runs and texts[runs[-1][0]] == text:
            runs[-1].append(k)
        else:
            runs.append([k])
    if not 2 <= len(runs) <= MOST_CHOICES or any(not text for text in texts):
        return None
    names: dict[str, int] = {}
    choices = []
    for run in runs:
        text = texts[run[0]]
        names[text] = names.get(text, 0) + 1
        choices.append(text if names[text] == 1 else f"{text} ({names[text]})")
    middles = tuple(0.5 * (raws[run[0]] + raws[run[-1]]) for run in runs)
    return {"kind": "choice", "choices": tuple(choices), "raws": middles}


__all__ = ["Control", "learn", "unique"]
