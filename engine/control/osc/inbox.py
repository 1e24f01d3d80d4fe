"""What came in and is not done yet: the last value of each address, and every action."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from engine.control.osc.places import Address


@dataclass
class Client:
    """Somebody who sent us something. ``address`` is where from, ``reply`` the port he wants."""

    address: Address
    reply: int | None = None
    heard: float = 0.0  # seconds, monotonic
    told: float = float("-inf")  # of his last mistake

    @property
    def target(self) -> Address:
        """Where he listens."""
        return self.address[0], self.reply or self.address[1]


@dataclass(frozen=True)
class Order:
    """Something to do. Of those with one ``key`` only the last counts; without, all do.

    Whoever sends an ``own`` order knows what comes of it, and need not be told.
    """

    key: Hashable | None
    run: Callable[[], None]
    client: Client
    own: bool = False


@dataclass
class Counts:
    """What has become of what came in: packets, and the messages in them."""

    packets: int = 0
    strangers: int = 0  # packets from those who are not allowed
    dropped: int = 0  # packets that came faster than they could be read
    messages: int = 0
    refused: int = 0  # messages, or packets that could not be read
    coalesced: int = 0  # values that a later one took the place of
    done: int = 0
    faults: int = 0  # of ours


class Inbox:
    """Orders in the order they are to be done in; for one thread.

    A value does not overtake an action: a knob that is turned before and after a change of
    preset is turned in both presets.
    """

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._latest: dict[Hashable, int] = {}
        self._count = 0
        self.coalesced = 0

    def put(self, order: Order) -> None:
        """Add an order; it takes the place of one with its key since the last action."""
        if order.key is None:
            self._latest.clear()
        elif order.key in self._latest:
            del self._orders[self._latest[order.key]]
            self.coalesced += 1
        if order.key is not None:
            self._latest[order.key] = self._count
        self._orders[self._count] = order
        self._count += 1

    def take(self) -> list[Order]:
        """All that is to be done now."""
        orders = list(self._orders.values())
        self._orders.clear()
        self._latest.clear()
        return orders
