"""Activation curves on vectors: exact to float's rounding, or NAM's fast rational.

The exact tanh is a rational of degree 9 over 8 fitted to relative error 2.1e-8 on [-9, 9]
(weighted least squares after Lawson 1961); float tanh is 1 beyond. What is left is rounding.
"""

from __future__ import annotations

from engine.neural.network import Activate
from engine.neural.vector import Value, Writer

TANH_END = 9.0
TANH_P = (
    0.9999999794470462,
    0.13381025029963195,
    0.0034955874461473036,
    2.0609072488296963e-05,
    1.335465004596549e-08,
)
TANH_Q = (
    1.0,
    0.46714340620202,
    0.02587697950186957,
    0.0003285633767363003,
    7.776553176066728e-07,
)
LOG2_E = 1.4426950408889634
LN_2_HIGH, LN_2_LOW = 0.693359375, -2.12194440e-4  # the first has 9 bits: products are exact
ROUNDER = 12582912.0  # adding 1.5 2^23 rounds a float to a whole number
EXP_ENDS = (-87.0, 88.0)


class Curves:
    """Writes activation curves; ``fast`` uses NAM's rational in place of tanh."""

    def __init__(self, writer: Writer, fast: bool) -> None:
        self.w, self.b, self.fast = writer, writer.b, fast

    def apply(self, curve: Activate, x: Value) -> Value:
        """The curve of every lane of ``x``."""
        method = getattr(self, curve.curve)
        result: Value = method(x, *curve.constants)
        return result

    def tanh(self, x: Value) -> Value:
        return self.fast_tanh(x) if self.fast else self._exact_tanh(x)

    def _exact_tanh(self, x: Value) -> Value:
        w = self.w
        x = w.larger(w.smaller(x, w.constant(TANH_END, x)), w.constant(-TANH_END, x))
        u = self.b.fmul(x, x)
        top = self.b.fmul(x, self._polynomial(u, TANH_P))
        return self.b.fdiv(top, self._polynomial(u, TANH_Q))

    def _polynomial(self, u: Value, terms: tuple[float, ...]) -> Value:
        """Degree 4 after Estrin: half the depth of Horner's chain."""
        w, c = self.w, [self.w.constant(term, u) for term in terms]
        square = self.b.fmul(u, u)
        low, high = w.fma(c[1], u, c[0]), w.fma(c[3], u, c[2])
        return w.fma(w.fma(c[4], square, high), square, low)

    def fast_tanh(self, x: Value) -> Value:
        """NAM's rational approximation: off by up to 1.5e-4, mostly as a constant."""
        w, b = self.w, self.b
        a, square = w.call("fabs", x), b.fmul(x, x)
        inner = w.fma(w.constant(0.821226666969744, x), a, w.constant(0.893229853513558, x))
        rise = w.constant(2.45550750702956, x)
        top = b.fmul(x, w.fma(inner, square, w.fma(rise, a, rise)))
        bend = b.fmul(w.constant(0.814642734961073, x), x)
        size = w.call("fabs", w.fma(bend, a, x))
        floor = w.constant(2.44506634652299, x)
        return b.fdiv(top, w.fma(b.fadd(square, floor), size, floor))

    def sigmoid(self, x: Value) -> Value:
        return self.sigmoid_of_twice(self.b.fmul(x, self.w.constant(0.5, x)))

    def sigmoid_of_twice(self, half_x: Value) -> Value:
        """Sigmoid of 2 ``half_x``; near 1 as exact as a float can be, for gates remember by it."""
        w, b = self.w, self.b
        if self.fast:
            half = w.constant(0.5, half_x)
            return w.fma(half, self.fast_tanh(half_x), half)
        one = w.constant(1.0, half_x)
        return b.fdiv(one, b.fadd(one, self.exp(b.fmul(half_x, w.constant(-2.0, half_x)))))

    def silu(self, x: Value) -> Value:
        return self.b.fmul(x, self.sigmoid(x))

    def relu(self, x: Value) -> Value:
        return self.w.larger(x, self.w.constant(0.0, x))

    def leaky_relu(self, x: Value, slope: float) -> Value:
        if 0.0 <= slope <= 1.0:
            return self.w.larger(x, self.b.fmul(x, self.w.constant(slope, x)))
        return self.below_zero(x, self.w.constant(slope, x))

    def below_zero(self, x: Value, slope: Value) -> Value:
        """x above zero, x times a vector of slopes below."""
        above = self.b.fcmp_ordered(">", x, self.w.constant(0.0, x))
        return self.b.select(above, x, self.b.fmul(x, slope))

    def hardtanh(self, x: Value, lowest: float, highest: float) -> Value:
        w = self.w
        return w.larger(w.smaller(x, w.constant(highest, x)), w.constant(lowest, x))

    def hardswish(self, x: Value) -> Value:
        w, b = self.w, self.b
        shifted = self.hardtanh(b.fadd(x, w.constant(3.0, x)), 0.0, 6.0)
        return b.fmul(b.fmul(x, shifted), w.constant(1.0 / 6.0, x))

    def softsign(self, x: Value) -> Value:
        b = self.b
        return b.fdiv(x, b.fadd(self.w.call("fabs", x), self.w.constant(1.0, x)))

    def softsigmoid(self, x: Value) -> Value:
        half = self.w.constant(0.5, x)
        return self.w.fma(half, self.softsign(x), half)

    def leaky_hardtanh(
        self, x: Value, lowest: float, highest: float, slope_below: float, slope_above: float
    ) -> Value:
        w, b = self.w, self.b
        inside = self.hardtanh(x, lowest, highest)
        below = w.smaller(b.fsub(x, w.constant(lowest, x)), w.constant(0.0, x))
        above = w.larger(b.fsub(x, w.constant(highest, x)), w.constant(0.0, x))
        part = w.fma(w.constant(slope_below, x), below, inside)
        return w.fma(w.constant(slope_above, x), above, part)

    def elu(self, x: Value) -> Value:
        w, b = self.w, self.b
        zero = w.constant(0.0, x)
        bent = b.fsub(self.exp(w.smaller(x, zero)), w.constant(1.0, x))
        return b.select(b.fcmp_ordered(">", x, zero), x, bent)

    def exp(self, x: Value) -> Value:
        """e to the x: a power of two times a series of the rest; relative error 2e-7."""
        w, b = self.w, self.b
        x = self.hardtanh(x, *EXP_ENDS)
        rounder = w.constant(ROUNDER, x)
        shifted = w.fma(x, w.constant(LOG2_E, x), rounder)
        whole = b.fsub(shifted, rounder)
        rest = w.fma(whole, w.constant(-LN_2_HIGH, x), x)
        rest = w.fma(whole, w.constant(-LN_2_LOW, x), rest)
        square = b.fmul(rest, rest)
        low, middle, high = (
            w.fma(rest, w.constant(1.0 / odd, x), w.constant(1.0 / even, x))
            for even, odd in ((2.0, 6.0), (24.0, 120.0), (720.0, 5040.0))
        )
        bend = w.fma(w.fma(high, square, middle), square, low)
        series = b.fadd(w.fma(bend, square, rest), w.constant(1.0, x))
        return b.fmul(series, self._power_of_two(shifted))

    def _power_of_two(self, shifted: Value) -> Value:
        """2 to the whole number that sits in the low bits of ``shifted``."""
        from llvmlite import ir

        integers = ir.VectorType(ir.IntType(32), shifted.type.count)
        bits = self.b.bitcast(shifted, integers)
        exponent = self.b.add(bits, ir.Constant(integers, [127] * integers.count))
        return self.b.bitcast(
            self.b.shl(exponent, ir.Constant(integers, [23] * integers.count)), shifted.type
        )
