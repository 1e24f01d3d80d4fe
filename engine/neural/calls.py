"""What a plan is made of: kernels, what they are given, and where that lies."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.neural.convolve import ConvKind
from engine.neural.recur import ProjectKind, RecurKind
from engine.neural.ssm import SsmKind
from engine.neural.vector import FLOAT


@dataclass(frozen=True)
class SoftmaxKind:
    """A softmax over so many channels."""

    channels: int

    ARGUMENTS = ("vectors", "x", "x_row", "target", "target_row")


@dataclass(frozen=True)
class TransposeKind:
    """Rows of states become planar sound."""

    hidden: int
    padded: int

    ARGUMENTS = ("frames", "rows", "target", "target_row")


@dataclass(frozen=True)
class StageKind:
    """A box that hears so many rows: its sources are copied together, and row 0 is what it makes.

    ``box`` holds two int64: the address of its code, and how far from ``memory`` its own lies.
    Neither is in this code: whatever the box, a network of this shape runs the same.
    """

    sources: tuple[int, ...]  # channels of each

    def arguments(self) -> list[str]:
        """Names of what the kernel is given."""
        heard = [name for k in range(len(self.sources)) for name in (f"x{k}", f"x{k}_row")]
        return ["frames", "memory", "box", "rows", *heard, "target"]


Kind = ConvKind | RecurKind | ProjectKind | SoftmaxKind | TransposeKind | SsmKind | StageKind


@dataclass(frozen=True)
class Place:
    """Where a signal's first row begins: bytes after a base, and after a line's position."""

    base: str  # "memory", "input" or "output"
    offset: int
    row: int
    line: int | None = None

    def channel(self, number: int) -> Place:
        """Where its channel ``number`` begins."""
        return replace(self, offset=self.offset + number * self.row)

    def past(self, samples: int) -> Place:
        """The same, so many samples ago."""
        return replace(self, offset=self.offset - FLOAT * samples)


@dataclass(frozen=True)
class Line:
    """A signal's memory of the past; counts of floats, ``offset`` in bytes."""

    offset: int
    rows: int
    length: int
    keep: int
    start: int


@dataclass(frozen=True)
class Call:
    """A kernel and what it is given: addresses, or numbers."""

    kind: Kind
    given: tuple[Place | int, ...]
