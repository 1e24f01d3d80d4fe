"""taraf demo: twenty seconds of the built-in guitar through a rack, heard, measured and drawn."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.commands.following import faults, follow, leave_if_cut


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the sound and the picture.")] = Path("out"),
    preset: Annotated[str, typer.Option(help="Which preset plays.")] = "crunch",
    seconds: Annotated[float, typer.Option(min=1.0, max=604800.0, help="How long.")] = 20.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Play the built-in guitar through a rack on the virtual device, in real time.

    Writes OUT/demo.wav (what the rack made), OUT/demo-dry.wav (what the guitar played) and
    OUT/demo.png (the rack, both spectra over time, and how long each block took).
    """
    began = _process_began()
    from engine import playing
    from engine.commands.options import compiling

    rack, warnings = playing.open_rack(preset, [])
    plan = playing.plan(rack, warnings, device="virtual", seconds=seconds, record=True)
    out.mkdir(parents=True, exist_ok=True)
    files = {"wet": out / "demo.wav", "dry": out / "demo-dry.wav"}
    with tempfile.TemporaryDirectory(dir=out) as folder:
        with playing.session(plan, Path(folder), progress=compiling(as_json)) as session:
            first = _first_block(session, began)
            if not as_json:
                typer.echo(f"{plan.rack.name}: first block {first:.2f} s after the start")
            follow(session, quiet=as_json)
            histogram = session.host.shared.control["histogram"][0].copy()
        for kind, path in files.items():
            shutil.move(session.result["recorded"].pop(kind), path)
    result = {**session.result, "first_block_seconds": round(first, 3)}
    if not faults(result):
        from engine.picture import draw

        files["picture"] = out / "demo.png"
        draw(plan.rack, files["dry"], files["wet"], histogram, files["picture"])
    result["files"] = {kind: str(path) for kind, path in files.items()}
    _tell(result, as_json)
    leave_if_cut(result)


def _process_began() -> float:
    import psutil

    return float(psutil.Process().create_time())


def _first_block(session: Any, began: float) -> float:
    while not int(session.host.shared.control["blocks"][0]):
        time.sleep(0.001)
    return time.time() - began


def _tell(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result))
        return
    typer.echo(f"blocks     {result['blocks']} run of {result['blocks_due']} due")
    typer.echo(f"late       {result['late']}")
    typer.echo(
        f"callback   p50 {result['p50_percent']:.1f} %, p99 {result['p99_percent']:.1f} %, "
        f"max {result['max_percent']:.1f} % of its deadline"
    )
    typer.echo(
        f"latency    {result['latency_ms']:.2f} ms in the rack "
        f"({result['rack_latency_frames']} frames), block {result['block']}"
    )
    for fault in faults(result):
        typer.echo(f"not all was recorded: {fault}", err=True)
    for name, path in result["files"].items():
        typer.echo(f"{name:10} {path}")
