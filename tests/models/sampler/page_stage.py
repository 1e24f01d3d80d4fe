"""What tests of the sampler's page share: a page over an empty folder, requests, made-up runs."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

import numpy as np
import soundfile

from models.sampler.folder import add_line, write_text
from models.sampler.page import server
from models.sampler.page.server import SamplerPage

from .tiny import RATE, job_for, two_tones

FORM = {
    "approach": "vector", "seg_len": "64", "hidden": "16", "label_shape": "1, 32", "lr": "0.003",
    "num_unrollings": "1", "weight_stddev": "0.02", "ext_cursor_inc": "32", "minutes": "5",
    "num_epochs": "1000000", "threads": "1", "accelerator": "cpu", "preview_every": "1000",
    "preview_seconds": "1", "source": "tones.wav",
}  # fmt: skip
"""A job as it is typed, so small that it learns at once and does not end by itself."""


APPRENTICE = """
import sys, time
from pathlib import Path
from models.sampler.folder import add_line
from models.sampler.page.note import Note, Stop
folder = Path(sys.argv[1])
note = Note.read(folder).running()
note.write(folder)
(folder / "checkpoint.pt").touch()
for step in range(1, 2000):
    add_line(folder / "history.jsonl", {"step": step, "seconds": step / 20, "done": 0.1, "loss": 1})
    time.sleep(0.05)
    if Stop(folder).there():
        break
note.ended("stopped").write(folder)
time.sleep(0.3)  # to end takes a while too
"""
"""Behaves as a training does to the page, and is there at once."""


def apprentice(folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """A process that stands for the one that trains."""
    command = [sys.executable, "-P", "-c", APPRENTICE, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


@contextmanager
def page_in(folder: Path) -> Iterator[SamplerPage]:
    """A page with one recording, tones.wav; what it started and still runs is killed after it."""
    soundfile.write(folder / "tones.wav", two_tones(), RATE)
    page = SamplerPage(folder / "runs", folder, port=0)
    try:
        with patch.object(server, "TEND_SECONDS", 0.05):
            page.start()
            yield page
    finally:
        work = page.trainings._work
        page.close()
        if work is not None:
            work[1].kill()
            work[1].returncode = None
            work[1].wait(10)


def call(
    page: SamplerPage, path: str, given: object = None, method: str = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request as the page's own script makes it; headers may be others, or empty for none."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)
    host = f"127.0.0.1:{page.port}"
    body = given if isinstance(given, bytes) else b"" if given is None else json.dumps(given)
    method = method or ("GET" if given is None else "POST")
    cookie = f"taraf-sampler-{page.port}={page.tokens.play}"
    own = {"Host": host, "Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    if method != "GET":
        own |= {"Origin": f"http://{host}", "Content-Length": str(len(body))}
    own |= {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in own.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders(body.encode() if isinstance(body, str) else body)
        reply = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def told(page: SamplerPage, path: str, given: object = None) -> Any:
    """What is answered, which must be right."""
    status, _, body = call(page, path, given)
    assert status == 200, body
    return json.loads(body)


def complaint(page: SamplerPage, path: str, given: object = None) -> str:
    """The one line that a wrong request is answered with."""
    status, _, body = call(page, path, given)
    assert status == 400, body
    line = json.loads(body)["error"]
    assert line and "\n" not in line and "Traceback" not in line
    return str(line)


def state(page: SamplerPage, name: str) -> str:
    return str(told(page, f"/api/trainings/{name}")["state"])


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def made_up(runs: Path, name: str, steps: int = 40, done: float = 1.0) -> Path:
    """A folder as a training from the command line leaves it, with two previews."""
    folder = runs / name
    job = job_for("vector", source="/elsewhere/<b>tones.wav")
    write_text(folder / "job.json", json.dumps(job.as_json()))
    for k in range(1, steps + 1):
        row = {"step": 10 * k, "epoch": 0.1 * k, "seconds": 0.5 * k, "done": done * k / steps}
        add_line(folder / "history.jsonl", row | {"loss": 2.0 / k, "missed": 1.0 / k})
    for step, merit in ((200, 0.8), (400, 0.6)):
        file = f"step-{step:08d}.wav"
        (folder / "previews").mkdir(exist_ok=True)
        soundfile.write(folder / "previews" / file, np.zeros(RATE // 2), RATE, subtype="FLOAT")
        criteria = {
            "C1": {"about": "free of artefacts", "grade": "High", "values": {}},
            "C2": {"about": "resembles the source", "grade": "Low", "values": {}},
        }
        row = {"file": file, "step": step, "seconds": step / 20, "merit": merit}
        row |= {"best": step == 200, "grades": {"C1": "High", "C2": "Low"}}
        add_line(folder / "previews.jsonl", row | {"score": {"criteria": criteria}})
    for file in ("checkpoint.pt", "best.npz"):
        (folder / file).write_bytes(b"weights")
    soundfile.write(folder / "source.wav", two_tones(), RATE)
    return folder


__all__ = [
    "FORM",
    "apprentice",
    "call",
    "complaint",
    "made_up",
    "page_in",
    "state",
    "told",
    "wait_for",
]
