"""Vectors of floats in LLVM's language: what the network kernels are written with.

Widths are ours to choose: LLVM splits what the processor cannot hold, so the same text runs on
AVX-512, AVX2, SSE2 and NEON. Nothing here may reorder arithmetic: a sample must come out the
same whatever vector it sits in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

I32, I64, F32 = ir.IntType(32), ir.IntType(64), ir.FloatType()
Value = Any
"""An LLVM value: an address or a count (int64), a float, or a vector of floats."""

FLOAT = 4


def index(value: int) -> Value:
    """A constant count or offset."""
    return ir.Constant(I64, value)


def vector(width: int) -> Any:
    """The type of ``width`` floats."""
    return ir.VectorType(F32, width)


def zeros(width: int) -> Value:
    """A vector of zeros."""
    return ir.Constant(vector(width), [0.0] * width)


class Writer:
    """Writes instructions; thin words over llvmlite's builder."""

    def __init__(self, module: ir.Module, block: ir.Block) -> None:
        self.module, self.b = module, ir.IRBuilder(block)

    # Addresses are int64; LLVM folds the sums into the instructions that use them.

    def add(self, a: Value, offset: Value | int) -> Value:
        """Address or count ``a`` plus ``offset``."""
        if isinstance(offset, int):
            if offset == 0:
                return a
            offset = index(offset)
        return self.b.add(a, offset)

    def times(self, a: Value, factor: int) -> Value:
        """Count ``a`` times a constant."""
        return self.b.mul(a, index(factor))

    def load(self, address: Value, width: int) -> Value:
        """``width`` floats from ``address``, wherever it lies."""
        return self.b.load(self.b.inttoptr(address, vector(width).as_pointer()), align=FLOAT)

    def store(self, value: Value, address: Value) -> None:
        """Write a vector, or one float, to ``address``."""
        self.b.store(value, self.b.inttoptr(address, value.type.as_pointer()), align=FLOAT)

    def load_word(self, address: Value) -> Value:
        """One int64 from ``address``."""
        return self.b.load(self.b.inttoptr(address, I64.as_pointer()), align=8)

    def store_word(self, value: Value, address: Value) -> None:
        """Write one int64."""
        self.b.store(value, self.b.inttoptr(address, I64.as_pointer()), align=8)

    def splat_from(self, address: Value, width: int) -> Value:
        """The float at ``address`` in every lane."""
        place = self.b.inttoptr(address, F32.as_pointer())
        return self.splat(self.b.load(place, align=FLOAT), width)

    def splat(self, value: Value, width: int) -> Value:
        """``value`` in every lane."""
        undefined = ir.Constant(vector(width), ir.Undefined)
        one = self.b.insert_element(undefined, value, ir.Constant(I32, 0))
        lanes = ir.Constant(ir.VectorType(I32, width), [0] * width)
        return self.b.shuffle_vector(one, undefined, lanes)

    def constant(self, value: float, like: Value) -> Value:
        """A constant in every lane of a vector like ``like``."""
        return ir.Constant(like.type, [value] * like.type.count)

    def four_from(self, address: Value, width: int) -> Value:
        """Four floats at ``address``, again and again; kept from being taken apart into loads."""
        value = self.load(address, 4)
        lanes = ir.Constant(ir.VectorType(I32, width), [k % 4 for k in range(width)])
        spread = self.b.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), lanes)
        return self.call("arithmetic.fence", spread)

    def lane_of_four(self, four: Value, lane: int) -> Value:
        """One float of ``four_from`` in every lane, by moves within its quarters."""
        width = four.type.count
        lanes = ir.Constant(ir.VectorType(I32, width), [k // 4 * 4 + lane for k in range(width)])
        return self.b.shuffle_vector(four, ir.Constant(four.type, ir.Undefined), lanes)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a b + c, fused where the processor can."""
        return self.call("fmuladd", a, b, c)

    def call(self, name: str, *values: Value) -> Value:
        """An LLVM intrinsic on vectors of one type."""
        kind = values[0].type
        full = f"llvm.{name}.v{kind.count}f32"
        function = self.module.globals.get(full)
        if function is None:
            signature = ir.FunctionType(kind, [kind] * len(values))
            function = ir.Function(self.module, signature, full)
        return self.b.call(function, values)

    def sum(self, value: Value) -> Value:
        """The lanes of a vector added up, pairwise: always in the same order."""
        width = value.type.count
        while width > 1:
            width //= 2
            undefined = ir.Constant(value.type, ir.Undefined)
            halves = [
                self.b.shuffle_vector(
                    value,
                    undefined,
                    ir.Constant(ir.VectorType(I32, width), list(range(first, first + width))),
                )
                for first in (0, width)
            ]
            value = self.b.fadd(halves[0], halves[1])
        return self.b.extract_element(value, ir.Constant(I32, 0))

    def smaller(self, a: Value, b: Value) -> Value:
        """The lesser of each pair of lanes; ``a`` where that is not a number, so it is heard of."""
        return self.b.select(self.b.fcmp_ordered(">", a, b), b, a)

    def larger(self, a: Value, b: Value) -> Value:
        """The greater of each pair of lanes; ``a`` where that is not a number."""
        return self.b.select(self.b.fcmp_ordered("<", a, b), b, a)

    def loop(
        self,
        start: Value | int,
        stop: Value | int,
        step: int,
        carried: Sequence[Value],
        body: Callable[[Value, list[Value]], list[Value]],
    ) -> list[Value]:
        """Run ``body(i, values)`` for i from start up to stop; what it returns is carried on.

        Where both ends are known and one turn is all there is, no loop is written.
        """
        if isinstance(start, int) and isinstance(stop, int):
            if start >= stop:
                return list(carried)
            if start + step >= stop:
                return body(index(start), list(carried))
        start, stop = (index(end) if isinstance(end, int) else end for end in (start, stop))
        b = self.b
        before = b.block
        head, inside, after = (b.append_basic_block() for _ in range(3))
        b.branch(head)
        b.position_at_end(head)
        i = b.phi(I64)
        i.add_incoming(start, before)
        phis = []
        for value in carried:
            phi = b.phi(value.type)
            phi.add_incoming(value, before)
            phis.append(phi)
        b.cbranch(b.icmp_signed("<", i, stop), inside, after)
        b.position_at_end(inside)
        results = body(i, list(phis))
        end = b.block
        i.add_incoming(b.add(i, index(step)), end)
        for phi, value in zip(phis, results, strict=True):
            phi.add_incoming(value, end)
        b.branch(head)
        b.position_at_end(after)
        return phis
