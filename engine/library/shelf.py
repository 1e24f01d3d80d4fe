"""The folder of a player's models: each a file with a card beside it, and no index to break.

A model is in the library from the moment its card is in the folder; the file is there before
it. Both are moved into place whole, under a lock that the system opens if its holder dies.
A file that came otherwise, or whose card is damaged, is as good: ``mend`` writes its card.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from engine import artefact
from engine.library import names
from engine.library.card import Card, read_card
from engine.library.loose import Loose
from engine.library.place import (
    CARD,
    FolderError,
    LibraryError,
    card_name,
    entries,
    is_called_a_model,
    locked,
    user_models,
    writing,
)
from engine.library.unfit import LITTER, misplaced
from engine.library.zoo import folder_card, folder_cards, shipped


class Library:
    """A folder of models. Reading it is cheap: cards are read, and read once.

    Whatever reads it raises FolderError if the folder is there and cannot be read.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or user_models()
        self._read: dict[str, tuple[int, Card | None]] = {}
        self._loose = Loose()

    def cards(self) -> list[Card]:
        """The models that have a card, by name; one whose file has gone is not there."""
        return self._kept(entries(self.folder))

    def _kept(self, found: dict[str, os.DirEntry[str]]) -> list[Card]:
        cards = [self._card(entry) for name, entry in found.items() if name.endswith(CARD)]
        kept = [card for card in cards if card is not None and card.file in found]
        return sorted(kept, key=lambda card: card.name.casefold())

    def _card(self, entry: os.DirEntry[str]) -> Card | None:
        try:
            written = entry.stat().st_mtime_ns
        except OSError:  # removed since
            return None
        known = self._read.get(entry.name)
        if known is None or known[0] != written:
            card = read_card(Path(entry.path))
            fits = card is not None and card_name(card.file) == entry.name
            known = self._read[entry.name] = (written, card if fits else None)
        return known[1]

    def _bare(self, found: dict[str, os.DirEntry[str]], kept: Iterable[Card]) -> list[Path]:
        """Return the models' files that have no card."""
        carded = {card.file for card in kept}
        named = [name for name in sorted(found) if is_called_a_model(name) and name not in carded]
        return [self.folder / name for name in named if not found[name].is_dir()]

    def _own(self) -> list[Card]:
        """All that was added or lies there, written down or not; opens what has no card."""
        found = entries(self.folder)
        kept = self._kept(found)
        bare = self._bare(found, kept)
        taken = [card.name for card in (*kept, *self._others())] if bare else []
        return kept + self._loose.cards(bare, kept, taken)

    def _others(self) -> list[Card]:
        """Models in folders: the player's, and those of taraf that they do not hide."""
        own = folder_cards(self.folder, "folder")
        hidden = {card.name.casefold() for card in own}
        return own + [card for card in shipped() if card.name.casefold() not in hidden]

    def _all(self) -> list[Card]:
        own = self._own()
        hidden = {card.name.casefold() for card in own}
        return own + [card for card in self._others() if card.name.casefold() not in hidden]

    def everything(self) -> list[Card]:
        """All that can be played by name: a player's own models, then what comes with taraf."""
        for _ in self.mend():
            pass
        return self._all()

    def find(self, name: str) -> Card | None:
        """The added model called ``name``, whatever the case of its letters.

        If no model is called so, the only one that was added from a file of that name.
        """
        if card := names.called(name, self.cards()):
            return card
        own = self._own()
        if card := names.called(name, own):
            return card
        return None if names.called(name, self._others()) else names.added_as(name, own)

    def called(self, name: str) -> Card | None:
        """Any model of exactly this name, whatever the case of its letters."""
        return names.called(name, self._all())

    def named(self, name: str) -> Card:
        """Any model called ``name``; LibraryError, with what is near to it, if there is none."""
        if card := self.called(name) or self.find(name):
            return card
        near = self.near(name)
        hint = f"near to it: {', '.join(near)}; " if near else ""
        raise LibraryError(f"no model is called {name!r}; {hint}see taraf models")

    def near(self, name: str) -> list[str]:
        """Up to five names of models that may be meant, those that come with taraf included."""
        return names.near(name, self._all())

    def matching(self, name: str) -> list[Card]:
        """The added models that a name or a pattern (``amp*``) means; LibraryError for none."""
        if card := self.find(name):
            return [card]
        if names.is_pattern(name):
            if found := names.matching(name, self._own()):
                return found
            raise LibraryError(f"no model of yours matches {name!r}; see taraf models")
        other = self.named(name)
        if other.origin == "folder":
            return [other]
        raise LibraryError(f"{other.name} comes with taraf: {other.path}; it is not ours to remove")

    def holding(self, sha256: str) -> Card | None:
        """The added model with this content."""
        return next((card for card in self.cards() if card.sha256 == sha256), None)

    def keep(self, paper: Path, card: Card) -> tuple[Card, bool]:
        """Move a model's file into the library; returns its card, and whether it is new.

        ``paper`` lies in a folder inside the library and has its name for ever already.
        """
        with writing(self.folder), locked(self.folder):
            if known := self.holding(card.sha256):
                return known, False
            os.replace(paper, self.folder / paper.name)
            return self._write(replace(card, file=paper.name), paper.parent), True

    def _write(self, card: Card, desk: Path) -> Card:
        """Write the card of a file in the folder, under a name that no other model has."""
        place = self.folder / card.file
        taken = [other.name for other in self._all() if other.path != place]
        name = names.unique(card.name, taken)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        card = replace(card, name=name, added=now, path=place, origin="yours")
        draft = desk / f".{card_name(card.file)[-200:]}.{os.getpid()}"
        draft.write_bytes(card.dump())
        os.replace(draft, self.folder / card_name(card.file))
        return card

    def mend(self) -> Iterator[Card]:
        """Write a card for each model's file that has none; yields them, each once written.

        What cannot be opened stays as it is, and so does a folder that may not be written.
        """
        found = entries(self.folder)
        kept = self._kept(found)
        bare = self._loose.usable(self._bare(found, kept), kept)
        if not bare or not os.access(self.folder, os.W_OK):
            return
        for path in bare:
            written = None
            with suppress(FolderError):  # such as a name too long for a card's beside it
                card = self._loose.measured(path)
                written = self._adopted(card) if card else None
            if written:
                yield written

    def _adopted(self, card: Card) -> Card | None:
        with writing(self.folder), locked(self.folder):
            kept = self.cards()
            known = any(other.file == card.file or other.sha256 == card.sha256 for other in kept)
            return None if known else self._write(card, self.folder)

    def unusable(self) -> list[str]:
        """What lies in the folder and cannot be played, a line each."""
        found = entries(self.folder)
        kept = self._kept(found)
        bare = {path.name: path for path in self._bare(found, kept)}
        lines = self._loose.complaints(list(bare.values()), kept)
        for name in sorted(found):
            if complaint := self._complaint(name, found, bare):
                lines[name] = complaint
        return [f"{name}: {lines[name]}" for name in sorted(lines)]

    def _complaint(
        self, name: str, found: dict[str, os.DirEntry[str]], bare: dict[str, Path]
    ) -> str:
        path = self.folder / name
        if name.startswith(".") or name.lower() in LITTER or name in bare:
            return ""
        if name.endswith(CARD):
            file = name.removesuffix(CARD)
            gone = f"the card of {file}, which is gone; delete it, or add the model again"
            return "" if file in found else gone
        if is_called_a_model(name) and not path.is_dir():
            return ""
        return "" if path.is_dir() and folder_card(path, "folder") else misplaced(path)

    def remove(self, name: str) -> Card:
        """Delete an added model and its card; LibraryError if there is none of that name."""
        with writing(self.folder), locked(self.folder):
            card = self.find(name) or self.matching(name)[0]
            if card.origin == "folder":
                _remove_folder(card.path)
            else:
                (self.folder / card_name(card.file)).unlink(missing_ok=True)
                card.path.unlink(missing_ok=True)
        return card


def _remove_folder(folder: Path) -> None:
    """Delete a model that was trained here; LibraryError if the folder holds anything else."""
    known = {artefact.CARD, artefact.GOLDEN, *artefact.NETWORKS}
    if other := sorted(path.name for path in folder.iterdir() if path.name not in known):
        raise LibraryError(f"{folder}: holds {other[0]}, too; it is not removed")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def find(name: str) -> Path | None:
    """The file of the player's model called ``name``, in any case; None if there is none.

    FolderError, a ValueError of one line, if the library is there and cannot be read.
    """
    card = Library().find(name)
    return card.path if card else None


def near(name: str) -> list[str]:
    """Up to five names of models near to one that is none; empty if the library is unreadable."""
    try:
        return Library().near(name)
    except FolderError:
        return []


def describe(path: Path) -> str | None:
    """What the model is called whose file in the library this is; None for any other file."""
    if os.path.realpath(path.parent) != os.path.realpath(user_models()):
        return None
    card = read_card(path.with_name(card_name(path.name)))
    return card.name if card is not None and card.file == path.name else None


__all__ = ["Library", "describe", "find", "near"]
