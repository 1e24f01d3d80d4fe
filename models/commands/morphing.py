"""taraf morph: the sounds of a model, their map, and the way from one to another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.commands.morph_seed import seed

if TYPE_CHECKING:
    from engine.morph.map import Map
    from engine.morph.model import MorphModel

PICTURE, PAGE = ".png", ".html"

morph = typer.Typer(help="Look into a morph: sounds, their map, ways.", no_args_is_help=True)
morph.add_typer(seed, name="seed")

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A morph's name, its file, or a training's folder.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@morph.callback()
def _morph() -> None:
    """Look into a morph: sounds, their map, ways."""


@morph.command()
def show(model: Model, as_json: AsJson = False) -> None:
    """Tell what is in a model: its sounds by number, their pitches, its grid, how near it comes.

    The numbers are those of the knobs a, b, c and d.

    Example: taraf morph show morph
    """
    from models.morph.map.opening import open_model

    path, opened = open_model(model)
    told = _told(path, opened)
    if as_json:
        typer.echo(json.dumps(told))
    else:
        _show(told)


@morph.command("map")
def map_command(
    model: Model,
    out: Annotated[Path, typer.Option(help="Where it goes: map.png, or map.html to choose on.")],
    as_json: AsJson = False,
) -> None:
    """Draw the sounds of a model so that those that sound alike lie near each other.

    Example: taraf morph map morph --out map.html
    """
    from engine.morph.errors import MorphError
    from engine.morph.map import map_of
    from engine.whole import write_whole
    from models.morph.map.opening import open_model

    if out.suffix.lower() not in (PICTURE, PAGE):
        raise MorphError(f"--out {out}: allowed are {PICTURE} and {PAGE}")
    path, opened = open_model(model)
    found = map_of(opened)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, _drawn(found, out, model))
    except OSError as error:
        raise MorphError(f"--out {out}: cannot be written: {error.strerror or error}") from None
    figures = {name: round(getattr(found, name), 3) for name in ("purity", "chance", "kept")}
    if as_json:
        sounds = [
            {"number": k, "name": p.name, "family": p.family, "x": p.across, "y": p.up}
            for k, p in enumerate(found.places())
        ]
        typer.echo(json.dumps({"model": str(path), "out": str(out), **figures, "sounds": sounds}))
        return
    typer.echo(
        f"{out}: {len(found.sounds)} sounds; of the three nearest "
        f"{100 * found.purity:.0f} % are of one family (by chance {100 * found.chance:.0f} %)"
    )


@morph.command()
def path(
    model: Model,
    one: Annotated[str, typer.Argument(metavar="A", help="A sound: its number, or its name.")],
    other: Annotated[str, typer.Argument(metavar="B", help="What it becomes.")],
    out: Annotated[Path, typer.Option(help="Where the sound goes: wav, flac, ogg or mp3.")],
    pitch: Annotated[int, typer.Option(min=0, max=127, help="MIDI note.")] = 60,
    velocity: Annotated[int, typer.Option(min=1, max=127, help="As it is told the network.")] = 100,
    seconds: Annotated[float, typer.Option(min=0.2, max=600.0, help="In all.")] = 6.0,
    spaced: Annotated[
        bool,
        typer.Option("--even/--straight", help="In equal steps for the ear, or of latents."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Render one held note that goes from a sound to another; a spectrogram lies beside it.

    Example: taraf morph path morph flute brass --pitch 62 --out morph.wav
    """
    from engine.morph.sounds import sounds_of
    from engine.soundfiles import SoundWriter
    from engine.whole import write_whole
    from models.morph.map.opening import open_model
    from models.morph.map.picture import spectrogram
    from models.morph.map.route import route

    file, opened = open_model(model)
    sounds = sounds_of(opened)
    numbers = [_number(wanted, sounds) for wanted in (one, other)]
    ends = [sounds[number] for number in numbers]
    with SoundWriter(out, opened.grid.rate, 1) as writer:  # what cannot be written is told at once
        made = route(opened, ends[0], ends[1], pitch, velocity, seconds, spaced)
        writer.write(made.sound[:, None])
    picture = out.with_suffix(PICTURE)
    names = [end.name.replace("_", " ") for end in ends]
    write_whole(picture, spectrogram(made.sound, made.rate, " to ".join(names)))
    told = {
        "out": str(out), "picture": str(picture), "model": str(file), "pitch": pitch,
        "velocity": velocity, "seconds": round(len(made.sound) / made.rate, 3), "rate": made.rate,
        "ends": [
            {"number": number, "name": end.name, "family": end.family, "note": note.name}
            for number, end, note in zip(numbers, ends, made.ends, strict=True)
        ],
        "even": spaced, "table": [round(float(place), 4) for place in made.way.places],
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told))
    else:
        typer.echo(f"{out}: {told['seconds']} s from {names[0]} to {names[1]}; {picture}")


def _number(wanted: str, sounds: Any) -> int:
    from engine.morph.errors import MorphError
    from engine.morph.sounds import number_of

    if not wanted.isascii() or not wanted.isdigit():
        return number_of(wanted, sounds)
    if int(wanted) >= len(sounds):
        raise MorphError(f"there is no sound {wanted}; the last of this model is {len(sounds) - 1}")
    return int(wanted)


def _drawn(found: Map, out: Path, model: str) -> bytes:
    if out.suffix.lower() == PAGE:
        from models.morph.map.page import map_page

        return map_page(found, model).encode("utf-8", "replace")
    from models.morph.map.picture import map_picture

    return map_picture(found)


def _told(path: Path, model: MorphModel) -> dict[str, Any]:
    from engine.morph.sounds import sounds_of

    grid = model.grid
    frames = sum(note.frames for note in model.notes)
    weights = sum(
        layer.kernel.size + layer.bias.size for _, layers, _, _ in model.networks()
        for layer in layers
    )  # fmt: skip
    return {
        "model": str(path), "bytes": path.stat().st_size, "storage": model.storage,
        "grid": {"size": grid.size, "hop": grid.hop, "rate": grid.rate},
        "latents": model.latents, "conditions": model.conditions, "weights": weights,
        "notes": len(model.notes), "seconds": round(frames * grid.hop / grid.rate, 1),
        "scores": model.job.get("scores", []),
        "sounds": [
            {
                "number": number, "name": sound.name, "family": sound.family,
                "pitches": sorted({model.notes[n].pitch for n in sound.notes}),
                "velocities": sorted({model.notes[n].velocity for n in sound.notes}),
            }
            for number, sound in enumerate(sounds_of(model))
        ],
    }  # fmt: skip


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, grid = Console(), told["grid"]
    console.print(Text(told["model"], "bold"), soft_wrap=True)
    ms = 1000.0 / grid["rate"]
    console.print(
        f"{told['bytes'] / 1e6:.1f} MB, {told['weights']:,} weights ({told['storage']}), "
        f"{told['latents']} latents, pitch as {told['conditions']}; frames of "
        f"{grid['size'] * ms:g} ms every {grid['hop'] * ms:g} ms at {grid['rate']} Hz; "
        f"{told['notes']} notes, {told['seconds']:g} s",
        highlight=False,
    )
    for score in told["scores"]:
        told_of = (_figure(key, value) for key, value in score.items() if key != "name")
        console.print(Text(f"{score.get('name', '')}: {', '.join(told_of)}", "dim"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("number", "family", "sound", "pitches"):
        table.add_column(column, justify="right" if column == "number" else "left")
    for one in told["sounds"]:
        pitches = one["pitches"]
        row = f"{pitches[0]} to {pitches[-1]}, {len(pitches)} of them"
        cells = (str(one["number"]), one["family"], one["name"].replace("_", " "), row)
        table.add_row(*map(Text, cells))
    console.print(table)


def _figure(name: str, value: Any) -> str:
    """A figure of the model's record: "rmse db 6.41"."""
    told = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{name.replace('_', ' ')} {told}"


__all__ = ["morph"]
