"""taraf style transfer: one recording in the style of others."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from models.commands import style_shown as common
from models.commands.style_options import Making, with_making
from models.commands.style_shown import KNOBS, USUAL
from models.style.settings import HIGHEST, Knobs, Settings


def _knob(about: str) -> Any:
    return typer.Option(min=0.0, max=HIGHEST, help=about)


@with_making
def transfer(
    content: Annotated[Path, typer.Argument(help="A recording: wav, flac, ogg, mp3, aiff, ...")],
    styles: Annotated[list[Path], typer.Argument(metavar="STYLE...", help="One or several.")],
    out: Annotated[Path, typer.Argument(help="Where it goes: wav, flac, ogg or mp3.")],
    share: common.Shares = None,
    harmony: Annotated[float, _knob("Pull to the style's notes and sounds over 0.3 s.")] = (
        KNOBS.harmony
    ),
    timbre: Annotated[float, _knob("Pull to its sounds, whatever their order.")] = KNOBS.timbre,
    rhythm: Annotated[float, _knob("Pull to its patterns over 1.2 s.")] = KNOBS.rhythm,
    keep: Annotated[float, typer.Option("--content", min=0.0, max=HIGHEST,
        help="Hold the content's spectra.")] = KNOBS.content,
    pitch: Annotated[float, _knob("Hold its pitch classes.")] = KNOBS.pitch,
    onsets: Annotated[float, _knob("Hold its attacks.")] = KNOBS.onsets,
    content_bands: Annotated[int, typer.Option(min=0, max=512,
        help="Mel bands that --content holds; few hear no key. 0: all bins.")] = (
        USUAL.content_bands
    ),
    iterations: common.Iterations = USUAL.iterations,
    start: common.Begin = USUAL.start,
    engine: common.Engine = USUAL.engine,
    filters: common.Filters = None,
    path: common.Way = USUAL.path,
    match_key: Annotated[bool, typer.Option(help="Move the styles into the content's key.")] = (
        False
    ),
    match_tempo: Annotated[bool, typer.Option(help="Bring them to its tempo.")] = False,
    *,
    making: Making,
) -> None:  # fmt: skip
    """Let a recording sound like others: its attacks and notes stay, all else becomes theirs.

    Nothing is trained. Knobs are relative: 1 means the same in each. Several styles are mixed, as
    --share tells. Ctrl-C keeps the best that was found so far, --resume goes on.

    Example: taraf style transfer piano.wav trumpet.wav out.wav
    """
    from engine.soundfiles import SoundWriter
    from models.judging.errors import needed
    from models.style.sound import read

    settings = Settings(
        knobs=Knobs(harmony, timbre, rhythm, keep, pitch, onsets), iterations=iterations,
        start=start, engine=engine, filters=filters, path=path, content_bands=content_bands,
        rate=making.rate, match_tempo=match_tempo, match_key=match_key, workers=making.threads,
        device=making.device, seed=making.seed,
    )  # fmt: skip
    given = common.as_asked(read(content), making.mono or path == "griffin-lim")
    models = [read(style) for style in styles]
    with needed("train"):
        common.ready(making.threads, engine)
        from models.effects.training.loop import interruptible
        from models.style.figures import figures
        from models.style.folder import Folder
        from models.style.folder import told as told_of
        from models.style.material import Material
        from models.style.page import Shown, page_beside
        from models.style.transfer import transfer_of
    with common.shown(making.as_json) as bar:
        bar.say("listening")
        made = transfer_of(Material(given, models, settings, share))
        channels, samples = made.material.content.shape
        with SoundWriter(out, made.material.rate, channels, samples) as writer:
            folder = Folder(common.folder_of(making.run, out))
            asked = folder.begin(given, models, settings, share, made if making.resume else None)
            with interruptible() as pressed:
                result = common.watched(
                    made, folder, asked, bar, making.preview, lambda: bool(pressed)
                )
            writer.write(result.sound.samples.T)
        bar.say("figures")
        found = {
            name: figures(given, model, result.sound).as_json()
            for name, model in zip(_names(styles), models, strict=True)
        }
        sounds = [
            Shown("content", content.name, given), *(
                Shown("style", style.name, model)
                for style, model in zip(styles, models, strict=True)
            ), Shown("result", out.name, result.sound),
        ]  # fmt: skip
        knobs = asdict(settings.knobs)
        written = common.page_of(
            making.page, bar, lambda: page_beside(out, sounds, result, knobs, found)
        )
    told = {
        "out": str(out), "page": written, "run": str(folder.path), "rate": result.sound.rate,
        "channels": channels, "length_s": round(result.sound.seconds, 3), **told_of(result),
        "figures": found,
    }  # fmt: skip
    if result.ended == "stopped":
        common.interrupted(folder.path)
    typer.echo(json.dumps(told) if making.as_json else _line(told))


def _names(styles: list[Path]) -> list[str]:
    """What styles are called; whole paths where two files have one name."""
    stems = [style.stem for style in styles]
    return stems if len(set(stems)) == len(stems) else [str(style) for style in styles]


def _line(told: dict[str, Any]) -> str:
    heard = "; ".join(
        f"{name}: {100 * f['reached']:.0f} % reached" for name, f in told["figures"].items()
    )
    first = next(iter(told["figures"].values()))
    return (
        f"{told['out']}: {told['length_s']:g} s in {told['seconds']:.1f} s, {heard}; "
        f"onsets {first['onsets']:.2f}, pitch classes {first['pitch']:.2f}"
    )


__all__ = ["transfer"]
