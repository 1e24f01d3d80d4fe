"""What the library knows of a model: a small JSON card beside the file, read without opening it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from engine.modelfiles import SUFFIXES, Knob, ModelFile

CARD_BYTES = 1 << 20
NAME_LENGTH = 80
_NUMBER = (int, float, type(None))
_KINDS: dict[str, Any] = {
    "str": str,
    "int": int,
    "int | None": (int, type(None)),
    "float | None": _NUMBER,
    "tuple[str, ...]": list,
    "tuple[Knob, ...]": list,
}
NO_LOUDNESS = "its output is silence, or too loud to be sound"
_NOT_WRITTEN = ("path", "origin")


@dataclass(frozen=True)
class Card:
    """A model in a few facts; levels and counts are None where nobody told or measured them.

    ``origin`` is ``yours`` for a file that was added, ``folder`` for a model's folder beside
    those files, ``shipped`` for one that comes with taraf, and ``file`` for any other file.
    """

    name: str
    format: str
    architecture: str
    sample_rate: int
    file: str = ""  # what it is called in the library
    original: str = ""  # what it was called where it came from
    came_from: str = ""  # where that was: a path, and the place in it for an archive
    sha256: str = ""
    about: str = ""
    sizes: int = 1
    knobs: tuple[Knob, ...] = ()
    weights: int | None = None
    multiply_adds: int | None = None  # for each sample
    receptive_field: int | None = None
    gear: str = ""
    make: str = ""
    model: str = ""
    tone: str = ""
    author: str = ""
    loudness_db: float | None = None
    gain: float | None = None
    input_dbu: float | None = None
    output_dbu: float | None = None
    computed: tuple[str, ...] = ()  # which of the levels we measured
    warnings: tuple[str, ...] = ()
    added: str = ""  # when, in ISO 8601
    size_bytes: int | None = None
    path: Path = field(default=Path(), compare=False)
    origin: str = "file"

    def facts(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {**asdict(self), "path": str(self.path)}

    def dump(self) -> bytes:
        """The card as it is written."""
        facts = {key: v for key, v in asdict(self).items() if key not in _NOT_WRITTEN}
        return json.dumps(facts, indent=1).encode()


def card_of(model: ModelFile, original: str) -> Card:
    """What there is to say of a file that is ``original`` to its owner; measures what it must."""
    card = unmeasured(model, original)
    missing = [key for key in ("loudness_db", "gain") if getattr(card, key) is None]
    if not missing:
        return card
    from engine.loudness import measure  # and with it the compiler

    measured = measure(model)
    found = {key: getattr(measured, key) for key in missing}
    computed = tuple(key for key in missing if found[key] is not None)
    warnings = card.warnings + ((NO_LOUDNESS,) if measured.loudness_db is None else ())
    return replace(card, computed=computed, warnings=warnings, **found)


def unmeasured(model: ModelFile, original: str) -> Card:
    """What a file says of itself, and nothing that must be measured: quick, and not compiled."""
    network = model.network
    told: dict[str, Any] = {
        key: model.tags.get(key, "") for key in ("gear", "make", "model", "tone", "author")
    }
    return Card(
        name=clean_name(model.tags.get("name") or Path(original).stem),
        original=original,
        format=model.format,
        architecture=model.architecture,
        sample_rate=model.sample_rate,
        sha256=model.sha256,
        sizes=len(model.sizes),
        knobs=model.knobs,
        weights=network.weights,
        multiply_adds=network.multiply_adds,
        receptive_field=network.receptive_field,
        warnings=tuple(model.warnings),
        size_bytes=model.path.stat().st_size,
        path=model.path,
        **told,
        **_levels(model),
    )


def _levels(model: ModelFile) -> dict[str, Any]:
    return {key: getattr(model, key) for key in ("loudness_db", "gain", "input_dbu", "output_dbu")}


def clean_name(name: str) -> str:
    """Return a name that is one line, not a path, not a file's and not an option's."""
    line = "".join(c if c.isprintable() and c not in "/\\" else " " for c in name)
    line = " ".join(line.split())[:NAME_LENGTH].strip()
    for suffix in SUFFIXES:
        line = line[: -len(suffix)].strip() if line.casefold().endswith(suffix) else line
    return line.lstrip("-. ").rstrip(". ") or "model"


def read_card(path: Path) -> Card | None:
    """Return the card in a file; None if it holds none."""
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(CARD_BYTES))
        return _card(values, path)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _card(values: Mapping[str, Any], path: Path) -> Card | None:
    found: dict[str, Any] = {}
    for part in fields(Card):
        if part.name in _NOT_WRITTEN or part.name not in values:
            continue
        value = values[part.name]
        if not isinstance(value, _KINDS[str(part.type)]) or isinstance(value, bool):
            return None
        found[part.name] = tuple(value) if isinstance(value, list) else value
    knobs = tuple(Knob(**knob) for knob in found.pop("knobs", ()))
    if not (found["file"] and found["name"]) or Path(found["file"]).name != found["file"]:
        return None
    return Card(**found, knobs=knobs, path=path.with_name(found["file"]), origin="yours")


__all__ = ["NAME_LENGTH", "Card", "card_of", "clean_name", "read_card", "unmeasured"]
