"""One rack built for a stream: its nodes, their memory, and what the audio thread walks."""

from __future__ import annotations

import ctypes
import itertools
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.layout import (
    CELL,
    CLEAN,
    CLEANING,
    CONTROL,
    DIRTY,
    HOST_KNOBS,
    LANE,
    NODE,
    NODES,
    RING,
    TABLE,
    TAPS,
    WIDTH,
    offset,
)
from engine.native import KernelError
from engine.node import Node
from engine.params import ParamError
from engine.plugin import Extern, Plugin, PluginError, Setup
from engine.rack import SOURCES, Lane, Link, Rack, RackError, Strip
from engine.shared import Shared, address, aligned, callback_address, claim, store_release

_ids = itertools.count(1)
_RUN_NODE = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_ssize_t] * 6)
WARM_CHUNKS = 4
TOO_MUCH = 0.7
"""Share of the deadline that the models of a rack may take before the player is warned."""
OWNER = offset(TABLE, "owner")


class Table:
    """A rack built for one stream: nodes, their memory, and the table the audio thread walks."""

    def __init__(self, rack: Rack, sample_rate: int, block: int, shared: Shared) -> None:
        self.rack = rack
        self._placed: list[tuple[Node, int]] = []
        self._plugins: list[Plugin] = []
        self._faulty: list[Plugin] = []
        self.id = next(_ids)
        self.keep_until = 0.0
        self._shared = shared
        self._rate, self._block = sample_rate, block
        self._taps = itertools.count()
        self._memory: list[Any] = []
        self._lines: list[Any] = []
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        rack = self.rack
        if len(rack.links()) > NODES:
            raise RackError(f"{rack.name}: {len(rack.links())} plugins are more than {NODES}")
        ends = [self._chain(lane.name, lane.chain, 0, _channels(lane)) for lane in rack.lanes]
        many = len(rack.lanes) > 1 or any(lane.knobs.get("pan") for lane in rack.lanes)
        width = max([2 if many else 1, *(chain.channels for chain in ends)])
        ranges = []
        for lane, chain in zip(rack.lanes, ends, strict=True):
            setup = self._setup(max(width, chain.channels), chain.end)
            chain.nodes.append((Node(Strip(width), setup, lane.knobs), chain.end))
            ranges.append(_Range(len(self._placed), len(chain.nodes), chain.end, *_cut(chain)))
            self._placed += chain.nodes
        latest = max([lane.end for lane in ranges], default=0)
        first_master = len(self._placed)
        master = self._chain("master", rack.master, latest, width)
        self._placed += master.nodes
        self.latency = master.end
        self._fill(ranges, first_master, width, latest)

    def _chain(self, lane: str, links: tuple[Link, ...], delay: int, channels: int) -> _Chain:
        """Prepare a chain whose input is ``delay`` frames late."""
        chain = _Chain([], channels, delay)
        for index, link in enumerate(links):
            try:
                asked = link.plugin(**link.settings)
                plugin = asked.resolve(self._setup(chain.channels, chain.end))
                self._plugins.append(plugin)
                chain.channels = plugin.width(chain.channels)
                setup = self._setup(chain.channels, chain.end)
                extern = self._externs(plugin, index, lane)
                node = Node(plugin, setup, link.knobs, **extern)
            except (PluginError, ParamError, KernelError) as error:
                raise RackError(f"{self.rack.name}: {lane}.{link.name}: {error}") from None
            chain.nodes.append((node, chain.end))
            chain.end += node.latency
        return chain

    def _setup(self, channels: int, delay: int) -> Setup:
        return Setup(
            sample_rate=self._rate,
            channels=channels,
            block=self._block,
            delay=delay,
            offline=bool(self._shared.control["offline"][0]),
            folder=self.rack.folder,
            tempo_bpm=self.rack.tempo_bpm,
        )

    def _externs(self, plugin: Plugin, index: int, lane: str) -> dict[str, Extern]:
        control = self._shared.control
        found = {}
        if plugin.readouts:
            number = self._number(lane, index)
            found["readout"] = Extern(control["readouts"][0, number])
        if plugin.taps:
            number = next(self._taps)
            if number >= TAPS:
                raise PluginError(f"{number + 1} recorder taps are more than {TAPS}")
            memory = self._shared.tap_memory(number)
            first = int(memory[: RING.itemsize].view(RING)["data"][0])
            found["tap_header"] = Extern(memory[: RING.itemsize].view(np.int64))
            found["tap"] = Extern(memory[first:].view(np.float32).reshape(-1, 2))
            found["tap_rack"] = Extern(np.full(1, self.id))
            words = {"tap_sounding": "sounding", "tap_now": "frames", "tap_fade": "fade_frames"}
            found |= {name: Extern(control[word]) for name, word in words.items()}
        if plugin.counts_misses:
            found["misses"] = Extern(control["misses"])
        if plugin.follows_beat:
            found["beat"] = Extern(control["beat"][0])
        return found

    def _number(self, lane: str, index: int) -> int:
        """Which node the ``index``-th plugin of a lane will be."""
        return [name for name, _ in self.rack.links()].index(lane) + index

    def _fill(self, ranges: list[_Range], first_master: int, width: int, latest: int) -> None:
        rows = aligned(NODE.itemsize * max(len(self._placed), 1)).view(NODE)
        for row, (node, starts) in zip(rows, self._placed, strict=False):
            node.fill(row, starts)
        lanes = aligned(LANE.itemsize * max(len(ranges), 1)).view(LANE)
        for row, lane, range_ in zip(lanes, self.rack.lanes, ranges, strict=False):
            wait = latest - range_.end
            line = aligned(4 * WIDTH * max(wait, 1))
            self._lines.append(line)
            row["first"], row["count"] = range_.first, range_.count
            row["source"], row["wait"], row["line"] = SOURCES[lane.source], wait, address(line)
            row["cut"], row["after"] = range_.first + range_.cut, self.latency - range_.cut_at
        self._memory += [rows, lanes]
        self.table = aligned(TABLE.itemsize).view(TABLE)
        table = self.table
        table["width"] = width
        table["nodes"], table["n_nodes"] = address(rows), len(self._placed)
        table["lanes"], table["n_lanes"] = address(lanes), len(ranges)
        table["master_first"], table["latency"] = first_master, self.latency
        table["id"], table["after"] = self.id, max(lanes["after"], default=0)
        table["leaders"] = sum(plugin.leads_beat for plugin in self._plugins)
        table["makers"] = sum(plugin.makes_notes for plugin in self._plugins)
        longest = max([plugin.tail for plugin in self._plugins], default=0.0)
        table["patience"] = self.latency + round(longest * self._rate)
        self.rows = rows
        self._warm()

    def _warm(self) -> None:
        """Run every node on silence once, so that its first block is as fast as the thousandth.

        A network's first run allocates; code and memory are not in the caches yet. Nodes that
        speak to other processes are left alone. What this changed is put back.
        """
        run = _RUN_NODE(callback_address("node_runner"))
        control, work = aligned(CONTROL.itemsize), aligned(self.table["work"].nbytes)
        audio = work[: 4 * WIDTH * CELL]
        for k, (node, starts) in enumerate(self._placed):
            if node.plugin.counts_misses or node.plugin.taps:
                continue
            place = address(self.rows[k:])
            for chunk in range(WARM_CHUNKS):
                position = starts + CELL * chunk
                run(place, address(control), address(audio), CELL, position, address(work))
                audio[:] = 0
            node.reset()
            node.fill(self.rows[k], starts)

    def claim(self, expected: int, new: int) -> bool:
        """Take it from whoever may touch its memory; False if that is somebody else by now."""
        return claim(address(self.table) + OWNER, expected, new)

    def clean(self) -> None:
        """Forget all sound, if the audio thread has left it so; knobs stay where they are."""
        if not self.claim(DIRTY, CLEANING):
            return
        for row, (node, starts) in zip(self.rows, self._placed, strict=False):
            node.reset()
            node.fill(row, starts)
        for line in self._lines:
            line[:] = 0
        store_release(address(self.table) + OWNER, CLEAN)

    @property
    def nodes(self) -> list[Node]:
        """Every node in the table's order."""
        return [node for node, _ in self._placed]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the plugins want the player to know."""
        found = [warning for plugin in self._plugins for warning in plugin.warnings]
        share = sum(plugin.share for plugin in self._plugins)
        if share > TOO_MUCH and max(plugin.share for plugin in self._plugins) <= TOO_MUCH:
            found.append(f"its models take about {100 * share:.0f} % of the time there is here")
        return tuple(found)

    @property
    def restarts(self) -> int:
        """How often workers of this rack were started again."""
        return sum(self.workers.values())

    @property
    def workers(self) -> dict[str, int]:
        """Plugins that run in a process of their own, and how often each was started again."""
        links = [(lane, link) for lane, link in self.rack.links() if link is not None]
        return {
            f"{lane}.{link.name}": plugin.restarts
            for (lane, link), plugin in zip(links, self._plugins, strict=False)
            if plugin.counts_misses
        }

    @property
    def mutes(self) -> dict[str, int]:
        """How often each plugin was muted for not being finite, where it was."""
        named = zip(self.rack.links(), self.rows, strict=False)
        found = {
            f"{lane}.{k.name if k else 'strip'}": int(row["mutes"]) for (lane, k), row in named
        }
        return {name: count for name, count in found.items() if count}

    def due(self, node: int, knob: int, frame: int) -> int:
        """When to send an event so that it meets the sound that came in at ``frame``."""
        cell = (frame + CELL - 1) // CELL * CELL
        row = self.rows[node]
        return cell + int(row["starts"]) + (int(row["latency"]) if knob < HOST_KNOBS else 0)

    def tick(self, load: float) -> None:
        """Let the plugins do their housekeeping."""
        for plugin in self._plugins:
            if plugin not in self._faulty:
                try:
                    plugin.tick(load)
                except Exception:  # somebody's plugin: the sound goes on, and this is the log
                    traceback.print_exc()
                    self._faulty.append(plugin)  # it is not asked again: twenty times a second

    def close(self) -> None:
        """Let the plugins free what they hold outside this table."""
        for plugin in self._plugins:
            try:
                plugin.close()
            except Exception:  # as above; the others shall be closed, too
                traceback.print_exc()


@dataclass
class _Chain:
    nodes: list[tuple[Node, int]]  # and the frames of latency before each
    channels: int
    end: int


@dataclass
class _Range:
    """A lane in the table: its nodes, its latency, and where it is cut when it is left."""

    first: int
    count: int
    end: int
    cut: int
    cut_at: int


def _cut(chain: _Chain) -> tuple[int, int]:
    """Before which of its nodes a lane is cut, and the latency there: what rings is after it."""
    for index, (node, starts) in enumerate(chain.nodes):
        if node.plugin.tail > 0.0:
            return index, starts
    return len(chain.nodes), chain.end


def _channels(lane: Lane) -> int:
    return 2 if lane.source == "stereo" else 1
