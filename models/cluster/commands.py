"""What each command that trains reads and writes, for ``--on`` and for the list of jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.cluster.elsewhere import Places
from models.cluster.errors import ClusterError


def effect(given: dict[str, Any]) -> Places:
    """taraf train effect."""
    from engine.library import user_models
    from models.effects.deploy import plain_name

    called = plain_name(given["name"] or Path(given["pairs"]).resolve().name)
    model = Path(given["out"] or user_models()) / called
    title = f"effect {called}"
    more = {"name": called}
    return Places("train", title, ("pairs",), given["runs"] / called, model, "model", more=more)


def pulse(given: dict[str, Any]) -> Places:
    """taraf train pulse."""
    called = given["name"]
    model = Path(given["out"] or Path()) / called
    reads = ("data", "font", "kit")
    return Places("train", f"pulse {called}", reads, given["runs"] / called, model, "pulse")


def rhythm(given: dict[str, Any]) -> Places:
    """taraf train rhythm."""
    from engine.library import user_models
    from models.effects.deploy import plain_name

    files = given["files"] or []
    called = plain_name(given["name"] or (Path(files[0]).stem if files else "rhythm"))
    model = Path(given["out"] or user_models()) / called
    reads, more = ("files", "data"), {"name": called}
    run = given["runs"] / called
    return Places("train", f"rhythm {called}", reads, run, model, "rhythm", more=more)


def morph(given: dict[str, Any]) -> Places:
    """taraf train morph."""
    called = given["name"]
    model = Path(given["out"] or Path()) / f"{called}.npz"
    return Places("train", f"morph {called}", ("data",), given["runs"] / called, model, "morph")


def sampler(given: dict[str, Any]) -> Places:
    """taraf sampler train."""
    from models.commands.sampler_train import called_job

    if given["job"] is None and given["preset"] is None:
        raise ClusterError("a job or --preset is wanted where nobody can be asked")
    job, name = called_job(given["job"], given["preset"], given["source"], given["changes"] or [])
    called = given["name"] or name
    run = given["runs"] / called
    more = {"name": called, "source": Path(job.source)}
    reads, model = ("job", "source"), run / "best.npz"
    return Places("sampler", f"sampler {called}", reads, run, model, "sampler", more=more)


__all__ = ["effect", "morph", "pulse", "rhythm", "sampler"]
