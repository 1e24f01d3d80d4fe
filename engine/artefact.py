"""Opens a model exported by a trainer and checks its card: a folder, or nothing.

A folder holds three files: ``model.onnx`` the network, ``model.toml`` the card that tells
what it is, and ``golden.npz`` one take of it (``audio`` in, ``audio_out`` out, and ``knobs``
where it has any) to test every player of it against.

The network's contract:

- Input ``audio`` holds exactly ``hop_samples`` float32 of one channel, oldest first, in any
  shape with that many elements; output ``audio_out`` holds as many.
- Every other input but ``knobs`` is a state: the card's ``[state]`` names the output that
  feeds it at the next hop, and has its shape. All states are zeros before the first hop.
- Input ``knobs``, shape (1, K), is there if and only if the card has ``[[knobs]]``: their
  values in the card's order and plain units, constant within a hop.
- ``latency_samples`` is how far the sound itself comes late; waiting for a hop to fill is
  the player's, and not counted.
"""

import hashlib
import math
import os
import re
import struct
import tokenize
import tomllib
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

NETWORK, CARD, GOLDEN = "model.onnx", "model.toml", "golden.npz"
FORMAT = 1
CARD_BYTES = 1 << 20  # a card is a page; a network handed over as a card is not read

SAMPLE_RATES = (8_000, 384_000)
HOPS, LATENCIES = (1, 65_536), (0, 1_000_000)
TOLERANCES, LOUDNESSES_DB = (1e-9, 0.1), (-200.0, 60.0)
KNOB_VALUES = (-1e9, 1e9)

# What numpy.load raises for a file that is torn or of another kind.
TORN = (EOFError, IndexError, MemoryError, OSError, OverflowError, struct.error, zlib.error)
FOREIGN = (AttributeError, RuntimeError, SyntaxError, TypeError, ValueError)
PACKED = (zipfile.BadZipFile, tokenize.TokenError)
_MISSING = object()


class ArtefactError(ValueError):
    """What is wrong with a model folder, in one line: where, what was given, what may be."""


@dataclass(frozen=True)
class ModelKnob:
    """A control that the network was trained to follow, in plain units."""

    name: str
    minimum: float
    maximum: float
    default: float
    help: str


@dataclass(frozen=True)
class Artefact:
    """A checked model folder: what its card says. The network itself is ``network_path``."""

    path: Path
    name: str
    about: str
    architecture: str
    sample_rate: int
    hop_samples: int
    latency_samples: int
    tolerance: float  # largest absolute error against golden.npz
    loudness_db: float | None  # RMS of what it makes of engine.performance; None: not measured
    state: dict[str, str]  # this input is fed by that output, next hop
    knobs: tuple[ModelKnob, ...]
    trained: dict[str, Any]  # for the record; not checked
    licence: str
    sha256: str

    @property
    def network_path(self) -> Path:
        """Where the network is."""
        return self.path / NETWORK

    def golden(self) -> dict[str, NDArray[np.float32]]:
        """Read the golden take: ``audio`` and ``audio_out`` (frames,), ``knobs`` (1, K)."""
        return _golden(self)


def open_artefact(path: str | os.PathLike[str]) -> Artefact:
    """Open a model by its folder, or by the path of a file in it; ArtefactError if unfit."""
    folder = _folder(Path(path))
    card = Card(folder / CARD, _table(folder / CARD))
    version = card.whole("format", (-math.inf, math.inf))
    if version != FORMAT:
        card.refuse(f"format = {_show(version)} is not supported; supported: {FORMAT}")
    measured = "loudness_db" in card.values
    artefact = Artefact(
        path=folder,
        name=card.text("name"),
        about=card.text("about", ""),
        architecture=card.text("architecture", ""),
        sample_rate=card.whole("sample_rate", SAMPLE_RATES),
        hop_samples=card.whole("hop_samples", HOPS),
        latency_samples=card.whole("latency_samples", LATENCIES),
        tolerance=card.number("tolerance", TOLERANCES),
        loudness_db=card.number("loudness_db", LOUDNESSES_DB) if measured else None,
        state=_state(card),
        knobs=_knobs(card),
        trained=dict(card.table("trained")),
        licence=card.text("licence", ""),
        sha256=card.text("sha256"),
    )
    _check_network(artefact)
    return artefact


@dataclass(frozen=True)
class Card:
    """A TOML table and where it stands, so that every complaint about it can say where."""

    path: Path
    values: Mapping[str, Any]
    where: str = ""  # as "knobs[2]."

    def refuse(self, complaint: str) -> NoReturn:
        """Raise ArtefactError about this card."""
        _refuse(self.path, complaint)

    def given(self, key: str, default: object) -> object:
        """Return the value as it stands, or the default; refuse if neither is there."""
        if key not in self.values and default is _MISSING:
            self.refuse(f"{self.where}{key} is missing")
        return self.values.get(key, default)

    def text(self, key: str, default: object = _MISSING) -> str:
        """Return a text of one line; one without a default must not be empty."""
        value = self.given(key, default)
        if not isinstance(value, str):
            self.refuse(f"{self.where}{key} = {_show(value)} is not a text")
        if (default is _MISSING and not value) or not value.isprintable():
            self.refuse(f"{self.where}{key} = {_show(value)} is not one line of text")
        return value

    def whole(self, key: str, limits: tuple[float, float]) -> int:
        """Return a whole number within the limits."""
        value = self.given(key, _MISSING)
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(f"{self.where}{key} = {_show(value)} is not a whole number")
        self.within(key, value, limits)
        return value

    def number(self, key: str, limits: tuple[float, float]) -> float:
        """Return a number within the limits."""
        value = self.given(key, _MISSING)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.refuse(f"{self.where}{key} = {_show(value)} is not a number")
        self.within(key, value, limits)
        return float(value)

    def within(self, key: str, value: float, limits: tuple[float, float]) -> None:
        low, high = limits  # NaN is within none
        if not low <= value <= high:
            self.refuse(f"{self.where}{key} = {_show(value)} is outside {low} to {high}")

    def table(self, key: str) -> Mapping[str, Any]:
        """Return a table, empty if the card has none."""
        value = self.given(key, {})
        if not isinstance(value, dict):
            self.refuse(f"{self.where}{key} = {_show(value)} is not a table")
        return value


def _folder(path: Path) -> Path:
    """Return the folder a path means; refuse if it or what must be in it is not there."""
    folder = path.parent if path.name in (NETWORK, CARD, GOLDEN) else path
    if not os.path.exists(folder):  # Path.exists raises where a name is too long
        _refuse(folder, "no such folder")
    if not folder.is_dir():
        _refuse(folder, f"not a folder; a model is a folder with {NETWORK} and {CARD}")
    for name in (CARD, NETWORK):
        _need_file(folder / name)
    return folder


def _need_file(path: Path) -> None:
    if not os.path.isfile(path):
        _refuse(path, "no such file" if not path.is_dir() else "a folder where a file is expected")


def _table(path: Path) -> dict[str, Any]:
    """Read a TOML file whole; ArtefactError if it cannot be read or is no TOML."""
    try:
        if path.stat().st_size > CARD_BYTES:
            _refuse(path, f"larger than {CARD_BYTES} bytes; not a card")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ArtefactError:
        raise
    except OSError as error:
        _refuse(path, error.strerror or "cannot be read")
    except (RecursionError, ValueError) as error:  # no TOML, no UTF-8, too many digits, too deep
        _refuse(path, f"not TOML: {error}")


def _state(card: Card) -> dict[str, str]:
    """Return which output feeds which input; each output feeds one."""
    table = Card(card.path, card.table("state"), "state.")
    state = {name: table.text(name) for name in table.values}
    for name, source in state.items():
        if name in ("", "audio", "knobs") or source == "audio_out":
            card.refuse(f"state: {_show(name)} = {_show(source)} is not a state")
    if len(set(state.values())) < len(state):
        card.refuse(f"state: one output feeds two inputs: {_show(sorted(state.values()))}")
    return state


def _knobs(card: Card) -> tuple[ModelKnob, ...]:
    """Return the knobs in the card's order."""
    rows = card.given("knobs", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        card.refuse(f"knobs = {_show(rows)} is not a list of tables, [[knobs]]")
    knobs = tuple(_knob(Card(card.path, row, f"knobs[{i}].")) for i, row in enumerate(rows))
    if len({knob.name for knob in knobs}) < len(knobs):
        card.refuse(f"knobs: a name is given twice: {_show([knob.name for knob in knobs])}")
    return knobs


def _knob(card: Card) -> ModelKnob:
    """Return one knob; its default is within its range, and the range is not empty."""
    name = card.text("name")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        card.refuse(f"{card.where}name = {_show(name)} is not a name like drive_db")
    minimum, maximum = (card.number(key, KNOB_VALUES) for key in ("minimum", "maximum"))
    if not minimum < maximum:
        card.refuse(f"{card.where}maximum = {maximum} is not above minimum = {minimum}")
    default = card.number("default", (minimum, maximum))
    return ModelKnob(name, minimum, maximum, default, card.text("help", ""))


def _check_network(artefact: Artefact) -> None:
    """Refuse a network that is not the one the card was written for."""
    path, told = artefact.network_path, artefact.sha256
    if not re.fullmatch(r"[0-9a-f]{64}", told):
        _refuse(artefact.path / CARD, f"sha256 = {_show(told)} is not 64 hexadecimal digits")
    try:
        with path.open("rb") as network:
            found = hashlib.file_digest(network, "sha256").hexdigest()
    except OSError as error:
        _refuse(path, error.strerror or "cannot be read")
    if found != told:
        _refuse(path, f"sha256 is {found}, the card says {told}: not the network exported")


def _golden(artefact: Artefact) -> dict[str, NDArray[np.float32]]:
    """Read and check the golden take."""
    path = artefact.path / GOLDEN
    _need_file(path)
    names = ("audio", "audio_out", *(["knobs"] if artefact.knobs else []))
    try:
        with np.load(path, allow_pickle=False) as take:
            golden = {name: np.asarray(take[name], dtype=np.float32) for name in names}
    except KeyError:
        _refuse(path, f"must hold the arrays {', '.join(names)}")
    except (*TORN, *FOREIGN, *PACKED) as error:
        _refuse(path, f"not a golden take: {error}")
    _check_golden(path, golden, artefact)
    return golden


def _check_golden(path: Path, golden: dict[str, NDArray[np.float32]], artefact: Artefact) -> None:
    """Refuse a take that no player could replay."""
    audio, out, hop = golden["audio"], golden["audio_out"], artefact.hop_samples
    if audio.ndim != 1 or audio.shape != out.shape or not len(audio) or len(audio) % hop:
        shapes = f"audio {audio.shape} and audio_out {out.shape}"
        _refuse(path, f"{shapes} are not both (frames,), a multiple of hop_samples = {hop}")
    if artefact.knobs and golden["knobs"].shape != (1, len(artefact.knobs)):
        _refuse(path, f"knobs {golden['knobs'].shape} is not (1, {len(artefact.knobs)})")
    if not all(np.isfinite(array).all() for array in golden.values()):
        _refuse(path, "holds values that are not finite")


def _refuse(path: Path, complaint: str) -> NoReturn:
    """Raise ArtefactError about a file, in one printable line whatever the names in it."""
    line = "".join(c if c.isprintable() else " " for c in f"{path}: {complaint[:400]}")
    raise ArtefactError(" ".join(line.split())) from None


def _show(value: object) -> str:
    """Return a value as written in one short line."""
    try:
        shown = ascii(value)
    except (ValueError, RecursionError):  # too many digits, too many brackets
        shown = "a value too long to show"
    return shown if len(shown) <= 60 else shown[:57] + "..."
