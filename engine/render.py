"""The live callback, file to file: a stream with no deadline."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.layout import CELL, EVENTS, NOTE
from engine.rack import Rack, RackError
from engine.shared import Shared
from engine.stage import Stage
from engine.virtual import Pull

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Move:
    """A knob is aimed: at ``frame`` of the input, ``address`` goes to ``value`` (plain)."""

    frame: int
    address: str
    value: float


@dataclass(frozen=True)
class Message:
    """MIDI for the rack's instruments: up to three bytes, at ``frame`` of the input."""

    frame: int
    data: bytes


class Renderer:
    """A rack fed piece by piece; what comes out is aligned with what went in.

    The rack's latency is removed: ``push`` returns fewer frames at first, ``finish`` the rest.
    """

    def __init__(
        self,
        rack: Rack,
        sample_rate: int,
        inputs: int,
        block: int = 64,
        moves: Iterable[Move | Message] = (),
    ) -> None:
        self.shared = Shared.private()
        self.shared.control["offline"] = 1
        self.stage = Stage(self.shared, sample_rate, block)
        self.table = self.stage.build(rack)
        self.stage.publish(self.table)
        self._pull = Pull(self.shared, block, inputs)
        self._block, self._inputs = block, inputs
        self._events = deque(self._schedule(rack, moves))
        self._knobs = len({(node, knob) for _, node, knob, _ in self._events})
        self._skip = self.table.latency
        self._waiting = np.zeros((0, inputs), np.float32)

    def _schedule(
        self, rack: Rack, moves: Iterable[Move | Message]
    ) -> list[tuple[int, int, int, float]]:
        """When each node must be told; one move a knob and cell, the last."""
        given = list(moves)
        turned = self._turned(rack, [move for move in given if isinstance(move, Move)])
        played = self._played([move for move in given if isinstance(move, Message)])
        return sorted([*turned, *played], key=lambda event: event[0])

    def _played(self, messages: list[Message]) -> list[tuple[int, int, int, float]]:
        nodes = [n for n, node in enumerate(self.table.nodes) if node.plugin.plays_notes]
        return [
            (one.frame + int(self.table.rows[node]["starts"]), node, NOTE,
             float(int.from_bytes(one.data[:3], "little")))
            for one in sorted(messages, key=lambda one: one.frame)
            for node in nodes
        ]  # fmt: skip

    def _turned(self, rack: Rack, moves: list[Move]) -> list[tuple[int, int, int, float]]:
        addresses = rack.addresses()
        last: dict[tuple[int, int, int], float] = {}
        for move in sorted(moves, key=lambda move: move.frame):
            if move.address not in addresses:
                raise RackError(f"{rack.name} has no parameter {move.address!r}")
            node, knob, param = addresses[move.address]
            due = self.table.due(node, knob, move.frame)
            last[due, node, knob] = param.check(move.value)
        return [(due, node, knob, value) for (due, node, knob), value in sorted(last.items())]

    def push(self, sound: Sound) -> Sound:
        """Run ``sound`` (frames, inputs) through; returns what is ready, (frames, 2), aligned.

        Only whole blocks are run, as a device would; the rest waits for the next call.
        """
        sound = np.concatenate([self._waiting, sound])
        whole = len(sound) // self._block * self._block
        self._waiting = sound[whole:]
        knobs = max(1, self._knobs)  # each may move once a cell, and the ring holds so many
        size = max(self._block, (EVENTS // knobs - 2) * CELL // self._block * self._block)
        out = [self._run(sound[i : min(i + size, whole)]) for i in range(0, whole, size)]
        made = np.concatenate(out) if out else np.zeros((0, 2), np.float32)
        skip = min(self._skip, len(made))
        self._skip -= skip
        return made[skip:]

    def _run(self, sound: Sound) -> Sound:
        end = int(self.shared.control["frames"][0]) + len(sound) + CELL
        while self._events and self._events[0][0] < end:
            due, node, knob, value = self._events[0]
            if not self.shared.send(self.table.id, node, knob, value, due):
                break
            self._events.popleft()
        self.stage.tick()
        return self._pull.run(sound)

    def finish(self, tail: int = 0) -> Sound:
        """The frames still inside for want of input, and ``tail`` frames of ringing out."""
        wanted = len(self._waiting) + self.table.latency - self._skip + tail
        run = -(-(len(self._waiting) + self.table.latency + tail) // self._block) * self._block
        silence = np.zeros((run - len(self._waiting), self._inputs), np.float32)
        rest = self.push(silence)[:wanted]
        self.stage.close()
        return rest


def play(
    rack: Rack,
    sound: Sound,
    sample_rate: int,
    block: int = 64,
    moves: Iterable[Move | Message] = (),
    tail: int = 0,
) -> Sound:
    """``sound`` (frames, channels) through ``rack``: (frames + tail, 2), latency removed."""
    renderer = Renderer(rack, sample_rate, sound.shape[1], block, moves)
    return np.concatenate([renderer.push(sound), renderer.finish(tail)])
