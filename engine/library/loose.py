"""Models' files that lie in the library's folder without a card that can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from engine.library.card import Card, card_of, unmeasured
from engine.library.names import unique
from engine.library.place import LibraryError, plain_name
from engine.modelfiles import ModelFile, ModelFileError, open_model
from engine.modelfiles.reading import printable
from engine.native import KernelError
from engine.neural.network import NetworkError

REFUSALS = (ModelFileError, LibraryError, NetworkError, KernelError)
Teller = Callable[[ModelFile, str], Card]


class Loose:
    """Opens such files, each once as long as it does not change, and measures none unasked."""

    def __init__(self) -> None:
        self._opened: dict[Path, tuple[tuple[int, int], Card | str]] = {}

    def cards(self, bare: Iterable[Path], kept: Iterable[Card], taken: list[str]) -> list[Card]:
        """What can be played of them, each under a name of its own."""
        found: list[Card] = []
        for path in self.usable(bare, kept):
            card = self._card(path)
            if isinstance(card, Card):
                names = [*taken, *(other.name for other in found)]
                found.append(replace(card, name=unique(card.name, names)))
        return found

    def usable(self, bare: Iterable[Path], kept: Iterable[Card]) -> list[Path]:
        """Those that can be opened and are not the same as another."""
        paths = list(bare)
        refused = self.complaints(paths, kept)
        return [path for path in paths if path.name not in refused]

    def complaints(self, bare: Iterable[Path], kept: Iterable[Card]) -> dict[str, str]:
        """What is wrong with the others, by the names of the files."""
        wrong: dict[str, str] = {}
        names = {card.sha256: card.name for card in kept}
        for path in bare:
            card = self._card(path)
            if isinstance(card, str):
                wrong[path.name] = card
            elif card.sha256 in names:
                wrong[path.name] = f"is the same model as {names[card.sha256]}; delete it"
            else:
                names[card.sha256] = card.name
        return wrong

    def measured(self, path: Path) -> Card | None:
        """The whole card of one of them; None if it cannot be played after all."""
        card = _told(path, card_of)
        if isinstance(card, str):
            self._opened[path] = (_state(path), card)
            return None
        return card

    def _card(self, path: Path) -> Card | str:
        state = _state(path)
        known = self._opened.get(path)
        if known is None or known[0] != state:
            known = self._opened[path] = (state, _told(path, unmeasured))
        return known[1]


def _state(path: Path) -> tuple[int, int]:
    """Return what changes when a file is written anew."""
    try:
        told = path.stat()
    except OSError:
        return 0, 0
    return told.st_mtime_ns, told.st_size


def _told(path: Path, tell: Teller) -> Card | str:
    """Return the card of a file, or why there can be none."""
    try:
        model = open_model(path)
        card = tell(model, plain_name(path.name, model.sha256))
    except REFUSALS as error:
        return reason(error, path)
    except OSError as error:  # gone since it was opened
        return error.strerror or "cannot be read"
    return replace(card, file=path.name, origin="yours", path=path)


def reason(error: Exception, path: Path) -> str:
    """Return what is wrong without where, for that is told before it."""
    return printable(str(error)).removeprefix(f"{printable(str(path))}: ")


__all__ = ["REFUSALS", "Loose", "reason"]
