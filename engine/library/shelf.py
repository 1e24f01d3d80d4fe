"""The folder of a player's models: each a file with a card beside it, and no index to break.

A model is in the library from the moment its card is in the folder; the file is there before
it. Both are moved into place whole, under a lock that the system opens if its holder dies.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

import platformdirs

from engine.library.card import Card, read_card
from engine.library.zoo import folder_cards, shipped
from engine.modelfiles import SUFFIXES

CARD = ".card.json"
LOCK = ".lock"
STEM = 150  # of the 255 characters that a file's name may have
_LETTERS = str.maketrans("0123456789", "ghijklmnop")


class LibraryError(ValueError):
    """What the library cannot do: with which model or file, and why."""


def user_models() -> Path:
    """Where a player's models are kept; the environment variable TARAF_MODELS moves it."""
    given = os.environ.get("TARAF_MODELS")
    return Path(given) if given else Path(platformdirs.user_data_dir("taraf")) / "models"


class Library:
    """A folder of models. Reading it is cheap: cards are read, and read once."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or user_models()
        self._read: dict[str, tuple[int, Card | None]] = {}

    def cards(self) -> list[Card]:
        """The models that were added, by name; one whose file has gone is not there."""
        try:
            entries = {entry.name: entry for entry in os.scandir(self.folder)}
        except OSError:
            return []
        found = [self._card(entry) for name, entry in entries.items() if name.endswith(CARD)]
        kept = [card for card in found if card is not None and card.file in entries]
        return sorted(kept, key=lambda card: card.name.casefold())

    def _card(self, entry: os.DirEntry[str]) -> Card | None:
        try:
            written = entry.stat().st_mtime_ns
        except OSError:  # removed since
            return None
        known = self._read.get(entry.name)
        if known is None or known[0] != written:
            known = self._read[entry.name] = (written, read_card(Path(entry.path)))
        return known[1]

    def everything(self) -> list[Card]:
        """All that can be played by name: a player's own models, then what comes with taraf."""
        own = [*self.cards(), *folder_cards(self.folder, "folder")]
        hidden = {card.name.casefold() for card in own}
        return own + [card for card in shipped() if card.name.casefold() not in hidden]

    def find(self, name: str) -> Card | None:
        """The added model called ``name``, whatever the case of its letters."""
        return _called(name, self.cards())

    def named(self, name: str) -> Card:
        """Any model called ``name``; LibraryError, with what is near to it, if there is none."""
        everything = self.everything()
        if card := _called(name, everything):
            return card
        names = {card.name.casefold(): card.name for card in everything}
        near = get_close_matches(name.casefold(), names, n=3, cutoff=0.5)
        hint = f"near to it: {', '.join(names[key] for key in near)}; " if near else ""
        raise LibraryError(f"no model is called {name!r}; {hint}see taraf models")

    def holding(self, sha256: str) -> Card | None:
        """The added model with this content."""
        return next((card for card in self.cards() if card.sha256 == sha256), None)

    def keep(self, paper: Path, card: Card) -> tuple[Card, bool]:
        """Move a model's file into the library; returns its card, and whether it is new.

        ``paper`` lies in a folder inside the library and has its name for ever already.
        """
        with locked(self.folder):
            if known := self.holding(card.sha256):
                return known, False
            name = unique(card.name, (other.name for other in self.everything()))
            now = datetime.now(UTC).isoformat(timespec="seconds")
            place = self.folder / paper.name
            card = replace(card, name=name, file=paper.name, added=now, path=place, origin="yours")
            draft = paper.with_name(card_name(paper.name))
            draft.write_bytes(card.dump())
            os.replace(paper, place)
            os.replace(draft, self.folder / draft.name)
        return card, True

    def remove(self, name: str) -> Card:
        """Delete an added model and its card; LibraryError if there is none of that name."""
        with locked(self.folder):
            card = self.find(name)
            if card is None:
                other = self.named(name)
                kind = "comes with taraf" if other.origin == "shipped" else "is a folder"
                raise LibraryError(f"{other.name} {kind}: {other.path}; it is not ours to remove")
            (self.folder / card_name(card.file)).unlink()
            card.path.unlink(missing_ok=True)
        return card


def find(name: str) -> Path | None:
    """The file of the player's model called ``name``, in any case; None if there is none."""
    card = Library().find(name)
    return card.path if card else None


def _called(name: str, cards: list[Card]) -> Card | None:
    key = name.strip().casefold()
    return next((card for card in cards if card.name.casefold() == key), None)


def unique(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, or with the first number behind it that makes it new."""
    known = {other.casefold() for other in taken}
    number, found = 1, name
    while found.casefold() in known:
        number += 1
        found = f"{name} {number}"
    return found


def file_name(original: str, sha256: str) -> str:
    """Return what a file is called in the library: safe everywhere, told apart by its content.

    Its own name stays readable in it, for that may tell the sample rate ("48k"); the digest is
    in letters, so that it tells none.
    """
    suffix = next((end for end in SUFFIXES if original.lower().endswith(end)), "")
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", original[: len(original) - len(suffix)])
    stem = plain[:STEM].strip("-.") or "model"
    return f"{stem}-{sha256[:12].translate(_LETTERS)}{suffix}"


def card_name(file: str) -> str:
    """Return what the card of a file in the library is called."""
    return file + CARD


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other adders and removers out of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if sys.platform == "win32":
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)


__all__ = ["Library", "LibraryError", "file_name", "find", "user_models"]
