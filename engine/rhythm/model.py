"""Opens a drummer that was learnt: a folder with its network, its card and a golden take.

``rhythm.npz`` holds float32 arrays and ``meta``, JSON in bytes; ``rhythm.toml`` is the card. What
each step of a sixteenth sees, in this order, X numbers (9 drums, 4 families, S styles; ``bar`` is
steps a bar, ``place`` the step in it; zeros for what lies before the first step):

1. hits, velocities (0 to 1) and offsets (in steps) of the last step, 9 each
2. hits 2, 4, 8, ``bar`` and 2 ``bar`` steps ago, 9 each
3. velocities and offsets ``bar`` steps ago, offsets 4 steps ago, 9 each
4. how often each drum was hit at this place of a bar, how hard and how late as a rule, 9 each
5. whether somebody else plays, how much to follow him (0 to 1), his families in the last step,
   ``bar`` steps ago, and how often at this place of a bar, 4 each
6. place modulo 16 as one of 16, bar / 16, sine and cosine over four bars, and over two
7. style as one of S, none for any
8. whether a density is asked for, hits a step / 4; log2(tempo / 120 bpm)

Blocks 1 to 4 are seen times 1 - follow. The arrays, with H hidden and E chained numbers, K bins:
Wi (3H, X) bi Wh (3H, H) bh, a GRU whose gates are reset, update and new; Ah (E, H) Ax (E, X) a w
(9, E) b C (9, E), the chain over drums; Qh Qx qa Qc (9, E), how they are played: velocity V
(9, K, E) vb (9, K), offset O (9, E) ob, its spread LS (9, E) lb and what it shares with earlier
drums D (9, 9). The equations are in models.pulse.rhythm.reference.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.artefact.card import Card, need_file, read_table, refuse, show
from engine.artefact.golden import FOREIGN, PACKED, TORN

CARD, NETWORK, GOLDEN = "rhythm.toml", "rhythm.npz", "golden.npz"
FORMAT = 1
NETWORK_BYTES = 1 << 26
DRUMS = 9
BEFORE_STYLES, AFTER_STYLES = 161, 3  # numbers of x before and after the styles
LARGEST = {"hidden": 1024, "chain": 512, "bins": 64, "styles": 256}

Array = NDArray[np.float32]


@dataclass(frozen=True)
class RhythmModel:
    """A drummer that was learnt. ``arrays`` are float32, in C order, by the names above."""

    path: Path
    name: str
    about: str
    architecture: str
    styles: tuple[str, ...]
    hidden: int
    chain: int
    bins: int
    inputs: int
    tolerance: float  # against golden.npz
    licence: str
    sha256: str
    trained: dict[str, Any]
    arrays: dict[str, Array]

    def golden(self) -> dict[str, NDArray[Any]]:
        """The golden take: what went in and what came out; ArtefactError if it is none."""
        need_file(self.path / GOLDEN)
        return _arrays(self.path / GOLDEN, (self.path / GOLDEN).read_bytes())


def open_rhythm(path: Path | str) -> RhythmModel:
    """Open a drummer by its folder or a file in it; ArtefactError, in one line, if unfit."""
    folder = Path(path)
    if folder.name in (CARD, NETWORK, GOLDEN):
        folder = folder.parent
    need_file(folder / CARD)
    need_file(folder / NETWORK)
    card = Card(folder / CARD, read_table(folder / CARD))
    card.whole("format", (FORMAT, FORMAT))
    if card.text("kind") != "rhythm":
        card.refuse(f"kind = {show(card.text('kind'))} is not rhythm")
    data = _bytes(folder / NETWORK)
    found, told = hashlib.sha256(data).hexdigest(), card.text("sha256")
    if found != told:
        refuse(folder / NETWORK, f"sha256 is {found}, the card says {told}: not what was exported")
    arrays = _arrays(folder / NETWORK, data)
    sizes, styles = _meta(folder / NETWORK, arrays)
    _check(folder / NETWORK, arrays, sizes, len(styles))
    return RhythmModel(
        path=folder, name=card.text("name"), about=card.text("about", ""),
        architecture=card.text("architecture", ""), styles=styles, hidden=sizes["hidden"],
        chain=sizes["chain"], bins=sizes["bins"], inputs=_inputs(len(styles)),
        tolerance=card.number("tolerance", (1e-9, 0.1)), licence=card.text("licence", ""),
        sha256=told, trained=dict(card.table("trained")), arrays=arrays,
    )  # fmt: skip


def shapes(hidden: int, chain: int, bins: int, styles: int) -> dict[str, tuple[int, ...]]:
    """The arrays of a network of these sizes, by name."""
    h, e, x = hidden, chain, _inputs(styles)
    each = {"b": (DRUMS,), "ob": (DRUMS,), "lb": (DRUMS,), "D": (DRUMS, DRUMS)}
    each |= dict.fromkeys(("w", "C", "Qc", "O", "LS"), (DRUMS, e))
    each |= {"V": (DRUMS, bins, e), "vb": (DRUMS, bins)}
    hidden_ones = {"Wi": (3 * h, x), "bi": (3 * h,), "Wh": (3 * h, h), "bh": (3 * h,)}
    chained = {"Ah": (e, h), "Ax": (e, x), "a": (e,), "Qh": (e, h), "Qx": (e, x), "qa": (e,)}
    return {**hidden_ones, **chained, **each}


def _inputs(styles: int) -> int:
    return BEFORE_STYLES + styles + AFTER_STYLES


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > NETWORK_BYTES:
            refuse(path, f"larger than {NETWORK_BYTES} bytes; not a rhythm model")
        return path.read_bytes()
    except OSError as error:
        refuse(path, error.strerror or "cannot be read")


def _arrays(path: Path, data: bytes) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            return {name: np.ascontiguousarray(held[name]) for name in held.files}
    except (*TORN, *FOREIGN, *PACKED) as error:
        refuse(path, f"holds no arrays: {error}")


def _meta(path: Path, arrays: dict[str, NDArray[Any]]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Take ``meta`` out of the arrays; return the sizes and the styles."""
    try:
        meta = json.loads(arrays.pop("meta").tobytes().decode())
        styles = tuple(meta["styles"])
        sizes = {name: meta[name] for name in ("hidden", "chain", "bins")}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        refuse(path, f"meta does not tell sizes and styles: {error}")
    for name, value in {**sizes, "styles": len(styles)}.items():
        if type(value) is not int or not 1 <= value <= LARGEST[name]:
            refuse(path, f"{name} = {show(value)} is outside 1 to {LARGEST[name]}")
    if not all(isinstance(style, str) and style.isprintable() for style in styles):
        refuse(path, f"styles = {show(styles)} are not names")
    return sizes, styles


def _check(path: Path, arrays: dict[str, NDArray[Any]], sizes: dict[str, int], styles: int) -> None:
    """Refuse arrays that are not those of a network of these sizes."""
    for name, shape in shapes(**sizes, styles=styles).items():
        if name not in arrays:
            refuse(path, f"{name} is missing")
        array = arrays[name]
        if array.shape != shape or array.dtype != np.float32:
            refuse(path, f"{name} is {array.dtype} {array.shape}, not float32 {shape}")
        if not np.isfinite(array).all():
            refuse(path, f"{name} holds values that are not finite")


__all__ = ["CARD", "GOLDEN", "NETWORK", "RhythmModel", "open_rhythm", "shapes"]
