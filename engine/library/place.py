"""Where the library is, what its files are called, and what goes wrong with the folder itself."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from engine.modelfiles import SUFFIXES

CARD = ".card.json"
LOCK = ".lock"
STEM = 150  # of the 255 characters that a file's name may have
DIGITS = 12  # of the digest in a file's name
_LETTERS = str.maketrans("0123456789", "ghijklmnop")


class LibraryError(ValueError):
    """What the library cannot do: with which model or file, and why."""


class FolderError(LibraryError):
    """The library's own folder cannot be read or written."""


def user_models() -> Path:
    """Where a player's models are kept; the environment variable TARAF_MODELS moves it."""
    given = os.environ.get("TARAF_MODELS")
    return Path(given) if given else Path(platformdirs.user_data_dir("taraf")) / "models"


def entries(folder: Path) -> dict[str, os.DirEntry[str]]:
    """What lies in the library's folder, by name; nothing if it is not there yet."""
    try:
        with os.scandir(folder) as found:
            return {entry.name: entry for entry in found}
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        problem = f"the library {folder} is not a folder; set TARAF_MODELS to one"
        raise FolderError(problem) from None
    except OSError as error:
        raise FolderError(f"cannot read the library {folder}: {error.strerror}") from None


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Tell a failure to write as the library's, whatever file of ours it was."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise FolderError(f"cannot write to the library {folder}: {reason}") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other adders and removers out of a folder."""
    entries(folder)
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


def is_called_a_model(name: str) -> bool:
    """Whether a file's name is a model's: visible, of a known kind, and no card of ours."""
    kind = name.lower().endswith(SUFFIXES) and not name.lower().endswith(CARD)
    return kind and not name.startswith(".")


def file_name(original: str, sha256: str) -> str:
    """Return what a file is called in the library: safe everywhere, told apart by its content.

    Its own name stays readable in it, for that may tell the sample rate ("48k"); the digest is
    in letters, so that it tells none.
    """
    suffix = next((end for end in SUFFIXES if original.lower().endswith(end)), "")
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", original[: len(original) - len(suffix)])
    stem = plain[:STEM].strip("-.") or "model"
    return f"{stem}-{_letters(sha256)}{suffix}"


def plain_name(file: str, sha256: str) -> str:
    """Return what a file in the library was called before, as far as its name still tells."""
    return file.replace(f"-{_letters(sha256)}", "", 1)


def _letters(sha256: str) -> str:
    return sha256[:DIGITS].translate(_LETTERS)


def card_name(file: str) -> str:
    """Return what the card of a file in the library is called."""
    return file + CARD


__all__ = ["FolderError", "LibraryError", "entries", "file_name", "locked", "user_models"]
