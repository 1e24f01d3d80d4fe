"""The text of the matrix and cell kernels, in vectors, for LLVM."""

from __future__ import annotations

from llvmlite import ir

from engine import native
from engine.neural.curves import Curves
from engine.neural.vector import FLOAT, I32, I64, Value, Writer, index, zeros

LINE_BYTES = 64
IN_WORD = {"float32": 1, "bfloat16": 2, "int8": 4}
DOT = 16
BINS_AT_ONCE = 2


def matvec(lanes: int, vectors: int, chains: int, storage: str) -> str:
    """A module whose entry is ``void(weights, vector, sums, columns)``; see matvec.py."""
    w, (weights, vector, sums, columns) = _entry("matvec")
    tiles, stride = w.load_word(weights), w.load_word(w.add(weights, 8))
    rows = lanes * vectors
    factors = w.add(weights, LINE_BYTES)
    data = factors
    if storage == "int8":
        data = w.add(factors, w.times(tiles, FLOAT * rows))

    def one_tile(t: Value, carried: list[Value]) -> list[Value]:
        first, out, factor = carried
        start = [zeros(lanes) for _ in range(vectors * chains)]

        def column(n: Value, inner: list[Value]) -> list[Value]:
            place, number, *totals = inner
            for chain in range(chains):
                spread = w.splat_from(w.add(number, FLOAT * chain), lanes)
                for k, weight in enumerate(_weights(w, place, lanes, vectors, storage)):
                    at_sum = chain * vectors + k
                    totals[at_sum] = w.fma(weight, spread, totals[at_sum])
                place = w.add(place, FLOAT * rows // IN_WORD[storage])
            return [place, w.add(number, FLOAT * chains), *totals]

        _, _, *totals = w.loop(index(0), columns, chains, [first, vector, *start], column)
        for k in range(vectors):
            total = totals[k]
            for chain in range(1, chains):
                total = w.b.fadd(total, totals[chain * vectors + k])
            place = w.add(out, FLOAT * lanes * k)
            if storage == "int8":
                scale = w.load(w.add(factor, FLOAT * lanes * k), lanes)
                w.store(w.fma(total, scale, w.load(place, lanes)), place)
            else:
                w.store(w.b.fadd(total, w.load(place, lanes)), place)
        return [w.add(first, stride), w.add(out, FLOAT * rows), w.add(factor, FLOAT * rows)]

    w.loop(index(0), tiles, 1, [data, sums, factors], one_tile)
    w.b.ret_void()
    return str(w.module)


def _weights(w: Writer, place: Value, lanes: int, vectors: int, storage: str) -> list[Value]:
    """The vectors of weights of one column of a tile."""
    if storage == "float32":
        return [w.load(w.add(place, FLOAT * lanes * k), lanes) for k in range(vectors)]
    each = IN_WORD[storage]
    whole = ir.VectorType(I32, lanes)
    found = []
    for group in range(vectors // each):
        source = w.b.inttoptr(w.add(place, FLOAT * lanes * group), whole.as_pointer())
        word = w.b.load(source, align=FLOAT)
        found += [_part(w, word, k, each) for k in range(each)]
    return found


def _part(w: Writer, word: Value, k: int, each: int) -> Value:
    """Weight ``k`` of ``each`` in a lane, in its upper bits, as a float."""
    kind, size = word.type, 32 // each
    up = 32 - size * (k + 1)
    value = w.b.shl(word, ir.Constant(kind, [up] * kind.count)) if up else word
    if k:
        mask = (1 << 32) - (1 << (32 - size))
        value = w.b.and_(value, ir.Constant(kind, [mask] * kind.count))
    floats = zeros(kind.count).type
    return w.b.bitcast(value, floats) if each == 2 else w.b.sitofp(value, floats)


def cells(lanes: int) -> str:
    """A module whose entry is ``void(sums, cells, states, units)``.

    ``sums`` (4, units) are those of the gates i, f, g, o; ``cells`` and ``states`` (units,) are
    rewritten. ``units`` is a multiple of 16.
    """
    w, (sums, held, states, units) = _entry("cells")
    curves = Curves(w, fast=False)
    gate = w.times(units, FLOAT)

    def some(n: Value, carried: list[Value]) -> list[Value]:
        (at,) = carried
        place, given = w.add(sums, at), []
        for _ in range(4):
            given.append(w.load(place, lanes))
            place = w.add(place, gate)
        i, f, o = (curves.sigmoid(given[k]) for k in (0, 1, 3))
        old = w.load(w.add(held, at), lanes)
        cell = w.fma(f, old, w.b.fmul(i, curves.tanh(given[2])))
        w.store(cell, w.add(held, at))
        w.store(w.b.fmul(o, curves.tanh(cell)), w.add(states, at))
        return [w.add(at, FLOAT * lanes)]

    w.loop(index(0), units, lanes, [index(0)], some)
    w.b.ret_void()
    return str(w.module)


def dot() -> str:
    """A module whose entry is ``void(weights, vector, out, count)``: adds a product to ``out``.

    ``count`` is a multiple of 16.
    """
    w, (weights, vector, out, count) = _entry("dot")

    def some(n: Value, carried: list[Value]) -> list[Value]:
        x, y, total = carried
        total = w.fma(w.load(x, DOT), w.load(y, DOT), total)
        return [w.add(x, FLOAT * DOT), w.add(y, FLOAT * DOT), total]

    *_, total = w.loop(index(0), count, DOT, [weights, vector, zeros(DOT)], some)
    old = w.b.extract_element(w.load(out, 1), ir.Constant(I32, 0))
    w.store(w.b.fadd(old, w.sum(total)), out)
    w.b.ret_void()
    return str(w.module)


def multiply(lanes: int, vectors: int) -> str:
    """A module whose entry is ``void(responses, spectra, out, _)``: products of spectra, added up.

    ``responses`` is a line with two words, bins and partitions, then (bins, partitions, 2, width)
    real and imaginary parts, where ``width`` filters are lanes times vectors; ``spectra``
    (partitions, 3, bins) are real, imaginary and minus imaginary parts of one signal; ``out`` is
    (2, bins, width).
    """
    w, (responses, spectra, out, _) = _entry("multiply")
    bins, parts = w.load_word(responses), w.load_word(w.add(responses, 8))
    width = lanes * vectors
    row = w.times(bins, FLOAT)
    half = w.times(bins, FLOAT * width)
    each = range(BINS_AT_ONCE * 2 * vectors)

    def some_bins(f: Value, carried: list[Value]) -> list[Value]:
        first, column, target = carried
        stride = w.times(parts, FLOAT * 2 * width)

        def part(p: Value, inner: list[Value]) -> list[Value]:
            place, given, *sums = inner
            for n in range(BINS_AT_ONCE):
                here = w.add(given, FLOAT * n)
                re, im, minus = (
                    w.splat_from(at, lanes)
                    for at in (here, w.add(here, row), w.add(w.add(here, row), row))
                )
                at = place if n == 0 else w.add(place, stride)
                for k in range(vectors):
                    hr = w.load(w.add(at, FLOAT * lanes * k), lanes)
                    hi = w.load(w.add(at, FLOAT * (width + lanes * k)), lanes)
                    a = (n * vectors + k) * 2
                    sums[a] = w.fma(minus, hi, w.fma(re, hr, sums[a]))
                    sums[a + 1] = w.fma(im, hr, w.fma(re, hi, sums[a + 1]))
            step = w.add(row, w.add(row, row))
            return [w.add(place, FLOAT * 2 * width), w.add(given, step), *sums]

        start = [first, column, *(zeros(lanes) for _ in each)]
        _, _, *sums = w.loop(index(0), parts, 1, start, part)
        for n in range(BINS_AT_ONCE):
            for k in range(vectors):
                at = w.add(target, FLOAT * (n * width + lanes * k))
                a = (n * vectors + k) * 2
                w.store(sums[a], at)
                w.store(sums[a + 1], w.add(at, half))
        return [
            w.add(first, w.times(stride, BINS_AT_ONCE)),
            w.add(column, FLOAT * BINS_AT_ONCE),
            w.add(target, FLOAT * width * BINS_AT_ONCE),
        ]

    begin = [w.add(responses, LINE_BYTES), spectra, out]
    w.loop(index(0), bins, BINS_AT_ONCE, begin, some_bins)
    w.b.ret_void()
    return str(w.module)


def _entry(name: str) -> tuple[Writer, tuple[Value, ...]]:
    module = ir.Module(name)
    module.triple = native.machine()[0]
    kind = ir.FunctionType(ir.VoidType(), [I64] * 4)
    function = ir.Function(module, kind, native.ENTRY)
    return Writer(module, function.append_basic_block()), function.args


__all__ = ["BINS_AT_ONCE", "cells", "dot", "matvec", "multiply"]
