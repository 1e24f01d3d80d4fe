"""taraf pulse follow: the live follower over recordings."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from models.pulse.following import Heard


def follow(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Recordings: wav, flac, ogg, mp3 ...")
    ],
    network: Annotated[
        str, typer.Option(help="pulse: the one that comes with taraf; flux: none; or a file.")
    ] = "pulse",
    look_ahead: Annotated[
        float, typer.Option(metavar="MS", min=0.0, max=500.0, help="Announce beats so early.")
    ] = 0.0,
    tempo_min: Annotated[
        float, typer.Option(metavar="BPM", min=40.0, max=320.0, help="No slower than this.")
    ] = 45.0,
    tempo_max: Annotated[
        float, typer.Option(metavar="BPM", min=40.0, max=320.0, help="No faster than this.")
    ] = 300.0,
    beats: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Write seconds, beat of the bar, tempo, confidence."),
    ] = None,
    click: Annotated[
        Path | None,
        typer.Option(metavar="FILE.wav", help="Write the recording with a click on each beat."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the sound, beats, tempo and confidence."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="A text file, a beat a line in seconds: how good was it?"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Hear recordings as the plugin pulse hears you live, and say where the beat was.

    Nothing is looked up later: every beat is told from what came before it.

    Example: taraf pulse follow drums.wav --click beats.wav --plot beats.png
    """
    from models.pulse.following import Ranges, annotated, hear, network_of, wanted

    ranges = Ranges(look_ahead, tempo_min, tempo_max)
    written = wanted(files, reference, {"--beats": beats, "--click": click, "--plot": plot})
    _refuse(files, written)
    known = None if reference is None else annotated(reference)
    if known is not None:
        _ready_to_judge(reference, known)
    all_heard, scores = [], None
    with _waiting(as_json):
        compiled = network_of(network)
        for file in files:
            heard = hear(file, compiled, ranges)
            _write(heard, written, known)
            all_heard.append(heard)
    if known is not None:
        scores = _scores(all_heard[0], known)
    _show(all_heard, scores, written, network, as_json)


def _refuse(files: list[Path], written: dict[str, Path]) -> None:
    """Open every input once and look at every name, before a minute is spent."""
    from engine.soundfiles import SoundReader, format_of
    from models.pulse.errors import PulseError

    for file in files:
        with SoundReader(file) as reader:
            if "--click" in written:
                format_of(written["--click"], reader.rate)
    plot = written.get("--plot")
    if plot is not None and plot.suffix.lower() != ".png":
        raise PulseError(f"--plot {plot}: {plot.suffix or 'no suffix'} is not .png")


def _ready_to_judge(path: Path | None, known: Any) -> None:
    from models.judging.errors import needed
    from models.pulse.errors import PulseError
    from models.pulse.judging.scores import FROM_SECONDS

    with needed("train"):
        import mir_eval  # noqa: F401
    if (known >= FROM_SECONDS).sum() < 2:
        raise PulseError(f"{path}: what is judged comes after {FROM_SECONDS:g} s; no beats do")


def _write(heard: Heard, written: dict[str, Path], known: Any) -> None:
    from engine.modelfiles.whole import write_whole
    from engine.soundfiles import SoundWriter
    from models.pulse.following import clicked, table

    if "--beats" in written:
        write_whole(written["--beats"], table(heard).encode())
    if "--click" in written:
        sound = clicked(heard)
        with SoundWriter(written["--click"], heard.rate, sound.shape[1], len(sound)) as writer:
            writer.write(sound)
    if "--plot" in written:
        from models.pulse.following.picture import picture

        write_whole(written["--plot"], picture(heard, known))


def _scores(heard: Heard, known: Any) -> dict[str, float]:
    from models.pulse.judging.announced import Announced
    from models.pulse.judging.scores import score

    said = heard.followed
    found = score(known, Announced(said.beats, said.emitted, said.confidence))
    return {"f": round(found.f, 4), "cmlt": round(found.cmlt, 4), "amlt": round(found.amlt, 4)}


def _show(
    all_heard: list[Heard], scores: dict[str, float] | None, written: dict[str, Path],
    network: str, as_json: bool,
) -> None:  # fmt: skip
    if as_json:
        recordings = [heard.as_json() for heard in all_heard]
        if scores is not None:
            recordings[0]["scores"] = scores
        names = {option.removeprefix("--"): str(path) for option, path in written.items()}
        typer.echo(json.dumps({"network": network, "recordings": recordings, "written": names}))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("recording", overflow="fold")
    for column in ("seconds", "beats", "bpm", "range", "confidence", "meter"):
        table.add_column(column, justify="right", no_wrap=True)
    for heard in all_heard:
        table.add_row(Text(heard.path.name), *_row(heard))
    console = Console()
    console.print(table)
    if scores is not None:
        told = f"F {scores['f']:.2f}, CMLt {scores['cmlt']:.2f}, AMLt {scores['amlt']:.2f}"
        console.print(Text(f"beside the reference, after 5 s, within 70 ms: {told}"))
    for path in written.values():
        console.print(Text(f"written: {path}"), soft_wrap=True)


def _row(heard: Heard) -> tuple[str, ...]:
    seconds, beats = f"{heard.seconds:.1f}", str(len(heard.followed.beats))
    tempi, sure = heard.tempi, heard.confidence
    if tempi is None or sure is None:
        return seconds, beats, "", "", "", ""
    slow, middle, fast = tempi
    tempo = f"{middle:.0f}", f"{slow:.0f} to {fast:.0f}"
    return seconds, beats, *tempo, f"{sure:.2f}", str(heard.meter)


def _waiting(quiet: bool) -> Any:
    """Something that moves: the kernels are compiled anew for this, which takes ten seconds."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return nullcontext()
    return console.status("listening; the first ten seconds go into compiling")


__all__ = ["follow"]
