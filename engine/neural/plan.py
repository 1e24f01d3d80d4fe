"""Where everything of a network lies, and the calls that run it.

One block of memory holds a network: positions of its lines, weights, states, lines, scratch.
A signal that is read in the past is a *line*: rows long enough for what is read and some slack,
written in place by the operation that makes it; when the slack is used up, what is still needed
moves to the front. Lines are moved in different blocks, so no block pays for all. Every other
signal is scratch of one block, and scratch is used again as soon as it is free.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.neural import convolve, recur, ssm
from engine.neural.calls import Call, Kind, Line, Place, SoftmaxKind, StageKind, TransposeKind
from engine.neural.convolve import ConvKind
from engine.neural.lower import Lowered, Project, Transpose, lookbacks, lowered
from engine.neural.network import (
    Array,
    Conv,
    Film,
    Gru,
    Lstm,
    Network,
    Prelu,
    Signal,
    Softmax,
    Ssm,
    Stage,
    writes,
)
from engine.neural.recur import ProjectKind, RecurKind
from engine.neural.scratch import ROW, Scratch
from engine.neural.ssm import SsmKind
from engine.neural.tile import FRAMES, Tile
from engine.neural.vector import FLOAT

if TYPE_CHECKING:
    from engine.boxes.compiled import Loaded

CACHE_LINE = 16  # floats
LEAST_SLACK = 128


class Plan:
    """The layout of one network's memory and its calls, for one tile."""

    def __init__(self, network: Network, tile: Tile) -> None:
        self.network, self.tile = network, tile
        self.calls: list[Call] = []
        self.lines: list[Line] = []
        self.clocks: list[tuple[int, int]] = []
        self._fills: list[tuple[int, Array]] = []
        self._words: list[tuple[int, tuple[int, ...]]] = []
        self._boxes: list[tuple[Loaded, int]] = []
        self._work = 0
        self._ops, self._output = lowered(network)
        self._places: dict[Signal, Place] = {network.input: Place("input", 0, ROW)}
        self._lookback = lookbacks(self._ops)
        self._columns: set[Signal] = {op.target for op in self._ops if isinstance(op, (Lstm, Gru))}
        self._written: set[Signal] = set()
        self._size = CACHE_LINE * FLOAT * (1 + len(self._lookback) // 8)
        for signal in self._lookback:
            self._make_line(signal)
        self._scratch = Scratch(self._ops, self._output)
        for number, op in enumerate(self._ops):
            self._place_targets(number, op)
            self._lower(op)
        bases = {"scratch": self._claim(self._scratch.size), "work": self._claim(self._work)}
        self.calls = [_shifted(call, bases) for call in self.calls]
        for box, header in self._boxes:
            self._place_box(box, header)

    @property
    def floats(self) -> int:
        """Size of the memory."""
        return self._size // FLOAT

    def image(self) -> Array:
        """The memory at rest: weights in place, lines and states as at the start."""
        memory = np.zeros(self.floats, np.float32)
        for offset, array in self._fills:
            memory[offset // FLOAT : offset // FLOAT + len(array)] = array
        words = memory.view(np.int64)
        words[: len(self.lines)] = [FLOAT * line.start for line in self.lines]
        for offset, values in self._words:
            words[offset // 8 : offset // 8 + len(values)] = values
        return memory

    def _claim(self, size: int) -> int:
        """Bytes ``size`` of memory on a cache line of their own."""
        at = self._size
        self._size += -(-size // (CACHE_LINE * FLOAT)) * CACHE_LINE * FLOAT
        return at

    def _put(self, array: Array) -> Place:
        """Memory filled with ``array``."""
        at = self._claim(array.nbytes)
        self._fills.append((at, np.ascontiguousarray(array, np.float32).ravel()))
        return Place("memory", at, 0)

    def _make_line(self, signal: Signal) -> None:
        keep = -(-self._lookback[signal] // CACHE_LINE) * CACHE_LINE
        slack = max(keep, LEAST_SLACK)  # more is no faster, and many models must share a cache
        length = keep + slack
        if length // CACHE_LINE % 2 == 0:
            length += CACHE_LINE  # rows an even count of lines apart fall on the same cache sets
        offset = self._claim(FLOAT * length * signal.channels)
        spread = len(self.lines) * 5 * FRAMES % max(slack - FRAMES, 1)
        start = keep + spread // CACHE_LINE * CACHE_LINE
        self._places[signal] = Place("memory", offset, FLOAT * length, len(self.lines))
        self.lines.append(Line(offset, signal.channels, length, keep, start))

    def _place_targets(self, number: int, op: Lowered) -> None:
        for signal in writes(op):
            if signal is self._output:
                self._places[signal] = Place("output", 0, ROW)
            elif signal in self._columns:
                if signal not in self._places:
                    row = FLOAT * recur.aligned(signal.channels, self.tile)
                    at = self._claim(row * (FRAMES + 1))
                    self._places[signal] = Place("memory", at, row)
            elif signal not in self._lookback:
                offset = self._scratch.place(signal, number)
                self._places[signal] = Place("scratch", offset, ROW)
        self._scratch.free(number)

    def _lower(self, op: Lowered) -> None:
        if isinstance(op, Conv):
            self._lower_conv(op)
        elif isinstance(op, Softmax):
            self._call(SoftmaxKind(op.source.channels), op.source, op.target)
        elif isinstance(op, Project):
            padded = recur.aligned(op.weights.shape[1], self.tile)
            weights = np.zeros((len(op.weights), padded), np.float32)
            weights[:, : op.weights.shape[1]] = op.weights
            kind = ProjectKind(op.weights.shape[1], padded, len(op.weights))
            rows, target = self._states(op.source), self._places[op.target]
            self.calls.append(Call(kind, (self._put(weights), rows, target, target.row)))
        elif isinstance(op, Transpose):
            rows, target = self._states(op.source), self._places[op.target]
            turned = TransposeKind(op.source.channels, rows.row // FLOAT)
            self.calls.append(Call(turned, (rows, target, target.row)))
        elif isinstance(op, Ssm):
            self._lower_ssm(op)
        elif isinstance(op, Stage):
            self._lower_stage(op)
        else:
            self._lower_recurrent(op)

    def _states(self, signal: Signal) -> Place:
        """The row of states of a block's first sample; row 0 is the state before it."""
        place = self._places[signal]
        return replace(place, offset=place.offset + place.row)

    def _call(self, kind: Kind, source: Signal, target: Signal) -> None:
        x, y = self._places[source], self._places[target]
        self.calls.append(Call(kind, (x, x.row, y, y.row)))

    def _lower_recurrent(self, op: Lstm | Gru) -> None:
        lstm = isinstance(op, Lstm)
        kind = RecurKind("lstm" if lstm else "gru", op.source.channels, op.target.channels)
        pack = recur.pack_lstm if lstm else recur.pack_gru
        weights = self._put(pack(kind, self.tile, op))  # type: ignore[arg-type]
        rows = self._places[op.target]
        self._fills.append((rows.offset, np.asarray(op.h0, np.float32)))
        cells = np.zeros(rows.row // FLOAT, np.float32)
        if isinstance(op, Lstm):
            cells[: len(op.c0)] = op.c0
        x: Place = self._places[op.source]
        step = FLOAT
        if op.source in self._columns:
            x = self._states(op.source)
            x, step = replace(x, row=FLOAT), x.row
        self.calls.append(Call(kind, (weights, x, x.row, step, rows, self._put(cells))))

    def _lower_ssm(self, op: Ssm) -> None:
        kind = SsmKind(op.source.channels, op.states)
        weights = self._put(ssm.pack(kind, self.tile, op))
        memory = self._put(np.zeros(kind.floats(self.tile), np.float32))
        rows = self._workplace(ssm.rows_bytes(self.tile))
        x, y = self._places[op.source], self._places[op.target]
        self.calls.append(Call(kind, (weights, memory, rows, x, x.row, y, y.row)))

    def _lower_stage(self, op: Stage) -> None:
        """The box's memory comes behind all else: no offset in the code hangs on its size."""
        from engine.boxes.compiled import load

        header = self._claim(2 * 8)
        self._boxes.append((load(op.box, op.sample_rate), header))
        rows = self._workplace(ROW * op.rows)
        given: list[Place | int] = [Place("memory", 0, 0), Place("memory", header, 0), rows]
        for signal in op.sources:
            place = self._places[signal]
            given += [place, place.row]
        kind = StageKind(tuple(signal.channels for signal in op.sources))
        self.calls.append(Call(kind, (*given, self._places[op.target])))

    def _place_box(self, box: Loaded, header: int) -> None:
        """Append the memory of a box and tell its header where it is."""
        at = self._put(box.image).offset
        self._words.append((header, (box.address, at)))
        self.clocks += [(at // FLOAT + first, count) for first, count in box.clocks]

    def _workplace(self, size: int) -> Place:
        """Memory that only one call uses: the same for all."""
        self._work = max(self._work, size)
        return Place("work", 0, ROW)

    def _lower_conv(self, op: Conv) -> None:
        """One call, or one for each group of channels."""
        unit = int(np.gcd.reduce([op.width, *(op.width // term.groups for term in op.terms)]))
        stored = op.total is None or op.total not in self._written
        for first in range(0, op.width, unit):
            self._conv_part(op, first, unit, stored)
        self._written.update(writes(op))

    def _conv_part(self, op: Conv, first: int, unit: int, stored: bool) -> None:
        """The rows ``first`` to ``first + unit`` of a convolution without gates between groups."""
        rows = slice(first, first + unit)
        whole = unit == op.width
        slopes = [step.slopes for step in op.steps if isinstance(step, Prelu)]
        kind = ConvKind(
            tuple((t.weights.shape[1], t.weights.shape[2]) for t in op.terms),
            unit,
            op.bias is not None,
            len(op.adds),
            tuple(convolve.step_kind(step) for step in op.steps),
            op.target is not None,
            "" if op.total is None else "store" if stored else "add",
        )
        packed = convolve.pack(
            kind,
            self.tile,
            None if op.bias is None else op.bias[rows],
            slopes if whole else [slope[rows] for slope in slopes],
            [term.weights[rows] for term in op.terms],
        )
        given: list[Place | int] = [self._put(packed)]
        for term in op.terms:
            group = first // (op.width // term.groups)
            place = self._places[term.signal].channel(group * term.weights.shape[1])
            given += [place.past(term.lookback), place.row, FLOAT * term.dilation]
        signals: list[Signal] = list(op.adds)
        for step in op.steps:
            if isinstance(step, Film):
                signals += [step.scale, *([step.shift] if step.shift else [])]
        signals += [signal for signal in (op.target, op.total) if signal]
        for signal in signals:
            place = self._places[signal].channel(first)
            given += [place, place.row]
        self.calls.append(Call(kind, tuple(given)))


def _shifted(call: Call, bases: dict[str, int]) -> Call:
    """The call with what lies in scratch placed where that begins in the memory."""
    given = tuple(
        replace(g, base="memory", offset=g.offset + bases[g.base])
        if isinstance(g, Place) and g.base in bases
        else g
        for g in call.given
    )
    return Call(call.kind, given)
