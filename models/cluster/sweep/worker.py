"""A process that trains parts of trainings: ``python -m models.cluster.sweep.worker``.

What is written lies beside its place until all of it is there: a part that is lost in the middle
leaves what was before it, and is done again from there.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.cli import complaint
from engine.whole import replace_folder
from models.cluster.sweep.trainers import Rung
from models.cluster.sweep.trainers import __name__ as trainers
from models.pairs.stages import quiet


def do(trainer: str, task: dict[str, Any]) -> dict[str, Any]:
    """Train a part, or export what was trained; what to answer."""
    module = import_module(f"{trainers}.{trainer}")
    folder, before = Path(task["folder"]), task.get("before")
    part = folder.with_name(f".{folder.name}.{os.urandom(4).hex()}.part")
    try:
        if before:
            shutil.copytree(before, part)
        else:
            part.parent.mkdir(parents=True, exist_ok=True)
        rung = Rung(Path(task["data"]), folder=part, resume=bool(before), **task["rung"])
        if task["do"] == "export":
            return {"told": module.export(rung, folder)}
        began = time.process_time()
        reached = module.advance(rung)
        part.mkdir(exist_ok=True)  # where a trainer keeps nothing
        replace_folder(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    told = {**vars(reached), "scores": dict(reached.scores)}
    return {**told, "history": [dict(row) for row in reached.history],
            "cpu_seconds": time.process_time() - began}  # fmt: skip


def answer(trainer: str, task: dict[str, Any]) -> dict[str, Any]:
    """What to say to a task: its result, or ``error`` in one line."""
    try:
        return do(trainer, task)
    except ModuleNotFoundError as error:
        package = (error.name or "a package").split(".")[0]
        told = f"this needs {package}, which is not installed: pip install 'taraf[train]'"
        return {"error": told, "asked": True}
    except Exception as error:  # the next one is waiting
        told = complaint(error) or f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return {"error": told}


def main() -> None:
    """Answer tasks until there are no more."""
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    setup = json.loads(sys.stdin.buffer.readline())
    with os.fdopen(quiet(setup.get("log", os.devnull)), "w", encoding="utf-8") as output:
        for line in sys.stdin.buffer:
            print(json.dumps(answer(setup["trainer"], json.loads(line))), file=output, flush=True)
    os._exit(0)  # nothing of a training is worth waiting for


def _leave_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main()
