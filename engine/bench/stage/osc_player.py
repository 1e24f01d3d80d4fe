"""An OSC surface in a process of its own: faders that move all the time, a button now and then."""

from __future__ import annotations

import random

from engine.bench.stage.far_end import job, let_go, tell


def main() -> None:
    """Send to ``port`` at ``rate`` a second; ``faders`` are addresses with their two ends."""
    from pythonosc.udp_client import SimpleUDPClient

    given, gone, rng = job(), let_go(), random.Random(1)
    client = SimpleUDPClient("127.0.0.1", given["port"])
    tell(ready=True)
    sent = 0
    while not gone.wait(1.0 / given["rate"]):
        if rng.random() < 0.005:
            client.send_message("/preset", 1 + rng.randrange(given["presets"]))
        elif rng.random() < 0.01:
            client.send_message(rng.choice(("/tap", "/undo", "/redo")), 1.0)
        else:
            address, least, most = rng.choice(given["faders"])
            client.send_message(address, rng.uniform(least, most))
        sent += 1
    tell(sent=sent)


if __name__ == "__main__":
    main()
