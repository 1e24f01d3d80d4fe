"""Takes models into the library: from files, from folders and out of ZIP archives."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from engine.library.card import Card, card_of
from engine.library.loose import REFUSALS, reason
from engine.library.packs import ARCHIVE, Packs
from engine.library.place import (
    FolderError,
    LibraryError,
    entries,
    file_name,
    writing,
)
from engine.library.shelf import Library
from engine.library.unfit import candidates, unfit
from engine.modelfiles import SUFFIXES, open_model
from engine.modelfiles.reading import printable, read_bytes


@dataclass(frozen=True)
class Source:
    """A model before it is added. ``label`` says where it is, ``read`` raises ``REFUSALS``."""

    label: str
    name: str
    read: Callable[[], bytes]
    came_from: str = ""  # the label, from the root of the disk


@dataclass(frozen=True)
class Outcome:
    """What came of one source: ``added``, ``duplicate`` (of ``card``), ``refused``, ``closed``.

    ``closed`` is an archive in an archive, which is not opened. ``wanted`` is the name that a
    model would have, were it not another's.
    """

    label: str
    state: str
    card: Card | None = None
    reason: str = ""
    wanted: str = ""


def gather(paths: Iterable[Path]) -> tuple[list[Source], list[Outcome]]:
    """Find the models that some paths mean, and what is refused before a model is opened.

    A folder means what is in it and below it, archives included, and an archive what is in
    it; in both, what is not called as a model is passed over. A file means itself, whatever
    it is called.
    """
    sources: list[Source] = []
    refused: list[Outcome] = []
    packs = Packs()
    for path in paths:
        found = list(_within(path, packs))
        told = [outcome for outcome in found if isinstance(outcome, Outcome)]
        sources += [source for source in found if isinstance(source, Source)]
        refused += told
        if len(found) == len(told) and not any(outcome.state == "refused" for outcome in told):
            kinds = f"holds no model ({', '.join(SUFFIXES)})"
            refused.append(Outcome(printable(str(path)), "refused", reason=kinds))
    return sources, refused


def _within(path: Path, packs: Packs) -> Iterator[Source | Outcome]:
    if path.is_dir():
        for found in _below(path):
            if isinstance(found, Path) and _is_archive(found):
                yield from _packed(found, packs)
            else:
                yield _file(found) if isinstance(found, Path) else found
    elif _is_archive(path) and path.is_file():
        yield from _packed(path, packs)
    else:
        yield _file(path)


def _packed(path: Path, packs: Packs) -> Iterator[Source | Outcome]:
    try:
        models, archives = packs.models_in(path)
    except LibraryError as error:
        yield _refused(path, reason(error, path))
        return
    for entry in models:
        label, place = (printable(f"{p}: {entry.place}") for p in (path, path.absolute()))
        yield Source(label, entry.name, entry.read, place)
    for inner in archives:
        said = "an archive in an archive is not opened; unpack it and add it"
        yield Outcome(printable(f"{path}: {inner}"), "closed", reason=said)


def _file(path: Path) -> Source | Outcome:
    if (problem := unfit(path)) and path.is_file():
        return _refused(path, problem)
    label, place = (printable(str(p)) for p in (path, path.absolute()))
    return Source(label, path.name, lambda: read_bytes(path), place)


def _refused(path: Path, problem: str) -> Outcome:
    return Outcome(printable(str(path)), "refused", reason=problem)


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ARCHIVE


def _below(folder: Path) -> Iterator[Path | Outcome]:
    """Yield what may be models or packs of them, and folders that cannot be read."""
    locked: list[OSError] = []
    yield from candidates(folder, locked.append)
    for error in locked:
        yield _refused(Path(error.filename), error.strerror or "cannot be read")


def add(
    sources: Iterable[Source], library: Library | None = None
) -> Generator[Outcome, None, None]:
    """Add models one by one; what is added stays if this is stopped.

    FolderError if the library cannot be written.
    """
    shelf = library or Library()
    entries(shelf.folder)
    with writing(shelf.folder):
        shelf.folder.mkdir(parents=True, exist_ok=True)
        desk = tempfile.TemporaryDirectory(
            dir=shelf.folder, prefix=".adding-", ignore_cleanup_errors=True
        )
    with desk:
        for source in sources:
            yield _added(source, shelf, Path(desk.name))


def _added(source: Source, library: Library, desk: Path) -> Outcome:
    paper = None
    try:
        data = source.read()
        sha256 = hashlib.sha256(data).hexdigest()
        if known := library.holding(sha256):
            return Outcome(source.label, "duplicate", known)
        paper = desk / file_name(source.name, sha256)
        with writing(library.folder):
            paper.write_bytes(data)
        wanted = replace(card_of(open_model(paper), source.name), came_from=source.came_from)
        card, new = library.keep(paper, wanted)
        taken = wanted.name if new and card.name != wanted.name else ""
        return Outcome(source.label, "added" if new else "duplicate", card, wanted=taken)
    except FolderError:
        raise
    except REFUSALS as error:
        where = paper or Path(source.label)
        return Outcome(source.label, "refused", reason=reason(error, where))
    finally:
        if paper is not None:
            paper.unlink(missing_ok=True)


__all__ = ["Outcome", "Source", "add", "gather"]
