"""taraf pairs: dry and wet sound to learn effects from: make, render, record, check, list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from models.cluster.where import HELP, LOCAL, STORE_HELP
from models.commands.counting import counted

FAULTY = 1

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Out = Annotated[Path, typer.Argument(help="Folder for the pairs.", show_default=False)]

pairs = typer.Typer(
    help="Make pairs of dry and wet sound, which effects are learnt from.", no_args_is_help=True
)


@pairs.command()
def make(
    out: Annotated[Path, typer.Argument(help="New folder for the dry sounds.")],
    minutes: Annotated[float, typer.Option(help="How long they are together.")] = 5.0,
    rate: Annotated[int, typer.Option(help="Sample rate in Hz.")] = 48000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same sounds.")] = 1,
    music: Annotated[Path | None, typer.Option(help="Folder of music to take pieces of.")] = None,
    kinds: Annotated[
        str, typer.Option(help="Which of notes,guitar,sweeps,steps,noise,music; all by default.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make dry sounds: tones, a guitar, sweeps, steps, noise and pieces of your music.

    Example: taraf pairs make dry --minutes 10 --music ~/Music
    """
    from dataclasses import replace

    from models.pairs.make import Order
    from models.pairs.make import make as make_sounds

    order = Order(minutes, rate, seed, music=music)
    wanted = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    wanted = wanted or (*order.kinds, *(("music",) if music else ()))
    with counted("making", as_json) as told:
        made = make_sounds(out, replace(order, kinds=wanted), told)
    if as_json:
        typer.echo(json.dumps({"folder": str(out), "rate": rate, "files": [vars(m) for m in made]}))
        return
    for each in made:
        typer.echo(f"{each.file:28} {each.split:10} {each.frames / rate:7.1f} s")
    typer.echo(f"{sum(m.frames for m in made) / rate / 60:.1f} minutes in {out / 'dry'}")


@pairs.command()
def render(
    dry: Annotated[Path, typer.Argument(help="A sound file or a folder of them.")],
    out: Out,
    plugin: Annotated[
        str,
        typer.Option(
            metavar="CHAIN",
            help="FILE.vst3, FILE.component (or only its name, where it is installed) or "
            "pedalboard:NAME, each with (knob=value, ...) behind it or not, several with | "
            "between them; or a command with {in} and {out}.",
        ),
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KNOB=VALUE", help="For every pair. Repeatable."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KNOB=FROM:TO:COUNT",
            help="Turn a knob; :log behind it for equal ratios; or KNOB=A,B,C. Repeatable: every "
            "combination is rendered.",
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; one a core.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds a pair may take.")] = 60.0,
    latency: Annotated[
        str,
        typer.Option(
            metavar="auto|reported|FRAMES",
            help="What to cut off: what is measured, only what plugins report, or that and this "
            "many frames. A delay without a dry path wants reported.",
        ),
    ] = "auto",
    resume: Annotated[bool, typer.Option(help="Keep the pairs that are there.")] = True,
    on: Annotated[str, typer.Option(metavar="WHERE", help=HELP)] = LOCAL,
    store: Annotated[str | None, typer.Option(metavar="URL", help=STORE_HELP)] = None,
    log: Annotated[Path | None, typer.Option(help="Where what plugins print goes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Render dry sounds through plugins or a command, at every setting of the grid.

    Stopped, it goes on where it was. Exit code 1 if a pair failed; failed.jsonl says which.

    Example: taraf pairs render dry drive --plugin pedalboard:Distortion --grid drive_db=0:40:5
    """
    import os

    from models.cluster.recording import recorded
    from models.cluster.where import executor
    from models.pairs import render as rendering
    from models.pairs import spec

    effect = rendering.Effect(
        spec.parse_chain(plugin),
        spec.parse_set(set_ or []),
        spec.parse_grid(grid or []),
        spec.parse_latency(latency),
    )
    place = str(log.absolute()) if log else os.devnull
    Path(place).open("ab").close()  # a worker could only die of it
    with (
        recorded("pairs", f"pairs {out.name}", always=on != LOCAL) as record,
        executor(on, jobs, store) as there,
        counted("rendering", as_json) as shown,
    ):
        work = rendering.Work(there.slots, timeout, place, resume, there)

        def told(count: int, of: int) -> None:
            shown(count, of)
            if record:
                record.progress(count / max(of, 1), f"{count} of {of} pairs")

        done = rendering.render(dry, out, effect, work, told)
    _tell(done, out, as_json)
    if done.failed:
        raise typer.Exit(FAULTY)


def _tell(done: Any, out: Path, as_json: bool) -> None:
    if as_json:
        figures = {**vars(done), "times_real_time": round(done.times_real_time, 1)}
        figures["failed"] = [{"id": name, "reason": why} for name, why in done.failed]
        typer.echo(json.dumps({"folder": str(out), **figures}))
        return
    for warning in done.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for name, why in done.failed[:10]:
        typer.echo(f"failed: {name}: {why}", err=True)
    kept = f", {done.kept} were there" if done.kept else ""
    lost = f", {len(done.failed)} failed ({out / 'failed.jsonl'})" if done.failed else ""
    cut = f", {done.latency_frames} frames of latency removed" if done.latency_frames else ""
    typer.echo(
        f"{done.rendered} pairs rendered{kept}{lost}: {done.audio_seconds:.0f} s of sound in "
        f"{done.seconds:.1f} s, {done.times_real_time:.0f} times real time{cut}"
    )


@pairs.command()
def record(
    out: Out,
    dry: Annotated[Path, typer.Argument(help="What to play: a file, or a folder of them.")],
    device: Annotated[str, typer.Option(help="Audio interface, see taraf devices.")] = "default",
    level: Annotated[float, typer.Option(help="Gain of what is played, in dB.")] = 0.0,
    channel: Annotated[int, typer.Option(min=1, help="Input the return comes in at.")] = 1,
    send: Annotated[int, typer.Option(min=1, help="Output to play at.")] = 1,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KNOB=NUMBER", help="How a knob stands. Repeatable."),
    ] = None,
    latency: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Frames of the round trip, as measured with a cable. Without it the first sound "
            "of the return is taken as on time: wrong for a delay without a dry path.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play dry sounds out of an audio interface and record what a pedal returns.

    Recording again into the same folder with other knobs adds pairs.

    Example: taraf pairs record pedal dry --device Scarlett --set drive=0.5
    """
    from models.pairs.record import record as record_pairs
    from models.pairs.spec import parse_numbers
    from models.pairs.take import Session

    session = Session(device, send, channel, level, parse_numbers(set_ or []), latency)
    with counted("recording", as_json) as told:
        done = record_pairs(dry, out, session, told)
    if as_json:
        typer.echo(json.dumps({"folder": str(out), **done}))
        return
    for warning in done["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(
        f"{done['pairs']} pairs recorded: round trip {done['round_trip_frames']} frames, "
        f"peak {done['peak_db']:.1f} dB, noise {done['noise_db']:.1f} dB"
    )


@pairs.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Folder of pairs, with a manifest or without.")],
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="late|clipped", help="What is no fault here. Repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for what would spoil a training: one line for each fault, exit code 1 if any.

    Example: taraf pairs check drive
    """
    from models.pairs import open_pairs
    from models.pairs.checks import check as find_faults

    with counted("checking", as_json) as told:
        faults = find_faults(folder, tuple(allow or ()), told)
    opened = None if faults else open_pairs(folder)
    if as_json:
        result: dict[str, Any] = {"folder": str(folder), "faults": [vars(f) for f in faults]}
        if opened:
            result |= {"pairs": len(opened.pairs), "seconds": opened.seconds}
            result |= {"sample_rate": opened.sample_rate, "knobs": [vars(k) for k in opened.knobs]}
        typer.echo(json.dumps(result))
    else:
        for fault in faults:
            typer.echo(fault.line)
        if opened:
            turned = "; ".join(f"{k.name} {k.minimum:g} to {k.maximum:g}" for k in opened.knobs)
            typer.echo(
                f"{len(opened.pairs)} pairs, {opened.seconds:.0f} s at {opened.sample_rate} Hz, "
                f"knobs: {turned or 'none'}; no faults"
            )
    if faults:
        raise typer.Exit(FAULTY)


@pairs.command("list")
def list_(
    plugin: Annotated[
        str | None, typer.Argument(help="A plugin or a chain: what its knobs are.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what can be rendered through, or the knobs of one plugin.

    Example: taraf pairs list /usr/lib/vst3/ZamTube.vst3
    """
    from models.pairs import discover

    if plugin is not None:
        knobs = discover.knobs(plugin)
        if as_json:
            typer.echo(json.dumps({"plugin": plugin, "knobs": knobs}))
            return
        for knob in knobs:
            typer.echo(f"{knob['stage']:20} {knob['knob']:28} {knob['values']}".rstrip())
        return
    there = discover.found()
    if as_json:
        typer.echo(json.dumps(there))
        return
    for name, names in there["pedalboard"].items():
        typer.echo(f"pedalboard:{name}({', '.join(names)})")
    for path in there["plugins"]:
        typer.echo(path)


__all__ = ["pairs"]
