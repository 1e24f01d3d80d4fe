"""The process that sounds: it owns the stream and the rack and imports little.

It outlives the window that started it. It answers requests (a new rack, a report, stop) over
a local connection, and writes down how to reach it, so that another window can take over.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import secrets
import sys
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

import numpy as np

from engine import native, preset
from engine.counters import statistics
from engine.layout import TAPS
from engine.priority import lock_memory, stay_awake
from engine.processes import told
from engine.rack import Rack
from engine.running import note_of, runtime_folder, socket_of
from engine.shared import Shared, address
from engine.stage import Stage, Table
from engine.stream import CardStream, DeviceChoice
from engine.virtual import VirtualDevice

CLEAN_SECONDS = 0.01
TICK_TURNS = 5


def _address(pid: int) -> str | None:
    """Where a process listens; None lets the system choose (Windows, or a path too long)."""
    path = str(socket_of(pid))
    return path if sys.platform != "win32" and len(path) < 100 else None


def pack(rack: Rack) -> dict[str, str]:
    """A rack as a message."""
    return {"toml": preset.dump(rack), "folder": str(rack.folder.absolute()), "name": rack.name}


def unpack(message: dict[str, str]) -> Rack:
    """The rack in a message."""
    return preset.parse(message["toml"], message["name"], Path(message["folder"])).rack


class AudioProcess:
    """One stream, one stage of racks, and the door through which they are told what to do."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._choice = DeviceChoice(**order["device"])
        self._stopping = threading.Event()
        self._clients = 0
        self._left = time.monotonic()  # when the last client went
        self._front = os.getppid()
        self._note = note_of(os.getpid())
        self.shared = Shared.create()
        try:
            self._open()
        except BaseException:
            if hasattr(self, "stage"):
                self.stage.close()
            self.shared.remove()
            raise

    def _open(self) -> None:
        device = self._choice
        self.stage = Stage(self.shared, device.rate, device.block)
        table = self.stage.build(unpack(self._order["rack"]))
        self.stage.publish(table)
        frames = self._order["frames"]
        if device.name == "virtual":
            self.stream: VirtualDevice | CardStream = VirtualDevice(
                self.shared,
                device.block,
                _source(self._order["input"], device.rate),
                frames,
                realtime=not self._order["fast"],
                loop=self._order["loop"],
            )
        else:
            self.stream = CardStream(self.shared, device)
        if self._order["armed"]:
            for ring in (self.shared.ring(), *map(self.shared.tap, range(TAPS))):
                ring.arm(True)
        self.memory = lock_memory() if self._order["lock"] else "not locked (not asked)"
        self.processors = "may sleep (not asked)" if self._order["fast"] else stay_awake()
        self._key = secrets.token_bytes(32)
        self._listener = Listener(_address(os.getpid()), backlog=4, authkey=self._key)

    def introduce(self) -> dict[str, Any]:
        """What a window needs to reach this process."""
        return {
            "pid": os.getpid(),
            "front": self._front,
            "address": self._listener.address,
            "key": self._key.hex(),
            "shm": self.shared.name,
        }

    def run(self) -> None:
        """Sound until told to stop, or until nobody is left to tell and the sound has ended."""
        self._write_note()
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            gc.collect()
            gc.freeze()
            self.stream.start()
            native.compiling = None  # from now on nobody may be there to read
            print(json.dumps({"ready": self.introduce()}), flush=True)
            os.dup2(2, 1)  # nobody reads that pipe any more: who filled it would wait for ever
            for turn in itertools.count():
                if self._stopping.wait(CLEAN_SECONDS) or self._abandoned():
                    break
                self.stage.collect()  # soon: who comes back to a rack should find it wiped
                if turn % TICK_TURNS == 0:
                    self.stage.tick()
            self._fade_out()
            self.stream.stop()
        finally:
            self._note.unlink(missing_ok=True)
            self._note.with_suffix(".sock").unlink(missing_ok=True)
            self.stage.close()
            self.shared.remove()

    def _fade_out(self) -> None:
        """Go over to silence and end what rings, so that stopping does not click."""
        if not self.stream.running or self._ended():
            return
        silence = self.stage.build(Rack("silence"))
        self.stage.publish(silence)
        control = self.shared.control
        control["ring_frames"] = 0
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            faded = int(silence.table["heard"][0]) >= int(control["fade_frames"][0])
            if faded and int(control["sounding"][0]) == silence.id and not control["leaving"].any():
                break
            time.sleep(0.005)
        time.sleep(self._choice.block / self._choice.rate)

    def _write_note(self) -> None:
        handle = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(self.introduce(), file)

    def _abandoned(self) -> bool:
        """Whether the sound has ended and no window has been connected for a second."""
        finite = self._order["frames"] is not None
        gone = not self._clients and time.monotonic() - self._left > 1.0
        return finite and gone and self._ended()

    def _ended(self) -> bool:
        frames = self._order["frames"]
        return frames is not None and int(self.shared.control["frames"][0]) >= frames

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()
            except (OSError, EOFError):
                time.sleep(0.05)
                continue
            except Exception:  # a stranger without the key
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: Connection) -> None:
        self._clients += 1
        with suppress(EOFError, OSError):
            while True:
                request = json.loads(client.recv_bytes())
                answer = {**self._answer(request), "number": request["number"]}
                client.send_bytes(json.dumps(answer).encode())
        self._clients -= 1
        self._left = time.monotonic()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if request["op"] == "rack":
                return self._load(request["rack"], request.get("slot"))
            if request["op"] == "shelve":
                return self._shelve(request["slot"], request["rack"], request["table"])
            if request["op"] == "report":
                return self._report()
            if request["op"] == "hello":
                self._front = int(request["front"])
                self._write_note()
                self.stage.clear()
                return self._reference(self.stage.current)
            if request["op"] == "stop":
                self._stopping.set()
                return {}
        except ValueError as error:
            return {"error": str(error)}
        except Exception as error:  # somebody's plugin: the sound goes on, and this is the log
            traceback.print_exc()
            return {"error": f"{type(error).__name__}: {error}"}
        return {"error": f"unknown request {request['op']!r}"}

    def _load(self, message: dict[str, str], number: int | None) -> dict[str, Any]:
        table = self.stage.build(unpack(message))
        if number is not None:
            self.stage.shelve(number, table)
        self.stage.publish(table)
        return self._reference(table)

    def _shelve(self, number: int, message: dict[str, str], known: int) -> dict[str, Any]:
        """Keep rack ``number`` for later: it is there, or it is rack ``known``, or it is built."""
        table = self.stage.shelved(number) or self.stage.called(known)
        if table is None:
            table = self.stage.build(unpack(message))
        self.stage.shelve(number, table)
        return self._reference(table)

    def _reference(self, table: Table | None) -> dict[str, Any]:
        """What a window needs to switch to a rack and to turn its knobs."""
        assert table is not None
        return {
            "table": table.id,
            "address": address(table.table),
            "warnings": list(table.warnings),
        }

    def _report(self) -> dict[str, Any]:
        table = self.stage.current
        assert table is not None
        return {
            "rack": pack(table.rack),
            "table": table.id,
            "latency_frames": table.latency,
            "warnings": list(table.warnings),
            "muted": table.mutes,
            "worker_restarts": table.restarts,
            "workers": table.workers,
            "device": self.stream.name,
            "device_latency_frames": self.stream.latency_frames,
            "priority": self.stream.priority,
            "memory": self.memory,
            "processors": self.processors,
            "running": self.stream.running,
            "ended": self._ended(),
            "order": self._order,
        }


def _source(path: str, rate: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What the virtual device plays: a file, or the built-in performance."""
    if path:
        from engine.soundfiles import read

        return read(Path(path), rate)
    from engine.performance import guitar

    return guitar(rate)[:, None]


def main() -> int:
    """Run one audio process; the order comes on standard input."""
    native.compiling = lambda name: print(json.dumps({"compiling": name}), flush=True)
    try:
        process = AudioProcess(told())
    except (ValueError, OSError) as error:
        kind = type(error).__name__
        print(json.dumps({"error": str(error), "kind": kind}), flush=True)
        return 2
    process.run()
    return 0


__all__ = ["AudioProcess", "main", "pack", "runtime_folder", "statistics", "unpack"]


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # a dead sound server would hang PortAudio's own farewell
