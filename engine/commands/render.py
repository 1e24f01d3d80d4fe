"""taraf render: files in, files out, through a preset."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.commands import options
from engine.commands.guessing import preset_meant
from engine.commands.render_bar import Bar, Progress

if TYPE_CHECKING:
    from engine.rack import Rack
    from engine.render import Renderer
    from engine.soundfiles import SoundReader, SoundWriter

LONGEST_S = 24 * 3600.0
"""Of a tune; what lasts longer is a broken MIDI file rather than music."""


def render(
    files: Annotated[
        list[Path], typer.Argument(metavar="IN... OUT", help="Sound files, then a file or folder.")
    ],
    preset: Annotated[
        str | None, typer.Option("--preset", "-p", help="A preset's name or file.")
    ] = None,
    model: options.Model = None,
    channel: options.Channel = None,
    levels: options.Levels = None,
    tanh: options.Tanh = None,
    core_compatible: options.CoreCompatible = False,
    automation: Annotated[
        list[Path] | None,
        typer.Option(help="A .csv of time,parameter,value, or a .mid; may be repeated."),
    ] = None,
    cc: Annotated[
        list[str] | None,
        typer.Option(help="What a controller of the .mid turns: 20=lane.plugin.param."),
    ] = None,
    notes: Annotated[
        list[Path] | None,
        typer.Option(help="A .mid that the preset's instruments play; may be repeated."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="lane.plugin.param=value; may be repeated.")
    ] = None,
    block: Annotated[int, typer.Option(min=1, max=8192, help="Frames a block.")] = 64,
    tail: Annotated[
        float, typer.Option(min=0.0, max=3600.0, help="Seconds to ring out after the end.")
    ] = 0.0,
    format: Annotated[
        str | None, typer.Option(help="wav, flac, ogg or mp3, where OUT is a folder.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object at the end.")
    ] = False,
) -> None:
    """Play files through a preset or one model into files: stereo, in time with what went in.

    Where the notes last longer than a file, silence goes in after its end.

    Example: taraf render take.wav out.flac --preset crunch --set guitar.delay.mix=0.3 --tail 2

    Example: taraf render silence.wav tune.flac --preset morph --notes tune.mid

    Example: taraf render di.wav amp.wav --model "My Amp.nam" --levels normalized
    """
    from engine.automation import AutomationError, load, messages_in, parse_controller

    jobs = plan(files, format)
    rack, warnings = options.rack_for(
        preset, model, channel, levels, tanh, core_compatible, set_ or [], "raw"
    )
    controllers = [parse_controller(text, rack) for text in cc or []]
    if controllers and not automation:
        raise AutomationError("--cc says what a MIDI file turns: give one with --automation")
    for path in automation or []:
        load(path, rack, 48000, controllers)  # a mistake is found before a file is rendered
    tune = 0.0
    for path in notes or []:
        lasts = messages_in(path, 48000)[-1].frame / 48000
        tune = max(tune, lasts)
        if lasts > LONGEST_S:
            raise AutomationError(f"{path}: lasts {lasts:.0f} s; allowed are {LONGEST_S:.0f} s")
        if not any(link is not None and link.plugin.plays_notes for _, link in rack.links()):
            raise AutomationError(f"{path}: nothing in {rack.name} plays notes")
    if jobs[0].target != files[-1]:
        files[-1].mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"preset": rack.name, "warnings": list(warnings), "files": []}
    frames = (max(job.frames, round(tune * job.rate)) + round(tail * job.rate) for job in jobs)
    with Bar(sum(frames), hidden=as_json) as bar:
        for warning in warnings:
            bar.warn(warning)
        for job in jobs:
            moves: list[Any] = [
                move
                for path in automation or []
                for move in load(path, rack, job.rate, controllers)
            ]
            moves += [one for path in notes or [] for one in messages_in(path, job.rate)]
            with options.telling(as_json):
                done = run(job, rack, moves, block, tail, bar.start(job.source.name))
            report["files"].append(done)
            bar.tell(done)
    if as_json:
        typer.echo(json.dumps(report))


@dataclass(frozen=True)
class Job:
    """One file to be rendered, and what its header says."""

    source: Path
    target: Path
    rate: int
    frames: int


def plan(files: list[Path], kind: str | None) -> list[Job]:
    """Pair inputs with outputs and open every input once; raises SoundError."""
    from engine.soundfiles import FORMATS, SoundError, SoundReader, format_of

    *sources, out = files
    if not sources:
        raise SoundError(f"{out}: one file is given; wanted are IN... OUT")
    if kind is not None and kind not in FORMATS:
        raise SoundError(f"--format {kind!r} is not one of {', '.join(FORMATS)}")
    if name := preset_meant(files if len(files) > 2 else sources):
        raise SoundError(f"{name}: there is no such file; did you mean --preset {name}?")
    folder = out.is_dir() or len(sources) > 1 or (not out.suffix and not out.exists())
    if folder and out.exists() and not out.is_dir():
        raise SoundError(f"{out}: is not a folder; several files are rendered into one")
    if folder and not out.exists() and out.suffix.lower().removeprefix(".") in FORMATS:
        raise SoundError(f"{out}: is the name of a file; several are rendered into a folder")
    jobs: list[Job] = []
    for source in sources:
        target = out / f"{source.stem}.{kind or _same(source)}" if folder else out
        if not folder and kind is not None and target.suffix.lower() != f".{kind}":
            raise SoundError(f"{target}: its name says otherwise than --format {kind}")
        with SoundReader(source) as reader:
            format_of(target, reader.rate)
            jobs.append(Job(source, target, reader.rate, reader.frames))
    _refuse_collisions(jobs)
    return jobs


def _same(source: Path) -> str:
    from engine.soundfiles import FORMATS

    kind = source.suffix.lower().removeprefix(".")
    return kind if kind in FORMATS else "wav"


def _refuse_collisions(jobs: list[Job]) -> None:
    from engine.soundfiles import SoundError

    taken: dict[Path, Path] = {}
    for job in jobs:
        if job.target in taken:
            both = f"{taken[job.target]} and {job.source}"
            raise SoundError(f"{job.target}: would be written for both {both}")
        taken[job.target] = job.source
        for other in jobs:
            if job.target.exists() and job.target.samefile(other.source):
                raise SoundError(f"{job.target}: is an input; it is not overwritten")


def run(
    job: Job, rack: Rack, moves: list[Any], block: int, tail: float, progress: Progress
) -> dict[str, Any]:
    """Render one file piece by piece and report on it; nothing is left of it if that fails."""
    from engine.render import Renderer
    from engine.soundfiles import SoundReader, SoundWriter

    tail_frames = _beyond(job, moves) + round(tail * job.rate)
    began = time.perf_counter()
    with SoundReader(job.source) as reader:
        renderer = Renderer(rack, job.rate, min(reader.channels, 2), block, moves)
        try:
            ready = time.perf_counter()
            with SoundWriter(job.target, job.rate, 2, job.frames + tail_frames) as writer:
                peak = _pump(reader, renderer, writer, tail_frames, progress)
                measured = _measured(renderer)
            took = time.perf_counter() - ready
        finally:
            renderer.stage.close()
        warnings = [*_about_input(reader, rack), *renderer.table.warnings]
    peak_db = 20.0 * math.log10(peak) if peak > 0.0 else None
    if job.target.suffix.lower() != ".wav" and peak > 1.0:
        warnings.append(f"{job.target}: clips: its peak is {peak_db:+.1f} dB; lower it, or use wav")
    warnings += [f"{name} was muted {n} times: not finite" for name, n in measured["mutes"].items()]
    if measured["misses"]:
        warnings.append(f"{measured['misses']} hops of worker plugins came too late and are dry")
    seconds = writer.frames / job.rate
    return {
        "input": str(job.source),
        "output": str(job.target),
        "rate": job.rate,
        "frames": writer.frames,
        "seconds": round(seconds, 6),
        "start_seconds": round(ready - began, 3),
        "render_seconds": round(took, 3),
        "times_real_time": round(seconds / max(took, 1e-9), 2),
        "peak_db": None if peak_db is None else round(peak_db, 2),
        **measured,
        "warnings": warnings,
    }


def _beyond(job: Job, moves: list[Any]) -> int:
    """Frames from the end of the input to the end of the tune."""
    from engine.render import Message

    ends = [one.frame + 1 for one in moves if isinstance(one, Message)]
    return max(0, max(ends, default=0) - job.frames)


def _pump(
    reader: SoundReader, renderer: Renderer, writer: SoundWriter, tail: int, progress: Progress
) -> float:
    """Everything from the reader through the renderer to the writer; returns the peak."""
    import numpy as np

    from engine.soundfiles import PIECE, Sound

    inputs = min(reader.channels, 2)
    peak = 0.0

    def put(sound: Sound) -> None:
        nonlocal peak
        if len(sound):
            peak = max(peak, float(np.abs(sound).max()))
            writer.write(sound)
            progress(len(sound))

    for piece in reader.pieces():
        put(renderer.push(piece[:, :inputs]))
    for first in range(0, tail, PIECE):
        put(renderer.push(np.zeros((min(PIECE, tail - first), inputs), np.float32)))
    put(renderer.finish())
    return peak


def _measured(renderer: Renderer) -> dict[str, Any]:
    return {
        "latency_frames": renderer.table.latency,
        "mutes": renderer.table.mutes,
        "misses": int(renderer.shared.control["misses"][0]),
    }


def _about_input(reader: SoundReader, rack: Rack) -> list[str]:
    heard = {lane.source for lane in rack.lanes} - {"none"}
    if reader.channels == 2 and len(heard) == 1 and heard <= {"left", "right"}:
        only = f"{reader.path}: is stereo; only its {heard.pop()} channel is heard"
        return [*reader.warnings, only]
    if reader.channels <= 2:
        return reader.warnings
    return [
        *reader.warnings,
        f"{reader.path}: has {reader.channels} channels; a rack hears the first two",
    ]


__all__ = ["render"]
