"""What is done on a machine of the cluster: bring what a unit reads, do it, hand back its results.

Nothing here needs a disk in common. A file that lies at the same place with the same content is
read there; where the folder that is written to is the same one, it is written there. All else
comes through the store, or through Ray's own objects.
"""

from __future__ import annotations

import atexit
import json
import os
import platform
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from models.cluster.errors import ClusterError
from models.cluster.hand import Hand
from models.cluster.packing import content_hash, packed, unpack
from models.cluster.store import opened
from models.cluster.unit import Program, Task, versions

OLD_S = 2 * 86_400.0
"""Inputs that nobody has read for so long are thrown away."""


@dataclass(frozen=True)
class Order:
    """A unit on its way: ``reads`` (path, hash, is it a folder), ``writes`` (path, probe).

    ``given`` holds references to the contents of what is read, by hash, as far as they were asked
    for. A probe is a file that tells whether a folder here is the one over there.
    """

    program: Program
    code: dict[str, str]
    task: Task
    key: str
    store: str | None
    reads: dict[str, tuple[str, str, bool]]
    writes: dict[str, tuple[str, str]]
    given: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of an order. ``missing`` are hashes to be given: nothing was done without them.

    ``files`` holds what was written, but what lies in its place already; a folder as a tar.
    """

    where: str
    answer: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    asked: bool = False
    seconds: float = 0.0
    missing: tuple[str, ...] = ()
    files: dict[str, tuple[bytes | None, bool]] = field(default_factory=dict)


def perform(orders: list[Order]) -> list[Result]:
    """Do units, one after the other; ClusterError where this machine cannot as the other would."""
    return [_performed(order) for order in orders]


def _performed(order: Order) -> Result:
    where = platform.node()
    _check(where, order)
    store = opened(order.store) if order.store else None
    if store and (told := store.answer(order.key)) is not None:
        return Result(where, told["answer"], files=_stored(told["writes"]))
    reads, missing = _reads(order)
    if missing:
        return Result(where, missing=tuple(missing))
    shared = {} if store else _shared(order)
    writes = {
        name: shared.get(name) or _place(name, path) for name, (path, _) in order.writes.items()
    }
    began = time.perf_counter()
    answer = _hand(_text(order.program)).do({**order.task, **reads, **_texts(writes)})
    seconds = time.perf_counter() - began
    if answer.error:
        return Result(where, {}, answer.error, answer.asked, seconds)
    made = {name: p for name, p in writes.items() if name not in shared and p.exists()}
    files = {name: (packed(path), path.is_dir()) for name, path in made.items()}
    if not store:
        return Result(where, answer.told, seconds=seconds, files=dict(files))
    kept = {name: is_folder for name, (_, is_folder) in files.items()}
    told = {"answer": answer.told, "writes": kept}
    store.keep(order.key, told, {name: data for name, (data, _) in files.items()})
    return Result(where, answer.told, seconds=seconds, files=_stored(kept))


def _stored(writes: dict[str, bool]) -> dict[str, tuple[bytes | None, bool]]:
    """Things written that are to be had from the store; whether each is a folder."""
    return {name: (None, is_folder) for name, is_folder in writes.items()}


def _check(where: str, order: Order) -> None:
    here = versions(order.program.code)
    for name, wanted in order.code.items():
        if here.get(name) != wanted:
            told = f"{name} is {here.get(name)} there and {wanted} here"
            raise ClusterError(f"{where}: {told}; results would differ: install the same on both")
    for name, wanted in order.program.setup.get("contents", {}).items():
        if content_hash(Path(name)) != wanted:
            raise ClusterError(f"{where}: {name} is not there, or another file than here")


def _reads(order: Order) -> tuple[dict[str, str], list[str]]:
    """Where each thing that is read lies on this machine, and the hashes of what does not."""
    found, missing = {}, []
    for name, (path, wanted, is_folder) in order.reads.items():
        place = _input(Path(path), wanted, is_folder, order)
        if place is None:
            missing.append(wanted)
        else:
            found[name] = str(place)
    return found, missing


def _input(path: Path, wanted: str, is_folder: bool, order: Order) -> Path | None:
    if content_hash(path) == wanted:
        return path
    kept = _kept() / wanted / path.name
    with suppress(FileNotFoundError):  # who finds it too old may just be throwing it away
        if content_hash(kept) == wanted:
            os.utime(kept.parent)
            return kept
    data = opened(order.store).get(f"inputs/{wanted}") if order.store else None
    if data is None:
        if wanted not in order.given:
            return None
        import ray

        data = ray.get(order.given[wanted])
    unpack(data, kept, is_folder)
    if content_hash(kept) != wanted:
        shutil.rmtree(kept.parent, ignore_errors=True)
        raise ClusterError(f"{path}: what came is not what was sent")
    return kept


@cache
def _kept() -> Path:
    """The folder of this machine that keeps what units read, so that it comes once."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir()) / f"taraf-inputs-{user}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    _check_own(folder)
    for old in folder.iterdir():
        with suppress(FileNotFoundError):  # another worker may just have thrown it away
            if time.time() - old.lstat().st_mtime > OLD_S:
                shutil.rmtree(old, ignore_errors=True)
    return folder


def _check_own(folder: Path) -> None:
    """ClusterError if others could have put there what we would read: its name is no secret."""
    found = folder.lstat()
    ours = not hasattr(os, "getuid") or (
        found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o077
    )
    if not stat.S_ISDIR(found.st_mode) or not ours:
        told = "is no folder that is this user's alone; remove it"
        raise ClusterError(f"{platform.node()}: {folder}: {told}")


def _shared(order: Order) -> dict[str, Path]:
    """What can be written in its place at once: a probe shows that its folder is the same one."""
    probed = order.writes.items()
    return {name: Path(path) for name, (path, probe) in probed if probe and Path(probe).is_file()}


def _place(name: str, path: str) -> Path:
    """Where to write what has its place on another machine: nothing is there yet."""
    place = _scratch() / name / Path(path).name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


@cache
def _scratch() -> Path:
    """A folder of this process, thrown away with old inputs: to make one a unit took 4 ms."""
    return Path(tempfile.mkdtemp(prefix="unit-", dir=_kept()))


@cache
def _hand(program: str) -> Hand:
    """The process that does units of a program; it stays for the next one."""
    hand = Hand(Program(**json.loads(program)))
    atexit.register(hand.stop)
    return hand


def _text(program: Program) -> str:
    told = {"module": program.module, "setup": dict(program.setup), "timeout_s": program.timeout_s}
    return json.dumps(told, sort_keys=True)


def _texts(paths: dict[str, Path]) -> dict[str, str]:
    return {name: str(path) for name, path in paths.items()}


__all__ = ["Order", "Result", "perform"]
