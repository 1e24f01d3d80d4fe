"""taraf style texture: as many seconds as are wanted that sound like a recording."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from models.commands import style_shown as common
from models.commands.style_options import Making, with_making
from models.commands.style_shown import USUAL
from models.style.settings import HIGHEST, Knobs, Settings

SECONDS = 10.0


@with_making
def texture(
    styles: Annotated[list[Path], typer.Argument(metavar="STYLE...", help="One or several.")],
    out: Annotated[Path, typer.Argument(help="Where it goes: wav, flac, ogg or mp3.")],
    seconds: Annotated[float, typer.Option(help="To be made, 1.5 to 60.")] = SECONDS,
    share: common.Shares = None,
    harmony: Annotated[float, typer.Option(min=0.0, max=HIGHEST, help="Notes and sounds.")] = 1.0,
    timbre: Annotated[float, typer.Option(min=0.0, max=HIGHEST, help="Sounds alone.")] = 1.0,
    rhythm: Annotated[float, typer.Option(min=0.0, max=HIGHEST, help="Patterns of 1.2 s.")] = 1.0,
    iterations: common.Iterations = USUAL.iterations,
    engine: common.Engine = USUAL.engine,
    filters: common.Filters = None,
    *,
    making: Making,
) -> None:
    """Make a texture: noise that is optimised until it sounds like a recording, in no order.

    Ctrl-C keeps the best that was found so far, --resume goes on.

    Example: taraf style texture rain.wav out.wav --seconds 20
    """
    from engine.soundfiles import SoundWriter
    from models.judging.errors import needed
    from models.style.sound import read

    knobs = Knobs(harmony=harmony, timbre=timbre, rhythm=rhythm, pitch=0.0, onsets=0.0)
    settings = Settings(
        knobs=knobs, iterations=iterations, engine=engine, filters=filters,
        rate=making.rate, workers=making.threads, device=making.device, seed=making.seed,
    )  # fmt: skip
    models = [common.as_asked(read(style), making.mono) for style in styles]
    with needed("train"):
        common.ready(making.threads, engine)
        from models.effects.training.loop import interruptible
        from models.style.folder import Folder
        from models.style.folder import told as told_of
        from models.style.page import Shown, page_beside
        from models.style.texture import texture_of
    with common.shown(making.as_json) as bar:
        bar.say("listening")
        made = texture_of(models, seconds, settings, share)
        channels, samples = made.material.content.shape
        with SoundWriter(out, made.material.rate, channels, samples) as writer:
            folder = Folder(common.folder_of(making.run, out))
            asked = folder.begin(
                None, models, settings, share, made if making.resume else None, seconds=seconds
            )
            with interruptible() as pressed:
                result = common.watched(
                    made, folder, asked, bar, making.preview, lambda: bool(pressed)
                )
            writer.write(result.sound.samples.T)
        sounds = [
            *(Shown("style", s.name, model) for s, model in zip(styles, models, strict=True)),
            Shown("texture", out.name, result.sound),
        ]
        written = common.page_of(
            making.page, bar, lambda: page_beside(out, sounds, result, asdict(knobs), {})
        )
    told = {
        "out": str(out), "page": written, "run": str(folder.path), "rate": result.sound.rate,
        "channels": channels, "length_s": round(result.sound.seconds, 3), **told_of(result),
    }  # fmt: skip
    if result.ended == "stopped":
        common.interrupted(folder.path)
    if making.as_json:
        typer.echo(json.dumps(told))
    else:
        parts = ", ".join(f"{name} {value:.3f}" for name, value in result.parts.items())
        typer.echo(f"{out}: {told['length_s']:g} s in {result.seconds:.1f} s; {parts}")


__all__ = ["texture"]
