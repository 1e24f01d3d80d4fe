"""A program for tests: adds numbers, copies a file, waits, crashes or complains, as it is told."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def answer(task):
    if task.get("crash"):
        os._exit(3)
    if task.get("wrong"):
        return {"error": "that is wrong", "asked": True}
    time.sleep(task.get("wait", 0.0))
    if "source" in task:
        target = Path(task["target"])
        target.write_bytes(Path(task["source"]).read_bytes() * 2)
        if "log" in task:
            with open(task["log"], "a") as log:
                log.write(f"{task['a']}\n")
    return {"sum": task["a"] + 1, "pid": os.getpid()}


if __name__ == "__main__":
    json.loads(sys.stdin.readline())
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
