"""The taraf that plays on this machine, seen from another process: its rack, its taps."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import psutil

from engine import running
from engine.rack import Rack
from engine.racktext import PresetError
from engine.sampler.errors import SamplerError
from engine.shared import Shared
from models.sampler.folder import BEST

ANSWER_S = 5.0
SAMPLER = "sampler"


class NotPlaying(Exception):
    """A taraf that has just ended, or has not quite begun."""


class SeveralPlay(SamplerError):
    """Nobody said which of them is meant."""


def find_playing(pid: int | None) -> Playing | None:
    """The taraf that plays, process ``pid`` unless it is the only one; None while there is none.

    SamplerError, one line, where there are several, or process ``pid`` plays nothing.
    """
    there = sorted(running.sounding())
    if pid is not None:
        if pid not in there:
            raise SamplerError(f"pid = {pid}: plays nothing; {_known(there)}")
        there = [pid]
    return _only(there)


@dataclass(frozen=True)
class Lost:
    """A taraf that plays no more: its window, and which others played then."""

    window: int | None
    others: frozenset[int]

    def again(self, chosen: bool) -> Playing | None:
        """The one that plays in its place; None while there is none.

        That of the same window, which begins its audio process again after a crash. Without that
        window the only one; where it was ``chosen`` among others, none of those. SeveralPlay where
        there is more than one.
        """
        there = running.sounding()
        if self.window is not None and running.alive(self.window):
            return _only([pid for pid, window in there.items() if window == self.window])
        return _only(sorted(pid for pid in there if not chosen or pid not in self.others))


@dataclass(frozen=True)
class Heard:
    """What plays: the rack, the place of its taps by name, and what it warns of."""

    rack: Rack
    taps: dict[str, int]
    warnings: tuple[str, ...] = ()


class Playing:
    """One audio process; NotPlaying if it is there no more."""

    def __init__(self, pid: int) -> None:
        self.pid, note = pid, running.note_of(pid)
        with _answering():
            self._known: dict[str, Any] = json.loads(note.read_text())
            self.shared = Shared.attach(self._known["shm"])
        self.rate = int(self.shared.control["rate"][0])
        self.folder = _folder(pid)
        """Where relative names of files begin for it, unless they are beside its preset."""

    @property
    def table(self) -> int:
        """Changes when another rack plays."""
        return int(self.shared.control["sounding"][0])

    @property
    def alive(self) -> bool:
        """Whether it still plays."""
        return running.is_ours(self.pid)

    def lost(self) -> Lost:
        """What is to be known of it to find the one that plays in its place."""
        return Lost(self._known.get("front"), frozenset(running.sounding()) - {self.pid})

    def ask(self) -> Heard:
        """What plays now."""
        from engine.audio_process import unpack

        key = bytes.fromhex(self._known["key"])
        with _answering(), Client(self._known["address"], authkey=key) as client:
            client.send_bytes(json.dumps({"op": "report", "number": 1}).encode())
            if not client.poll(ANSWER_S):
                raise OSError("it does not answer")
            answer = json.loads(client.recv_bytes())
        try:
            rack = unpack(answer["rack"])
        except PresetError as error:  # the silence that it ends with is no rack
            raise NotPlaying(str(error)) from None
        return Heard(rack, rack.taps(), tuple(answer["warnings"]))

    def waits_for(self, folder: Path, rack: Rack) -> bool:
        """Whether a sampler of its rack plays what is learnt in ``folder``."""
        wanted = folder.resolve()
        return any(
            (base / os.path.expanduser(str(link.settings.get("model", "")))).resolve()
            in (wanted, wanted / BEST)
            for _, link in rack.links()
            if link is not None and link.use == SAMPLER
            for base in (rack.folder, self.folder)
        )


def _only(there: list[int]) -> Playing | None:
    if len(there) > 1:
        raise SeveralPlay(f"more than one taraf plays; say --pid; {_known(there)}")
    try:
        return Playing(there[0]) if there else None
    except NotPlaying:
        return None


@contextmanager
def _answering() -> Iterator[None]:
    """What one that ends or begins just now answers with, as NotPlaying."""
    try:
        yield
    except (OSError, EOFError, json.JSONDecodeError, AuthenticationError) as error:
        raise NotPlaying(str(error)) from None


def _folder(pid: int) -> Path:
    try:
        return Path(psutil.Process(pid).cwd())
    except psutil.Error:
        return Path()


def _known(there: list[int]) -> str:
    return f"there are: {', '.join(map(str, there)) or 'none'}"


__all__ = ["Heard", "Lost", "NotPlaying", "Playing", "SeveralPlay", "find_playing"]
