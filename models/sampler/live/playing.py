"""The taraf that plays on this machine, seen from another process: its rack, its taps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import psutil

from engine import running
from engine.rack import Rack
from engine.sampler.errors import SamplerError
from engine.shared import Shared

ANSWER_S = 5.0
SAMPLER = "sampler"
GONE = (OSError, EOFError, ValueError, AuthenticationError)
"""What a taraf that has just ended, or has not quite begun, answers with."""


def find_playing(pid: int | None) -> Playing | None:
    """The taraf that plays, process ``pid`` unless it is the only one; None while there is none.

    SamplerError, one line, where there are several, or process ``pid`` plays nothing.
    """
    there = sorted(running.sounding())
    if pid is not None:
        if pid not in there:
            raise SamplerError(f"pid = {pid}: plays nothing; {_known(there)}")
        there = [pid]
    if not there:
        return None
    if len(there) > 1:
        raise SamplerError(f"more than one taraf plays; say --pid; {_known(there)}")
    try:
        return Playing(there[0])
    except GONE:
        return None


@dataclass(frozen=True)
class Heard:
    """What plays: the rack, and the place of its taps by name."""

    rack: Rack
    taps: dict[str, int]


class Playing:
    """One audio process; what it is asked raises one of `GONE` if it is there no more."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._known: dict[str, Any] = json.loads(running.note_of(pid).read_text())
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

    def ask(self) -> Heard:
        """What plays now."""
        from engine.audio_process import unpack

        with Client(self._known["address"], authkey=bytes.fromhex(self._known["key"])) as client:
            client.send_bytes(json.dumps({"op": "report", "number": 1}).encode())
            if not client.poll(ANSWER_S):
                raise OSError("it does not answer")
            answer = json.loads(client.recv_bytes())
        rack = unpack(answer["rack"])
        return Heard(rack, rack.taps())

    def waits_for(self, folder: Path, rack: Rack) -> bool:
        """Whether a sampler of its rack plays what is learnt in ``folder``."""
        wanted = folder.absolute()
        return any(
            (base / str(link.settings.get("model", ""))).absolute() in (wanted, wanted / "best.npz")
            for _, link in rack.links()
            if link is not None and link.use == SAMPLER
            for base in (rack.folder, self.folder)
        )


def _folder(pid: int) -> Path:
    try:
        return Path(psutil.Process(pid).cwd())
    except psutil.Error:
        return Path()


def _known(there: list[int]) -> str:
    return f"there are: {', '.join(map(str, there)) or 'none'}"


__all__ = ["GONE", "Heard", "Playing", "find_playing"]
