"""What a player asked to be played from, put together over one desk and taken apart again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.control.desk import Desk

OWN = "taraf"
"""What our own MIDI ports are called: OWN to play into, OWN-out to listen to."""


class Surface(Protocol):
    """Something that turns knobs."""

    def start(self) -> None:
        """Begin to listen; may raise a ValueError that says what is missing."""

    def close(self) -> None:
        """Stop; a second time does nothing."""


@dataclass(frozen=True)
class Wanted:
    """What to be played from; see the options of `taraf live`."""

    midi: tuple[str, ...] = ()
    midi_port: bool = False
    midi_feedback: tuple[str, ...] = ()
    midi_clock: tuple[str, ...] = ()
    midi_clock_in: bool = True
    notes_out: tuple[str, ...] = ()
    program_change: bool = True
    pickup: bool = False
    learn_into_preset: bool = False
    osc: str = ""
    osc_to: tuple[str, ...] = ()
    osc_allow: tuple[str, ...] = ()
    link: bool = False
    web: int | None = None
    lan: bool = False
    open: bool = False
    beat_ahead_ms: float = 100.0


@dataclass
class Surfaces:
    """What is listening, and what to tell the player of it."""

    all: list[Any] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


@contextmanager
def connected(desk: Desk, wanted: Wanted) -> Iterator[Surfaces]:
    """Let all of ``wanted`` play ``desk``; if one cannot, none does, and it says why."""
    found = Surfaces()
    try:
        for make in (_midi, _osc, _link, _web, _rack):
            make(desk, wanted, found)
        yield found
    finally:
        for surface in reversed(found.all):
            with suppress(Exception):  # one that does not close keeps no other from closing
                surface.close()


def _start(found: Surfaces, surface: Surface) -> None:
    found.all.append(surface)
    surface.start()


def _midi(desk: Desk, wanted: Wanted, found: Surfaces) -> None:
    outputs = (*wanted.midi_feedback, *wanted.midi_clock, *wanted.notes_out)
    if not (wanted.midi or wanted.midi_port or outputs):
        return
    from engine.control.midi import Midi

    parts = tuple("" if part == "all" else part for part in wanted.midi)
    own = wanted.midi_port or any(part.lower() in (OWN, f"{OWN}-out") for part in outputs)
    midi = Midi(
        desk,
        parts,
        outputs=wanted.midi_feedback,
        clock_outputs=wanted.midi_clock,
        virtual=OWN if own else "",
        programs=wanted.program_change,
        clock_in=wanted.midi_clock_in,
        takeover="pickup" if wanted.pickup else "jump",
        keep="preset" if wanted.learn_into_preset else "global",
        note_outputs=wanted.notes_out,
    )
    _start(found, midi)


def _osc(desk: Desk, wanted: Wanted, found: Surfaces) -> None:
    if not (wanted.osc or wanted.osc_to or wanted.osc_allow):
        return
    from engine.control.osc import Osc, OscError

    if wanted.osc_allow and not wanted.osc:
        raise OscError("--osc-allow says who may send OSC to us; give --osc [HOST:]PORT, too")
    osc = Osc(desk, wanted.osc or "127.0.0.1:0", wanted.osc_to, wanted.osc_allow)
    _start(found, osc)
    if wanted.osc:
        host, port = osc.address
        found.told.append(f"OSC at {host}:{port}")


def _link(desk: Desk, wanted: Wanted, found: Surfaces) -> None:
    if wanted.link:
        from engine.control.link import Link

        _start(found, Link(desk))


def _rack(desk: Desk, wanted: Wanted, found: Surfaces) -> None:
    """What comes out of the rack beside sound: its beat and its notes. Closed before the rest."""
    from engine.control.made import Made
    from engine.control.pulse import Pulse

    _start(found, Pulse(desk, wanted.beat_ahead_ms))
    _start(found, Made(desk))


def _web(desk: Desk, wanted: Wanted, found: Surfaces) -> None:
    if wanted.web is None:
        return
    from engine.control.web.server import Web

    web = Web(desk, wanted.web, wanted.lan)
    _start(found, web)
    found.told.append(f"the rack is at {web.url}")
    if wanted.lan:
        found.told += [web.qr(), f"for those who may only look: {web.watch_url}"]
    if wanted.open:
        _start(found, _Opened(web.url))


class _Opened:
    """The page in the browser; its address, a key to the rack, is in no process's command."""

    def __init__(self, url: str) -> None:
        from engine.audio_process import runtime_folder

        self._url, self._file = url, runtime_folder() / f"page-{os.getpid()}.html"

    def start(self) -> None:
        import webbrowser

        self._file.write_text(
            f'<!doctype html><meta http-equiv="refresh" content="0;url={self._url}">'
        )
        self._file.chmod(0o600)
        webbrowser.open(self._file.as_uri())

    def close(self) -> None:
        self._file.unlink(missing_ok=True)
