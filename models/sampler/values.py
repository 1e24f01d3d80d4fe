"""The values of a job: what each is, its kind, what is allowed. Told once; imports nothing heavy.

The names of the first 22 are those of Table 4.1 in Pfalz, Generating Audio Using Recurrent
Neural Networks, 2018; what they do here beside what they did there: README.md.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.sampler.errors import SamplerError

APPROACHES = ("vector", "column", "transpose", "spectrum")
RATES = (11_025, 48_000)


@dataclass(frozen=True)
class Value:
    """One value of a job: ``kind`` is float, int, bool, str or "shape" (rows, width)."""

    kind: type | str
    help: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    positive: bool = False  # ``low`` itself is not allowed

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        if self.choices:
            return "one of " + ", ".join(choice or '""' for choice in self.choices)
        if self.kind is bool:
            return "true or false"
        if self.kind == "shape":
            return "two whole numbers, [rows, width], each 1 to 65536"
        if self.kind is str:
            return "text"
        if self.kind is int:
            return f"a whole number, {self.low} to {self.high}"
        if self.positive:
            return f"a number above {self.low:g}, at most {self.high:g}"
        return f"a number, {self.low:g} to {self.high:g}"

    def check(self, given: Any) -> Any:
        """``given`` as it is kept; ValueError, with nothing said, if it is not allowed."""
        if self.kind == "shape":
            return _shape(given)
        if self.kind is float and isinstance(given, int) and not isinstance(given, bool):
            given = float(given)
        if type(given) is not self.kind or (self.choices and given not in self.choices):
            raise ValueError
        if isinstance(given, str) and any(not letter.isprintable() for letter in given):
            raise ValueError
        if isinstance(given, int | float):
            outside = not self.low <= given <= self.high
            if outside or (self.positive and given == self.low):
                raise ValueError
        return given

    def read(self, text: str) -> Any:
        """What somebody typed, as it is kept; ValueError if it is not allowed."""
        text = text.strip()
        if self.kind is bool:
            known = {"true": True, "yes": True, "y": True, "1": True}
            known |= {"false": False, "no": False, "n": False, "0": False}
            if text.lower() not in known:
                raise ValueError
            return known[text.lower()]
        if self.kind == "shape":
            parts = text.strip("()[]").replace(",", " ").split()
            return self.check([int(part) for part in parts])
        given: Any = text
        if self.kind is int:
            given = int(text)
        elif self.kind is float:
            given = float(text)
        return self.check(given)


def _shape(given: Any) -> tuple[int, int]:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ValueError
    for number in given:
        if type(number) is not int or not 1 <= number <= 65_536:
            raise ValueError
    return given[0], given[1]


TABLE_4_1: Mapping[str, Value] = {
    "lr": Value(float, "learning rate", 0.0, 1.0, positive=True),
    "num_epochs": Value(int, "times the recording is gone through", 1, 1_000_000),
    "weight_stddev": Value(float, "spread of the head's first weights", 0.0, 1.0, positive=True),
    "num_layers": Value(int, "LSTM layers", 1, 8),
    "use_dropout": Value(bool, "whether connections are dropped, in training and after it"),
    "use_residual": Value(bool, "whether a layer's input is added to its output"),
    "regularization": Value(bool, "whether large weights of the LSTM cost"),
    "reg_amount": Value(float, "how much large weights cost", 0.0, 1000.0),
    "input_dropout": Value(float, "chance to keep a layer's input", 0.0, 1.0, positive=True),
    "output_dropout": Value(float, "chance to keep a layer's output", 0.0, 1.0, positive=True),
    "seg_len": Value(int, "length of an input vector", 1, 65_536),
    "num_unrollings": Value(int, "input vectors at a step", 1, 4096),
    "int_cursor_inc": Value(int, "from one input vector to the next beside it", 1, 65_536),
    "ext_cursor_inc": Value(int, "from one step to the next", 1, 65_536),
    "label_shape": Value("shape", "rows and width of what is to be predicted"),
    "label_offset": Value(int, "from the first input to the first label", 1, 1 << 28),
    "output_shape": Value("shape", "rows and width of what is predicted"),
    "use_transpose": Value(bool, "whether a second head mixes the rows to one sample"),
    "use_fft": Value(bool, "whether magnitude spectra are learnt instead of samples"),
    "hop_size": Value(int, "samples from one spectrum to the next", 1, 16_384),
    "window_size": Value(int, "samples of a spectrum's window", 16, 16_384),
    "zero_padding": Value(bool, "whether as many zeros follow the window"),
}
"""The dissertation's names and ranges."""

OURS: Mapping[str, Value] = {
    "source": Value(str, "the recording to learn"),
    "approach": Value(str, "how sound is cut", choices=("", *APPROACHES)),
    "rate": Value(int, "samples a second, of the network", *RATES),
    "hidden": Value(int, "units of a layer; 0 is seg_len, as in the dissertation", 0, 8192),
    "minutes": Value(float, "of training at most; 0 is num_epochs alone", 0.0, 10_000.0),
    "storage": Value(str, "of the model's weights", choices=("float32", "bfloat16", "int8")),
    "loss": Value(
        str, "mse as in the dissertation; heard adds spectra of what it dreams on its own; "
        "spread learns how unsure it is", choices=("mse", "heard", "spread"),
    ),
    "log": Value(bool, "whether spectra are learnt as logarithms"),
    "squash": Value(str, "after the head", choices=("none", "tanh")),
    "components": Value(
        int, "principal components that vectors are told in, all as loud; 0 is samples, as in the "
        "dissertation", 0, 4096,
    ),
    "overlap": Value(
        int, "samples of a vector's end crossfaded with the next one's beginning", 0, 32_768
    ),
    "start": Value(
        str, "first weights: random as in the dissertation, or the best linear prediction",
        choices=("random", "linear"),
    ),
    "noisify": Value(float, "noise on what is learnt from, a share of its level", 0.0, 10.0),
    "temperature": Value(float, "of dreams: 0 is none of the noise it has learnt", 0.0, 100.0),
    "kicks_s": Value(
        float, "seconds, on average, until a dream goes on from another moment of what it was "
        "given; 0 never; at temperature 0 it stays", 0.0, 60.0,
    ),
    "seed": Value(int, "the same makes the same", 0, 2**31 - 1),
}  # fmt: skip
"""What this program adds."""

VALUES: Mapping[str, Value] = {**TABLE_4_1, **OURS}


def known(name: str, where: str) -> Value:
    """The value of that name; SamplerError with the nearest one if there is none."""
    if name in VALUES:
        return VALUES[name]
    near = difflib.get_close_matches(name.lower(), VALUES, 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(VALUES)}"
    raise SamplerError(f"{where}: {name!r} is not a value of a job{hint}")


def checked(name: str, given: Any, where: str) -> Any:
    """``given`` as it is kept; SamplerError with what was given and what is allowed."""
    value = known(name, where)
    try:
        return value.check(given)
    except (ValueError, OverflowError):
        told = _short(given)
        raise SamplerError(f"{where}: {name} = {told} is not {value.allowed}") from None


def _short(given: Any) -> str:
    import json

    try:
        told = json.dumps(given)
    except (TypeError, ValueError):
        told = repr(given)
    return told if len(told) <= 40 else told[:37] + "..."


__all__ = ["APPROACHES", "OURS", "RATES", "TABLE_4_1", "VALUES", "Value", "checked", "known"]
