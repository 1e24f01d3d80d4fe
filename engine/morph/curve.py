"""The curves of layers as machine code, on vectors; the curves are engine.neural.curves'."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from engine import native
from engine.morph.model import LEAK
from engine.sampler.matvec import tile


def curve_address(name: str) -> int:
    """Address of the code of a curve: (numbers, -, -, count); ``count`` in sixteens."""
    key = f"{tile()} {LEAK} {_source()}"
    return native.load(f"morph-{name}", key, _builder(name), tell=False)


def _builder(name: str) -> Callable[[], bytes]:
    def build() -> bytes:
        return native.emit_vectors(_text(name))

    return build


def _text(name: str) -> str:
    from engine.neural.curves import Curves
    from engine.neural.vector import FLOAT, Value, index
    from engine.sampler.emit import _entry

    w, (numbers, _, _, count) = _entry(name)
    curves, lanes = Curves(w, fast=False), tile().lanes

    def some(n: Value, carried: list[Value]) -> list[Value]:
        (place,) = carried
        x = w.load(place, lanes)
        made = curves.leaky_relu(x, LEAK) if name == "leaky_relu" else getattr(curves, name)(x)
        w.store(made, place)
        return [w.add(place, FLOAT * lanes)]

    w.loop(index(0), count, lanes, [numbers], some)
    w.b.ret_void()
    return str(w.module)


@cache
def _source() -> str:
    here = Path(__file__).parent
    neural = here.parent / "neural"
    files = (here / "curve.py", here.parent / "sampler" / "emit.py",
             neural / "curves.py", neural / "vector.py")  # fmt: skip
    return "".join(file.read_text("utf-8") for file in files)


__all__ = ["curve_address"]
