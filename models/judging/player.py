"""Plays any model that taraf can play on a pair's dry sound, its knobs as the pair's were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.artefact import Artefact
from engine.dsp.resample import resample
from engine.modelfiles import Knob, ModelFile
from engine.neural.compiled import Compiled, compile_network
from models.named import open_named
from models.pairs import Pair

Array = NDArray[Any]


@dataclass
class Player:
    """A model that is ready to play. ``warnings`` grows with what it is asked to play."""

    name: str
    architecture: str
    sample_rate: int
    latency_samples: int  # taken off what it plays
    knobs: tuple[Knob, ...]
    compiled: Compiled | None  # None: ONNX Runtime plays the artefact
    artefact: Artefact | None
    warnings: list[str] = field(default_factory=list)

    def play_pair(self, pair: Pair) -> Array:
        """What it makes of a pair's dry sound, (frames,) float32.

        A pair that is the end of a longer take is played from the start of the take, as the
        effect heard it.
        """
        whole = pair.whole if pair.start else pair
        made = self.play(whole.load()[0], pair.sample_rate, pair.knobs, whole.control)
        return made[pair.start : pair.start + pair.frames] if pair.start else made

    def play(
        self,
        dry: Array,
        sample_rate: int,
        knobs: Mapping[str, float] | None = None,
        control: Array | None = None,
    ) -> Array:
        """What it makes of ``dry`` (frames,), as many frames at the same rate, in time with it.

        ``knobs`` by name in the units of the model's; one that is not told is at its default.
        ``control`` (n, frames) is heard instead of the n knobs that have no name in ``knobs``.
        """
        if not len(dry):
            return np.zeros(0, np.float32)
        rows = self._rows(dry, dict(knobs or {}), control)
        if sample_rate != self.sample_rate:
            self._warn(f"played at {self.sample_rate} Hz, the pairs have {sample_rate} Hz")
            rows = resample(rows.T, sample_rate, self.sample_rate).T.astype(np.float32)
        late = np.zeros((len(rows), self.latency_samples), np.float32)
        late[1:] = rows[1:, -1:]
        made = self._made(np.concatenate([rows, late], axis=1))[self.latency_samples :]
        if sample_rate != self.sample_rate:
            made = resample(made[:, None], self.sample_rate, sample_rate)[:, 0]
        fitted = np.zeros(len(dry), np.float32)
        fitted[: min(len(made), len(dry))] = made[: len(dry)]
        return fitted

    def _rows(self, dry: Array, values: dict[str, float], control: Array | None) -> Array:
        """The sound, then each knob as the network hears it: (1 + knobs, frames) float32."""
        rows = np.empty((1 + len(self.knobs), len(dry)), np.float32)
        rows[0] = dry
        names = [knob.name for knob in self.knobs]
        for name in sorted(set(values) - set(names)):
            self._warn(f"the pairs turn {name}, which is no knob of the model")
        free = [name for name in names if name not in values]
        measured = dict[str, Array]()
        if control is not None and len(control):
            if len(free) == len(control):
                measured = dict(zip(free, control, strict=True))
            else:
                self._warn(
                    f"{len(control)} controls lie beside the sound, the model has {len(free)}"
                )
        for row, knob in zip(rows[1:], self.knobs, strict=True):
            if knob.name in measured:
                row[:] = measured[knob.name]
            else:
                row[:] = self._position(knob, values.get(knob.name, knob.default))
        return rows

    def _position(self, knob: Knob, value: float) -> float:
        low, high = sorted((knob.minimum, knob.maximum))
        if not low <= value <= high:
            told = f"{knob.name} = {value:g} is outside the model's {low:g} to {high:g}"
            self._warn(f"{told}; played at the nearest")
            value = min(max(value, low), high)
        span = knob.maximum - knob.minimum
        share = (value - knob.minimum) / span if span else 0.0
        return knob.low + (knob.high - knob.low) * share

    def _made(self, rows: Array) -> Array:
        if self.compiled is None:
            from models.replay import replay

            assert self.artefact is not None
            plain = rows[1:, :1].T if len(self.knobs) else None
            return replay(self.artefact, np.ascontiguousarray(rows[0]), plain)
        self.compiled.settle(self.sample_rate, rows[1:, 0])
        self.compiled.reset()
        made = self.compiled.play(rows)
        return made if made.ndim == 1 else made[0]

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)


def open_player(name: str) -> Player:
    """Open a model by its name in the zoo or the library, or by its file or folder.

    A ValueError of the engine's, in one line, if it is none; see models.named.
    """
    named = open_named(name)
    if named.artefact is None:
        assert named.file is not None
        return _of_model(named.file, named.name)
    return _of_artefact(named.artefact, named.file, named.name)


def _of_artefact(artefact: Artefact, file: ModelFile | None, name: str) -> Player:
    if file is not None:
        player = _of_model(file, name)
        player.latency_samples, player.artefact = artefact.latency_samples, artefact
        return player
    knobs = tuple(  # ONNX networks hear plain units
        Knob(knob.name, knob.minimum, knob.maximum, knob.default, knob.minimum, knob.maximum)
        for knob in artefact.knobs
    )
    rate, late = artefact.sample_rate, artefact.latency_samples
    return Player(name, artefact.architecture, rate, late, knobs, None, artefact)


def _of_model(model: ModelFile, name: str) -> Player:
    compiled, late = compile_network(model.network), model.latency_samples
    return Player(name, model.architecture, model.sample_rate, late, model.knobs, compiled, None)


__all__ = ["Player", "open_player"]
