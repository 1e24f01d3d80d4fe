"""Takes models into the library: from files, from folders and out of ZIP archives."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.library.card import Card, card_of
from engine.library.packs import models_in
from engine.library.shelf import CARD, Library, LibraryError, file_name
from engine.modelfiles import SUFFIXES, ModelFileError, open_model
from engine.modelfiles.reading import printable, read_bytes
from engine.native import KernelError
from engine.neural.network import NetworkError

REFUSALS = (ModelFileError, LibraryError, NetworkError, KernelError)


@dataclass(frozen=True)
class Source:
    """A model before it is added. ``label`` says where it is, ``read`` raises ``REFUSALS``."""

    label: str
    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Outcome:
    """What came of one source: ``added`` or ``duplicate`` (of ``card``), or ``refused``."""

    label: str
    state: str
    card: Card | None = None
    reason: str = ""


def gather(paths: Iterable[Path]) -> tuple[list[Source], list[Outcome]]:
    """Find the models that some paths mean, and what is refused before a model is opened.

    A folder means what is in it and below it, an archive what is in it; in both, what is not
    called as a model is passed over. A file means itself, whatever it is called.
    """
    sources: list[Source] = []
    refused: list[Outcome] = []
    for path in paths:
        label = printable(str(path))
        try:
            found = list(_within(path))
        except REFUSALS as error:
            refused.append(Outcome(label, "refused", reason=_reason(error, path)))
            continue
        if not found:
            kinds = ", ".join(SUFFIXES)
            refused.append(Outcome(label, "refused", reason=f"holds no model ({kinds})"))
        sources += found
    return sources, refused


def _within(path: Path) -> Iterator[Source]:
    if path.is_dir():
        yield from (_file(found) for found in _below(path))
    elif path.suffix.lower() == ".zip" and path.is_file():
        for entry in models_in(path):
            yield Source(printable(f"{path}: {entry.place}"), entry.name, entry.read)
    else:
        yield _file(path)


def _file(path: Path) -> Source:
    return Source(printable(str(path)), path.name, lambda: read_bytes(path))


def _below(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise LibraryError(f"{error.filename}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(files) if _is_called_a_model(name))


def _is_called_a_model(name: str) -> bool:
    kind = name.lower().endswith(SUFFIXES) and not name.lower().endswith(CARD)
    return kind and not name.startswith(".")


def add(
    sources: Iterable[Source], library: Library | None = None
) -> Generator[Outcome, None, None]:
    """Add models one by one; what is added stays if this is stopped. OSError if it cannot write."""
    shelf = library or Library()
    shelf.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=shelf.folder, prefix=".adding-") as desk:
        for source in sources:
            yield _added(source, shelf, Path(desk))


def _added(source: Source, library: Library, desk: Path) -> Outcome:
    paper = None
    try:
        data = source.read()
        sha256 = hashlib.sha256(data).hexdigest()
        if known := library.holding(sha256):
            return Outcome(source.label, "duplicate", known)
        paper = desk / file_name(source.name, sha256)
        paper.write_bytes(data)
        card, new = library.keep(paper, card_of(open_model(paper), source.name))
        return Outcome(source.label, "added" if new else "duplicate", card)
    except REFUSALS as error:
        where = paper or Path(source.label)
        return Outcome(source.label, "refused", reason=_reason(error, where))
    finally:
        if paper is not None:
            paper.unlink(missing_ok=True)


def _reason(error: Exception, path: Path) -> str:
    """Return what is wrong without where, for the label tells that."""
    return printable(str(error)).removeprefix(f"{printable(str(path))}: ")


__all__ = ["Outcome", "Source", "add", "gather"]
