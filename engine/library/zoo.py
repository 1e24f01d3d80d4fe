"""Models that are folders with a card ``model.toml``: those that come with taraf, and exports."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from engine.artefact import CARD, NETWORKS
from engine.library.card import CARD_BYTES, Card

SAMPLE_RATE = 48_000


def shipped_folder() -> Path:
    """Where the models that come with taraf are."""
    return Path(__file__).parents[2] / "models" / "zoo"


def shipped() -> list[Card]:
    """The models that come with taraf, by name."""
    return folder_cards(shipped_folder(), "shipped")


def folder_cards(place: Path, origin: str) -> list[Card]:
    """Every model's folder in a place, called as the folder is."""
    try:
        folders = sorted(path for path in place.iterdir() if (path / CARD).is_file())
    except OSError:
        return []
    cards = [folder_card(path, origin) for path in folders if not path.name.startswith(".")]
    return [card for card in cards if card is not None]


def folder_card(folder: Path, origin: str) -> Card | None:
    """Return what a folder's card tells; None if it is none. The rest is checked in playing."""
    try:
        with (folder / CARD).open("rb") as file:
            values = tomllib.loads(file.read(CARD_BYTES).decode())
    except (OSError, ValueError, RecursionError):
        return None
    files = [folder / name for name in NETWORKS if (folder / name).is_file()]
    rate, loudness = values.get("sample_rate"), values.get("loudness_db")
    return Card(
        name=folder.name,
        file=folder.name,
        format=files[0].suffix[1:] if files else "",
        architecture=_text(values.get("architecture")),
        sample_rate=rate if type(rate) is int else SAMPLE_RATE,
        sha256=_text(values.get("sha256")),
        about=_text(values.get("about")),
        author=_text(values.get("author")),
        loudness_db=float(loudness) if isinstance(loudness, int | float) else None,
        size_bytes=sum(path.stat().st_size for path in files),
        path=folder,
        origin=origin,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


__all__ = ["folder_card", "folder_cards", "shipped", "shipped_folder"]
