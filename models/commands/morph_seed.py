"""taraf morph seed: the thesis, offline; whole notes to codes, between them, and back to sound."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.morph.notes import Note
    from models.morph.seed.material import NoteArrays
    from models.morph.seed.settings import Settings, Told

PHASES = ("kept", "griffin-lim", "fast-griffin-lim")
QUICK_NOTES = {"train": 240, "valid": 60, "test": 60}
QUICK: dict[str, Any] = {"code": 64, "epochs": 1, "width": 0.25}
QUICK_TRANSFORM = {"n_fft": 256, "hop": 128}
QUICK_ROWS, QUICK_PAIRS = ("pca", "thesis", "ours"), 2

seed = typer.Typer(
    help="The thesis (Langer 2023): whole notes as codes, offline.", no_args_is_help=True
)

Data = Annotated[Path, typer.Argument(help="Notes in NSynth's layout: taraf notes render.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quick = Annotated[bool, typer.Option(help="Few notes, small networks: to try it.")]
Threads = Annotated[int, typer.Option(min=1, max=256, help="Processor cores to use.")]


@seed.callback()
def _seed() -> None:
    """The thesis (Langer 2023): whole notes as codes, offline."""


@seed.command()
def train(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the training.")] = Path("runs/seed"),
    model: Annotated[
        str, typer.Option(help="ours, pca, thesis, leaky, deep, lstm, vae, banded, networks.")
    ] = "ours",
    code: Annotated[int | None, typer.Option(min=1, max=8192, help="Numbers a note.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Times through the notes.")] = None,
    minutes: Annotated[
        float, typer.Option(min=0.0, max=10_000.0, help="End of training; 0: epochs tell.")
    ] = 0.0,
    n_fft: Annotated[
        int | None, typer.Option(help="Samples of a window, a power of two; 1024 unless given.")
    ] = None,
    hop: Annotated[
        int | None, typer.Option(help="Samples from a window to the next; 512 unless given.")
    ] = None,
    window: Annotated[str, typer.Option(help="hann, hamming, blackman, ...")] = "hann",
    mels: Annotated[int, typer.Option(help="Mel bands instead of bins; 0 for bins.")] = 0,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = False,
    random: Annotated[int, typer.Option("--seed", min=0, help="Of weights and order.")] = 1,
    threads: Threads = 1,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Learn notes; every epoch is kept, and the best by instruments that are not learnt.

    Ctrl-C keeps the best that was found so far.

    Example: taraf morph seed train notes --out runs/seed
    """
    from models.judging.errors import needed

    with needed("train"):
        from models.effects.training.loop import interruptible
        from models.morph.seed.training import train_seed
    given: dict[str, Any] = {"seed": random, "threads": threads, "code": code}
    given["transform"] = {"n_fft": n_fft, "hop": hop, "window": window, "mels": mels}
    given |= {"epochs": epochs, "minutes": minutes}
    settings = _settings(model, quick, given)
    with shown(as_json) as told:
        heard, valid = (_arrays(data, split, quick, told) for split in ("train", "valid"))
        with interruptible() as asked:
            trained = train_seed(
                heard, settings, out, told.epoch, lambda: bool(asked), valid=valid, resume=resume
            )
    if as_json:
        typer.echo(json.dumps(trained.as_json()))
        return
    if trained.stopped == "interrupted":
        print("stopped; what was learnt is kept, --resume goes on", file=sys.stderr)
    typer.echo(
        f"{out}: {trained.settings.code} numbers a note, {trained.rmse_db:.2f} dB on instruments "
        f"that were not learnt, in {trained.seconds:.0f} s"
    )


@seed.command()
def sound(
    folder: Annotated[Path, typer.Argument(help="A training's folder.")],
    data: Data,
    one: Annotated[str, typer.Argument(metavar="A", help="A note: keyboard_acoustic_000-060-127.")],
    out: Annotated[Path, typer.Option(help="Where the sound goes: wav, flac, ogg or mp3.")],
    other: Annotated[str | None, typer.Option("--to", metavar="B", help="Another note.")] = None,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the way to B.")] = 0.5,
    phase: Annotated[str, typer.Option(help=f"{', '.join(PHASES)}.")] = "",
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Of Griffin and Lim's.")] = 32,
    as_json: AsJson = False,
) -> None:
    """Encode a note and decode it again, or what lies between it and another.

    A note has its own phase and keeps it unless --phase says other; what lies between has none.

    Example: taraf morph seed sound runs/seed notes organ_acoustic_019-060-075 --out organ.wav
    """
    from engine.morph.errors import MorphError
    from engine.soundfiles import SoundWriter
    from models.judging.errors import needed

    chosen = phase or ("kept" if other is None else "fast-griffin-lim")
    if chosen not in PHASES:
        raise MorphError(f"--phase {chosen}: allowed are {', '.join(PHASES)}")
    if chosen == "kept" and other is not None:
        raise MorphError("--phase kept: between two notes there is none to keep")
    with needed("train"):
        from models.morph.seed.griffin import MOMENTUM
        from models.morph.seed.reconstruction import Reconstructor
    made = Reconstructor.opened(folder)
    names = [one] if other is None else [one, other]
    codes = [made.encoded(note.sound(), note.pitch)[0] for note in _named(data, names)]
    coded = codes[0] if other is None else made.interpolated(codes[0], codes[1], share)
    momentum = MOMENTUM if chosen == "fast-griffin-lim" else 0.0
    samples = made.sound(coded, rounds=rounds, momentum=momentum, kept=chosen == "kept")
    with SoundWriter(out, made.transform.rate, 1) as writer:
        writer.write(samples[:, None])
    figures = {"out": str(out), "notes": names, "phase": chosen, "code": len(coded.code)}
    if other is not None:
        figures["share"] = share
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        typer.echo(f"{out}: {' to '.join(names)}, {len(coded.code)} numbers, phase {chosen}")


@seed.command()
def report(
    data: Data,
    out: Annotated[Path, typer.Option(help="New folder for it.")] = Path("runs/seed-report"),
    models: Annotated[
        str, typer.Option(help="Rows of the comparison, with commas; all of them unless given.")
    ] = "",
    minutes: Annotated[
        float, typer.Option(min=0.01, max=10_000.0, help="For each row that learns.")
    ] = 2.0,
    other: Annotated[
        Path | None, typer.Option(help="Notes of another origin, to be tried on too.")
    ] = None,
    random: Annotated[int, typer.Option("--seed", min=0, help="Of weights and order.")] = 1,
    threads: Threads = 1,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Ask the thesis's five questions of these notes: one page with figures, pictures and sounds.

    The wording of the questions is ours: the thesis's chapters on them have headings only.

    Example: taraf morph seed report notes --out runs/seed-report
    """
    from models.judging.errors import needed

    with needed("train"):
        from models.effects.training.loop import interruptible
        from models.morph.seed import comparison
        from models.morph.seed.answers import PAIRS
        from models.morph.seed.report import report as write_report
        from models.morph.seed.study import study
    rows = comparison.named(models) if models else QUICK_ROWS if quick else comparison.USUAL
    settings = _settings("", quick, {"minutes": minutes, "seed": random, "threads": threads})
    with shown(as_json) as told:
        splits = ("train", "valid", "test")
        heard, valid, test = (_arrays(data, split, quick, told) for split in splits)
        beside = _arrays(other, "", quick, told) if other is not None else None
        with interruptible() as asked:
            found = study(
                heard, settings, out, valid=valid, test=test, other=beside, names=rows,
                told=told.row, stop=lambda: bool(asked), most=QUICK_PAIRS if quick else PAIRS,
            )  # fmt: skip
        page = write_report(out)
    if as_json:
        typer.echo(json.dumps({"page": str(page), **found.as_json()}))
        return
    for row in found.rows:
        typer.echo(f"{row.name:10} {row.unseen['rmse_db']:6.2f} dB on unheard instruments")
    typer.echo(f"report: {page}")


def _settings(model: str, quick: bool, given: dict[str, Any]) -> Settings:
    """The settings of a row of the comparison, with what was asked for."""
    from models.morph.seed import comparison
    from models.morph.seed.settings import Settings
    from models.morph.seed.spectra import Transform

    asked = {k: v for k, v in given.pop("transform", {}).items() if v is not None}
    transform = Transform(**((QUICK_TRANSFORM if quick else {}) | asked))
    changes = (QUICK if quick else {}) | {k: v for k, v in given.items() if v is not None}
    plain = Settings(**changes, transform=transform)
    return comparison.plain(plain, comparison.named(model)[0]) if model else plain


def _arrays(data: Path, split: str, quick: bool, told: Shown) -> NoteArrays:
    """The notes of a split, or all for none; of many only some where it is to be quick."""
    from models.morph.notes import read_notes
    from models.morph.seed.material import arrays_of

    notes = read_notes(data)
    for warning in notes.warnings if split == "train" else ():
        print(warning, file=sys.stderr)
    chosen: list[Note] = list(notes.of(split) if split else notes)  # type: ignore[arg-type]
    most = QUICK_NOTES.get(split, 60)
    if quick and len(chosen) > most:
        chosen = [chosen[k * len(chosen) // most] for k in range(most)]
    return arrays_of(told.reading(f"reading {split or data}", chosen))


def _named(data: Path, names: list[str]) -> list[Note]:
    from engine.morph.errors import MorphError
    from models.morph.notes import read_notes

    known = {note.name: note for note in read_notes(data)}
    for name in names:
        if name not in known:
            raise MorphError(f"{data}: has no note {name}; one is {next(iter(known))}")
    return [known[name] for name in names]


class Shown:
    """What is being done, on a bar."""

    def __init__(self, bar: Any) -> None:
        self.bar, self.task = bar, bar.add_task("", total=1.0)

    def reading(self, what: str, notes: list[Note]) -> Iterator[Note]:
        """The notes one by one, counted."""
        for k, note in enumerate(notes):
            self.bar.update(self.task, description=what, completed=k / len(notes))
            yield note
        self.bar.update(self.task, description="spectrograms, components", completed=0.0)

    @property
    def epoch(self) -> Told:
        """Told of a training's progress."""
        return lambda at: self.row("", at)

    def row(self, name: str, at: Any) -> None:
        """Told of the progress of one of several trainings."""
        said = f"{name} epoch {at.epoch}  {at.rmse_db:.2f} dB".strip()
        if at.validation is not None:
            said += f", {at.validation:.2f} dB not learnt"
        self.bar.update(self.task, description=said, completed=at.done)


@contextmanager
def shown(hidden: bool) -> Iterator[Shown]:
    """A bar on the terminal; nothing where it is none, or where JSON is asked for."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    quiet = hidden or not console.is_terminal
    with Progress(*columns, console=console, disable=quiet) as bar:
        yield Shown(bar)


__all__ = ["seed"]
