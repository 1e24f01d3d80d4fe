"""Seconds from the command to the first block, with an empty and with a warm kernel cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from engine.bench import Report
from engine.bench.callback import DEMO

_PROGRAM = """
import sys, time
from engine.host import Host, Order
from engine.playing import open_rack
host = Host(Order(), open_rack(sys.argv[1], [])[0])
while not int(host.shared.control["blocks"][0]):
    time.sleep(0.001)
print(time.time())
host.stop()
"""


def run(cold: bool = True) -> Report:
    """Start the demo rack on the virtual device in a new process, twice."""
    report = Report("start")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ}
        if cold:
            environment["TARAF_CACHE"] = folder
            report.add("first start ever", _seconds(environment), "s")
        second = _seconds(environment)
    report.add("second start", second, "s", "under 3 s", second < 3.0)
    return report


def _seconds(environment: dict[str, str]) -> float:
    began = time.time()
    command = [sys.executable, "-c", _PROGRAM, DEMO]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1]) - began
