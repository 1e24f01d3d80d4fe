"""The player's library of models: a folder of files, each with a card that tells what it is.

    sources, refused = gather([Path("Downloads/pack.zip"), Path("amps/")])
    for outcome in add(sources): ...
    path = find("Obsidian")

Finding, listing and searching read cards. A model is opened when it is added, and when it lies
in the folder without a card that can be read.
"""

from engine.library.adding import Outcome, Source, add, gather
from engine.library.card import Card, card_of
from engine.library.place import LibraryError, user_models
from engine.library.search import search
from engine.library.shelf import Library, describe, find, near
from engine.library.unfit import unfit
from engine.library.zoo import folder_card, shipped

__all__ = [
    "Card",
    "Library",
    "LibraryError",
    "Outcome",
    "Source",
    "add",
    "card_of",
    "describe",
    "find",
    "folder_card",
    "gather",
    "near",
    "search",
    "shipped",
    "unfit",
    "user_models",
]
