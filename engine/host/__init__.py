"""The window's side of the engine: starts the audio process, watches it, restarts it.

If the audio thread's heartbeat is silent for 250 ms the process is killed and started again
with the last rack: a stream whose server has died cannot be closed, only ended.
"""

from engine.host.front import Host
from engine.host.order import Event, HostError, Order
from engine.running import sounding

__all__ = ["Event", "Host", "HostError", "Order", "sounding"]
