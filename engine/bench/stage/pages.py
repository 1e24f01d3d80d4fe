"""Open pages in a process of their own: each reads all it is sent, as a browser does."""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from engine.bench.stage.far_end import job, let_go, tell

ROOM = 12_000_000
"""The longest message that is taken: a whole rack."""
BEGUN = 5
"""Frames of meters after which a page is taken for open."""
SEEN_EVERY = 10
"""Frames of meters between two of our answers; the page does the same."""


def main() -> None:
    """Open ``count`` pages at ``url``; ``turns`` is how many commands each sends a second."""
    given = job()
    gone, counts = let_go(), [0] * given["count"]
    threads = [
        threading.Thread(target=_page, args=(given, number, counts, gone), daemon=True)
        for number in range(given["count"])
    ]
    for thread in threads:
        thread.start()
    tell(ready=True)
    while min(counts) < BEGUN and not gone.wait(0.02):
        pass
    began, before = time.monotonic(), sum(counts)
    gone.wait()
    tell(rate=(sum(counts) - before) / max(time.monotonic() - began, 1e-3))


def _page(given: dict[str, Any], number: int, counts: list[int], gone: threading.Event) -> None:
    """One websocket: reads meters, answers, and turns what it is told to turn."""
    from websockets.sync.client import connect

    url = urlsplit(given["url"])
    origin: Any = f"http://{url.netloc}"
    rng, turned = random.Random(number), time.monotonic()
    with connect(f"ws://{url.netloc}/socket?{url.query}", origin=origin, max_size=ROOM) as page:
        while not gone.is_set():
            found = page.recv(timeout=10.0)
            if isinstance(found, bytes):
                counts[number] += 1
                if counts[number] % SEEN_EVERY == 0:
                    page.send('{"do": "seen"}')
            now = time.monotonic()
            if given["turns"] and now - turned > 1.0 / given["turns"]:
                turned = now
                page.send(json.dumps(_command(given["addresses"], rng)))


def _command(addresses: list[str], rng: random.Random) -> dict[str, Any]:
    """Mostly a knob, sometimes a button."""
    chance = rng.random()
    if chance < 0.02:
        return {"do": rng.choice(["undo", "redo", "compare", "tap"])}
    if chance < 0.03:
        return {"do": "step", "by": rng.choice([-1, 1])}
    return {"do": "place", "address": rng.choice(addresses), "position": rng.random()}


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # a page may still wait for its next message
