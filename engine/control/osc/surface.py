"""The OSC surface: one port that listens and answers, and those who want to know.

One thread receives, so that nothing is lost while the desk is busy; one obeys, in order and
with the last value of each address; one sends. None of them can be ended by what it is sent.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from engine.control.osc import facts, wire
from engine.control.osc.inbox import Client, Counts, Inbox, Order
from engine.control.osc.orders import SOURCE, Orders
from engine.control.osc.outbox import Outbox
from engine.control.osc.places import LISTEN, Address, OscError, is_here, is_loopback, places

if TYPE_CHECKING:
    from engine.control.desk import Desk, News

REMEMBERED_SECONDS = 60.0
CLIENTS = 16
ROUND_SECONDS = 0.002
"""The desk is turned at most this often; what comes in between is coalesced."""
MOST_BYTES = 4 << 20  # that wait to be read
KERNEL_BYTES = 4 << 20  # a burst of 5000 messages overflows what a socket has by default
CLOSING_SECONDS = 0.1
ERROR_SECONDS = 1.0


class Osc:
    """OSC for one desk. ``listen`` is [HOST:]PORT, ``send`` HOST:PORT, ``allow`` IPs or networks.

    Raises OscError. ``start`` and ``close`` are quick; closed twice is closed.
    """

    def __init__(
        self,
        desk: Desk,
        listen: str = LISTEN,
        send: Sequence[str] = (),
        allow: Sequence[str] = (),
        may_save: bool = False,
    ) -> None:
        self._desk, self.places = desk, places(listen, send, allow)
        self.counts = Counts()
        self._orders = Orders(desk, self._answer, self._refresh, self._reply, may_save)
        self._outbox = Outbox(desk, self._send, self._targets)
        self._inbox = Inbox()
        self._packets: deque[tuple[bytes, Address, int]] = deque()
        self._bytes = 0
        self._there = threading.Event()
        self._closing = threading.Event()
        self._clients: dict[Address, Client] = {}
        self._lock = threading.Lock()
        self._doing: Order | None = None
        self._unreachable: set[Address] = set()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._port = self.places.listen[1]
        self._stop_listening: Callable[[], None] = lambda: None

    @property
    def address(self) -> Address:
        """Where it listens, once it has been started."""
        host, port = self._sockets[0].getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Listen and send; raises OscError if the port is taken."""
        wire.ready()
        self._sockets = [self._bound(), self._outward()]
        self._port = self.address[1]
        self._stop_listening = self._desk.listen(self._news)
        self._outbox.everything()
        self._threads = [
            threading.Thread(target=self._receive, name="osc in", daemon=True),
            threading.Thread(target=self._obey, name="osc", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._outbox.start()

    def close(self) -> None:
        """End; what has come in by now is done."""
        self._stop_listening()
        self._closing.set()
        self._there.set()
        for thread in self._threads:
            thread.join()
        self._outbox.close()
        for one in self._sockets:
            one.close()

    def described(self) -> dict[str, int]:
        """The counters, by name."""
        return asdict(self.counts)

    # --- sockets

    def _family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.places.listen[0] else socket.AF_INET

    def _bound(self) -> socket.socket:
        host, port = self.places.listen
        one = socket.socket(self._family(), socket.SOCK_DGRAM)
        try:
            one.bind((host, port))
        except OSError as error:
            one.close()
            reason = error.strerror or str(error)
            raise OscError(
                f"OSC cannot listen at {host}:{port}: {reason.lower()}; "
                "choose another port with --osc PORT"
            ) from None
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        one.settimeout(CLOSING_SECONDS)
        return one

    def _outward(self) -> socket.socket:
        """What is bound to this computer's inside cannot send to the network; this can."""
        return socket.socket(self._family(), socket.SOCK_DGRAM)

    def _send(self, fact: facts.Fact, targets: Iterable[Address]) -> None:
        to = list(targets)
        if to:
            self._deliver(wire.made(fact[0], *fact[1]), to)

    def _send_for(self, stamp_ns: int, found: list[facts.Fact]) -> None:
        """Send facts in a bundle that says when they are to be."""
        targets = self._targets()
        if targets and found:
            made = (wire.made(address, *given) for address, given in found)
            self._deliver(wire.bundle(stamp_ns, *made), targets)

    def _deliver(self, packet: bytes, targets: Iterable[Address]) -> None:
        for target in targets:
            inside = is_loopback(self.places.listen[0]) and not is_loopback(target[0])
            try:
                self._sockets[1 if inside else 0].sendto(packet, target)
            except OSError as error:
                self._failed(target, error)

    def _failed(self, target: Address, error: OSError) -> None:
        if target in self.places.send and target not in self._unreachable:
            self._unreachable.add(target)
            host, port = target
            text = f"OSC does not reach {host}:{port}: {error.strerror or error}"
            self._desk.tell("message", SOURCE, text=text)

    # --- in

    def _receive(self) -> None:
        while not self._closing.is_set():
            try:
                packet, (host, port, *_) = self._sockets[0].recvfrom(65535)
            except OSError:  # nothing came; or a client we sent to has gone
                continue
            if not self.places.allows(host) or (port == self._port and is_here(host)):
                self.counts.strangers += 1
                continue
            self.counts.packets += 1
            with self._lock:
                self._packets.append((packet, (host, port), time.monotonic_ns()))
                self._bytes += len(packet)
                while self._bytes > MOST_BYTES:  # the last ones count
                    self._bytes -= len(self._packets.popleft()[0])
                    self.counts.dropped += 1
            self._there.set()

    def _obey(self) -> None:
        while not self._closing.is_set() or self._packets:
            self._there.wait()
            self._there.clear()
            self._read()
            for order in self._inbox.take():
                self._do(order)
            self._closing.wait(ROUND_SECONDS)

    def _read(self) -> None:
        """Turn all that has come in into orders."""
        with self._lock:
            packets, self._packets = self._packets, deque()
            self._bytes = 0
        for packet, address, stamp_ns in packets:
            client = self._client(address)
            try:
                found = wire.messages(packet)
            except wire.Malformed as error:
                self._refuse(client, str(error))
                continue
            for where, given in found:
                self.counts.messages += 1
                try:
                    order = self._orders.read(where, given, client, stamp_ns)
                except ValueError as error:
                    self._refuse(client, str(error))
                else:
                    if order is not None:
                        self._inbox.put(order)
        self.counts.coalesced = self._inbox.coalesced

    def _do(self, order: Order) -> None:
        self._doing = order
        try:
            order.run()
            self.counts.done += 1
        except (ValueError, OSError) as error:
            self._refuse(order.client, str(error))
        except Exception as error:  # a fault of ours must not take his controller from a player
            self.counts.faults += 1
            self._refuse(order.client, f"taraf made a mistake: {type(error).__name__}: {error}")
        finally:
            self._doing = None

    def _refuse(self, client: Client, text: str) -> None:
        self.counts.refused += 1
        now = time.monotonic()
        if now - client.told >= ERROR_SECONDS:
            client.told = now
            self._answer(client, [("/error", (text,))])

    # --- who is there

    def _client(self, address: Address) -> Client:
        now = time.monotonic()
        with self._lock:
            client = self._clients.pop(address, None) or Client(address)
            client.heard = now
            self._clients[address] = client  # the one heard last is the last
            while len(self._clients) > CLIENTS:
                del self._clients[next(iter(self._clients))]
        return client

    def _targets(self) -> list[Address]:
        """Everybody who is told what changes."""
        since = time.monotonic() - REMEMBERED_SECONDS
        with self._lock:
            recent = [c.target for c in self._clients.values() if c.heard >= since]
        return list(dict.fromkeys((*self.places.send, *recent)))

    def _ears(self, client: Client) -> frozenset[Address]:
        """Where a client hears: a tablet sends from one port and listens at another of ``send``.

        On this machine two ports may be two programs.
        """
        beside = [target for target in self.places.send if target[0] == client.address[0]]
        if client.reply is None and len(beside) == 1 and not is_here(client.address[0]):
            return frozenset((client.target, beside[0]))
        return frozenset((client.target,))

    def _answer(self, client: Client, found: list[facts.Fact]) -> None:
        for fact in found:
            self._send(fact, [client.target])

    def _refresh(self, client: Client) -> None:
        self._outbox.everything()

    def _reply(self, client: Client, port: int) -> None:
        if port == self._port and is_here(client.address[0]):
            raise OscError(f"/reply {port} is where taraf itself listens")
        client.reply = port

    # --- out

    def _news(self, news: News) -> None:
        """Called by whoever did something, in his thread; nothing here waits."""
        doing = self._doing if threading.current_thread() in self._threads else None
        skip = self._ears(doing.client) if doing is not None and doing.own else frozenset()
        match news.kind:
            case "value":
                self._outbox.changed(news.facts["address"], skip)
            case "rack":
                self._outbox.everything()
            case "pulse":
                self._send_for(news.facts["stamp_ns"], [facts.pulse_beat(news.facts)])
            case "note":
                self._send_for(news.facts["stamp_ns"], facts.note(news.facts["data"]))
            case "tempo" if news.source == "pulse":
                for name in ("/tempo", *facts.PULSE):
                    self._outbox.changed(name)
            case "tempo" | "bypass" | "record":
                self._outbox.changed(f"/{news.kind}", skip)
            case "message":
                self._outbox.say(str(news.facts.get("text", "")))
