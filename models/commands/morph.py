"""taraf train morph: a network whose few latents are the sounds of instruments, from notes."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.jobs import progress, stretch

if TYPE_CHECKING:
    from models.morph.live.scoring import Score
    from models.morph.live.settings import Job, Progress
    from models.morph.live.training import Trained
    from models.morph.notes import Notes

STEPS = 30_000
"""Of the network `morph` in the zoo."""
LINEAR = 0.3
STEPS_MINUTES = 13.0
HELD_FRAMES = 48
"""Of each note that is held out."""
EACH = 2
FRAMES_SHARE = 0.05
"""What reading them is of the whole, as a job tells it."""


def morph(
    data: Annotated[
        Path, typer.Option(help="Notes in NSynth's layout: taraf notes render makes some.")
    ],
    name: Annotated[str, typer.Option(help="What the model's file is called.")] = "morph",
    steps: Annotated[
        int, typer.Option(min=1, max=1_000_000_000, help="Updates; the same model on any machine.")
    ] = STEPS,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, max=10_000.0, help="Of training, instead of --steps.")
    ] = None,
    grid: Annotated[
        str, typer.Option(help="quality (32 ms, every 4 ms) or live (16 ms, every 2 ms).")
    ] = "quality",
    latents: Annotated[int, typer.Option(min=1, max=64, help="Numbers a frame becomes.")] = 16,
    conditions: Annotated[
        str, typer.Option(help="How a pitch is told to the network: notes or chroma.")
    ] = "notes",
    width: Annotated[
        int, typer.Option(min=8, max=4096, help="Units of a layer of the decoder, which is played.")
    ] = 448,
    encoder_width: Annotated[
        int, typer.Option(min=8, max=4096, help="Units of a layer of the encoder.")
    ] = 640,
    linear: Annotated[
        float, typer.Option(min=0.0, max=100.0, help="How much loud partials count beside dB.")
    ] = LINEAR,
    notes_each: Annotated[
        int, typer.Option(min=1, max=1000, help="Notes of each instrument in the file.")
    ] = EACH,
    storage: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "bfloat16",
    out: Annotated[
        Path | None, typer.Option(help="Where the file goes; here unless given.")
    ] = None,
    runs: Annotated[
        Path, typer.Option(help="Folder for checkpoints and previews (a sound, a picture).")
    ] = Path("runs"),
    resume: Annotated[
        bool, typer.Option(help="Go on from the last checkpoint; a budget is for the whole.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Of frames and weights.")] = 1,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor cores to use.")] = 2,
    accelerator: Annotated[str, typer.Option(help="cpu or gpu.")] = "cpu",
    half: Annotated[
        bool, typer.Option(help="Multiply in bfloat16: twice as fast where the chip can.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn a space of sounds from notes, in which one becomes another as it is played.

    Ctrl-C keeps the best that was found so far. Instruments that are held out tell how good it is.

    Example: taraf train morph --data notes
    """
    from models.judging.errors import needed

    with needed("train"):
        import torch

        from models.morph.live.settings import Job
        from models.morph.live.training import began

    from engine.morph.errors import MorphError

    if accelerator not in ("cpu", "gpu"):
        raise MorphError(f"accelerator = {accelerator} is none of cpu, gpu")
    if accelerator == "gpu" and not torch.cuda.is_available():
        raise MorphError("accelerator = gpu: torch finds no GPU here")
    if storage not in ("float32", "bfloat16"):
        raise MorphError(f"storage = {storage} is none of float32, bfloat16")
    from models.morph.notes import read_notes

    target = _target(out or Path(), name)
    job = Job(
        grid=grid, latents=latents, conditions=conditions, width=width, seed=seed,
        encoder_width=encoder_width, linear=linear, minutes=minutes or STEPS_MINUTES,
        steps=0 if minutes else steps,
    ).check()  # fmt: skip
    torch.set_num_threads(threads)
    notes = read_notes(data)
    for line in notes.warnings:
        print(line, file=sys.stderr)
    device = "cuda" if accelerator == "gpu" else "cpu"
    began(runs / name, resume)
    trained, scores = _train(job, notes, runs / name, resume, device, half)
    told: dict[str, Any] = {
        "command": shlex.join(["taraf", *sys.argv[1:]]),
        "interrupted": trained.interrupted,
        "pitches": _span(notes),
        "steps": trained.stands.step,
        "seconds": round(trained.stands.seconds),
        "core_seconds": round(trained.stands.core_seconds),
        "scores": [score.as_json() for score in scores],
    }
    size = _write(target, job, trained, notes, notes_each, storage, told)
    if as_json:
        typer.echo(json.dumps({"model": str(target), "notes": size, **told}))
    else:
        _show(target, scores, size)


def _train(
    job: Job, notes: Notes, folder: Path, resume: bool, device: str, half: bool
) -> tuple[Trained, list[Score]]:
    """Read frames, train, and score on the test set's instruments."""
    from models.effects.training.loop import interruptible
    from models.morph.live.material import frames_of
    from models.morph.live.previews import ends_of
    from models.morph.live.scoring import table
    from models.morph.live.training import train

    with _bar() as bar:
        task = bar.add_task("frames", total=float(len(notes)))
        parts = []
        for split in ("train", "valid", "test"):
            own = notes.of(split)  # type: ignore[arg-type]
            each = job.frames if split == "train" else HELD_FRAMES

            def read(done: int, all_: int) -> None:
                bar.advance(task)
                progress(FRAMES_SHARE * bar.tasks[0].percentage / 100.0, "reading frames")

            parts.append(frames_of(own, job.frame_grid, each, job.seed, read))
        task = bar.add_task("training", total=1.0)

        def tell(at: Progress) -> None:
            text = f"step {at.step}  {at.rmse_db:.2f} dB  {at.convergence:.3f}"
            bar.update(task, completed=at.done, description=text)
            progress(at.done, text)

        with interruptible() as asked, stretch(FRAMES_SHARE, 1.0):
            trained = train(
                job, parts[0], parts[1], folder, resume=resume, device=device, half=half,
                ends=ends_of(notes.of("valid")), told=tell, stop=lambda: bool(asked),
            )  # fmt: skip
    given = (trained.network, job.conditions, job.latents, parts[0], parts[2])
    return trained, table(*given, more={"valid": parts[1]})


def _write(
    target: Path, job: Job, trained: Trained, notes: Notes, each: int, storage: str,
    told: dict[str, Any],
) -> int:  # fmt: skip
    """Write the model; how many notes it has."""
    from engine.morph.file import write_morph
    from models.morph.live.export import chosen, exported

    with _bar() as bar:
        task = bar.add_task("notes", total=None)
        model = exported(
            trained.network, job, chosen(list(notes), each), told,
            lambda done, all_: bar.update(task, completed=done, total=all_),
        )  # fmt: skip
    write_morph(target, model, storage)
    return len(model.notes)


def _span(notes: Notes) -> list[int]:
    """The lowest and the highest pitch that were learnt: beyond them nothing is known."""
    pitches = [note.pitch for note in notes.of("train")]
    return [min(pitches), max(pitches)]


def _target(out: Path, name: str) -> Path:
    """The file, whose folder is made before minutes are spent; raises MorphError."""
    from engine.morph.errors import MorphError

    if Path(name).name != name:
        raise MorphError(f"--name {name!r}: it is a file's name, with no / in it; use --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MorphError(f"--out {out}: cannot be made: {error.strerror}") from None
    return out / f"{name}.npz"


def _show(target: Path, scores: list[Score], notes: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("instruments", "coder", "numbers", "RMSE dB", "LSD dB", "convergence dB"):
        shown.add_column(column, justify="right" if len(shown.columns) > 1 else "left")
    for one in scores:
        row = (f"{one.rmse_db:.2f}", f"{one.lsd_db:.2f}", f"{one.convergence_db:.1f}")
        shown.add_row(f"held out, {one.split}", one.name, str(one.dims), *row)
    console = Console()
    console.print(shown)
    console.print(Text(f"{target}: {notes} notes"), soft_wrap=True)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


__all__ = ["morph"]
