"""How a kernel is cut: vector width and how many accumulators it holds in registers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tile:
    """Choices that change a kernel's speed; the last two but one also how its sums are rounded.

    ``width`` floats in a vector; a convolution holds ``outs`` channels by ``times`` vectors of
    time in registers. A recurrent layer uses vectors of up to ``hidden_width`` and splits its
    sums into ``chains`` that do not wait for each other. With ``spread``, a tile of one vector
    loads half of its weights four at a time and spreads them within registers: where loads are
    the limit, that is a tenth less time in small blocks.
    """

    width: int = 4
    outs: int = 4
    times: int = 2
    hidden_width: int = 4
    chains: int = 1
    spread: bool = False


FRAMES = 64
"""Most frames a kernel is given at once; every width divides it."""


def blocks(rows: int, most: int) -> list[tuple[int, int]]:
    """Cut ``rows`` into even blocks of at most ``most``: [(rows in a block, how many)]."""
    count = -(-rows // most)
    small, extra = divmod(rows, count)
    cut = [(small + 1, extra), (small, count - extra)]
    return [(size, number) for size, number in cut if number and size]


def pieces(hidden: int, width: int) -> list[int]:
    """Vectors that hold ``hidden`` floats: full ones, then one of the next power of two."""
    cut = [width] * (hidden // width)
    rest = hidden % width
    if rest:
        cut.append(min(width, max(4, 1 << (rest - 1).bit_length())))
    return cut
