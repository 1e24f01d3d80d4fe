"""The deployed morph on a JACK server with MIDI ports, and what is recorded of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine import jackplug
from engine.bench.parts import Missing
from engine.bench.stage import sound_server
from engine.bench.stage.far_end import FarEnd
from engine.control.desk import Desk
from engine.control.midi import Midi
from engine.host import Host, Order
from engine.morph.grid import Array
from engine.morph.sounds import Sound, sounds_of
from engine.rack import Lane, Link, Rack
from engine.recorder import Recorder
from models.bench.morph.sources import Deployed
from models.bench.morph.unheard import Ear

RATE = sound_server.RATE
PORT = "taraf-bench-morph"
CC = 20
BLOCK = 64
KEY = 72
ADDRESS = "a.morph.x"
MAPPING = f'[[midi]]\ncc = {CC}\ntarget = "{ADDRESS}"\nmode = "absolute"\n'
WARM_S = 1.5


class Session:
    """An instrument that is played and recorded from the engine's first frame on."""

    def __init__(self, host: Host, turn: int, recorder: Recorder) -> None:
        self.host, self._turn, self._recorder = host, turn, recorder
        self.dropped = 0

    def play(self, **job: Any) -> list[dict[str, Any]]:
        """What a keyboard tells while it does ``job``; ``frame`` is where each message was sent,
        counted from where the engine's turn in its cycle begins."""
        told = []
        with FarEnd("models.bench.morph.player", port=f"{PORT}:", controller=CC, **job) as player:
            while "stamp_ns" in (fact := player.told()):
                frame = self.host.shared.frame_at(fact["stamp_ns"]) + self._turn
                told.append({**fact, "frame": frame})
        time.sleep(0.3)
        return told

    def sound(self) -> Array:
        """All that was heard (n,); the recording is over."""
        import soundfile

        paths = self._recorder.stop()
        self.dropped = int(paths["dropped"])
        heard = soundfile.read(paths["wet"], dtype="float32", always_2d=True)[0]
        return np.ascontiguousarray(heard[:, 0])


def needs() -> None:
    """Missing without JACK's client."""
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        raise Missing("needs JACK-Client (pip install JACK-Client) and JACK's library") from None


def rack(found: Deployed, ends: tuple[str, str], **knobs: float) -> Rack:
    """The instrument alone, between two sounds."""
    settings: dict[str, str | int] = {"model": str(found.path), "sounds": ", ".join(ends)}
    link = Link("morph", "morph", {"wheel_x": 0.0, **knobs}, settings)
    return Rack("morph bench", lanes=(Lane("a", "none", (link,)),))


def contrast(found: Deployed) -> tuple[str, str]:
    """Of the steadier half of the sounds that are held in loops, the darkest and the brightest at
    KEY: what beats hides when it changes."""
    ear, model = Ear(found.model), found.model
    held = [sound for sound in sounds_of(model) if _loops(found, sound)] or list(sounds_of(model))
    held = sorted(held, key=lambda sound: _unrest(found, sound))[: max(2, len(held) // 2)]

    def brightness(sound: Sound) -> float:
        note = model.notes[_nearest(found, sound)]
        frame = note.path[[(note.attack + note.release) // 2]]
        power = 10.0 ** (ear.decoded(frame, ear.conditions(KEY, 100))[0] / 10.0)
        return float(power @ np.arange(len(power)) / power.sum())

    ranked = sorted(held, key=brightness)
    return ranked[0].name, ranked[-1].name


def _nearest(found: Deployed, sound: Sound) -> int:
    return min(sound.notes, key=lambda number: abs(found.model.notes[number].pitch - KEY))


def _loops(found: Deployed, sound: Sound) -> bool:
    note = found.model.notes[_nearest(found, sound)]
    return note.loop_end > note.loop_start


def _unrest(found: Deployed, sound: Sound) -> float:
    """How much a held sound's latents and level (6 dB count as a whole latent) move."""
    note = found.model.notes[_nearest(found, sound)]
    held = slice(note.attack, max(note.release, note.attack + 1))
    moves = note.path[held].std(axis=0).sum() + note.gain_db[held].astype(np.float32).std() / 6.0
    return float(moves)


@contextmanager
def playing(wanted: Rack, folder: Path) -> Iterator[Session]:
    """``wanted`` on a JACK server at BLOCK frames, with a MIDI port to play it from."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "midi.toml").write_text(MAPPING)
    with sound_server.running(BLOCK) as device, ExitStack() as stack:
        host = Host(Order(device, armed=True), wanted)
        stack.callback(host.stop)
        recorder = Recorder(host, folder)
        stack.callback(recorder.stop)
        desk = Desk(host, [(wanted, None)])
        midi = Midi(desk, (), virtual=PORT, programs=False, file=folder / "midi.toml")
        stack.callback(midi.close)
        midi.start()
        feeder = stack.enter_context(FarEnd("feeder", level=0.0, to=_input()))
        turn = round(feeder.told()["turn_frames"])
        time.sleep(WARM_S)
        yield Session(host, turn, recorder)


def _input() -> str:
    import jack

    with jack.Client("taraf-bench-look", no_start_server=True) as client:
        ours = jackplug.pairs([port.name for port in client.get_ports()])
    if not ours:
        raise Missing("the engine has no ports on the JACK server")
    return ours[0][1]


__all__ = [
    "BLOCK", "CC", "KEY", "PORT", "RATE", "Session", "contrast", "needs", "playing", "rack",
]  # fmt: skip
