"""The player's library of models: a folder of files, each with a card that tells what it is.

    sources, refused = gather([Path("Downloads/pack.zip"), Path("amps/")])
    for outcome in add(sources): ...
    path = find("Obsidian")

Nothing but adding opens a model; finding, listing and searching read cards.
"""

from engine.library.adding import Outcome, Source, add, gather
from engine.library.card import Card, card_of
from engine.library.search import search
from engine.library.shelf import Library, LibraryError, find, user_models
from engine.library.zoo import shipped

__all__ = [
    "Card",
    "Library",
    "LibraryError",
    "Outcome",
    "Source",
    "add",
    "card_of",
    "find",
    "gather",
    "search",
    "shipped",
    "user_models",
]
