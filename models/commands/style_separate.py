"""taraf style separate: stems out of a mix, each by an example of what it sounds like."""

from __future__ import annotations

import json
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer

from models.commands import style_shown as common
from models.commands.style_shown import USUAL
from models.style.settings import HIGHEST, Knobs, Settings

REST, KIND = "rest", ".wav"


def separate(
    mix: Annotated[Path, typer.Argument(help="A recording of all together, a minute at most.")],
    examples: Annotated[
        list[Path],
        typer.Argument(metavar="EXAMPLE...", help="One for each stem; of one, the rest is left."),
    ],
    out: Annotated[Path, typer.Argument(help="Folder for the stems.")],
    harmony: Annotated[float, typer.Option(min=0.0, max=HIGHEST, help="Notes and sounds.")] = 1.0,
    timbre: Annotated[float, typer.Option(min=0.0, max=HIGHEST, help="Sounds alone.")] = 0.0,
    iterations: common.Iterations = USUAL.iterations,
    rate: common.Rate = None,
    mono: common.Mono = False,
    device: common.Device = USUAL.device,
    threads: common.Threads = USUAL.workers,
    page: common.Page = True,
    as_json: common.AsJson = False,
) -> None:
    """Separate a mix: every stem in its example's style, and all together the mix.

    Best with examples of the stems themselves, a passage where each plays alone. Ctrl-C keeps the
    best that was found so far.

    Example: taraf style separate song.wav guitar.wav drums.wav stems
    """
    from models.judging.errors import needed
    from models.style.errors import StyleError
    from models.style.sound import read

    if out.suffix or out.is_file():
        raise StyleError(f"{out}: is to be a folder, for a file of each stem")
    settings = Settings(
        knobs=Knobs(harmony=harmony, timbre=timbre, pitch=0.0, onsets=0.0), iterations=iterations,
        rate=rate, workers=threads, device=device,
    )  # fmt: skip
    whole = common.as_asked(read(mix), mono)
    models = [read(example) for example in examples]
    with needed("train"):
        common.ready(threads)
        from models.effects.training.loop import interruptible
        from models.style.folder import write
        from models.style.page import Shown, page_in
        from models.style.separate import separate as separated
    out.mkdir(parents=True, exist_ok=True)
    with common.shown(as_json) as bar:
        bar.say("listening")
        with interruptible() as pressed:
            found = separated(
                whole, models, settings, lambda k, _, best: bar.tell(k, iterations, best),
                lambda: bool(pressed),
            )  # fmt: skip
        stems = dict(zip(_names(examples), found.stems, strict=False))
        files = {name: out / f"{name}{KIND}" for name in stems}
        for name, stem in stems.items():
            write(files[name], stem)
        sounds = [Shown("mix", mix.name, whole)]
        for (name, stem), example, model in zip_longest(stems.items(), examples, models):
            if example is not None:
                sounds.append(Shown("example", example.name, model))
            sounds.append(Shown("stem", name, stem))
        written = common.page_of(page, bar, lambda: page_in(out, sounds, found.history))
    told = {
        "out": str(out), "stems": {name: str(file) for name, file in files.items()},
        "page": written, "rate": found.stems[0].rate, "iterations": found.iterations,
        "seconds": found.seconds, "cpu_seconds": found.cpu_seconds, "ended": found.ended,
    }  # fmt: skip
    if found.ended == "stopped":
        print("stopped; the stems are the best so far", file=sys.stderr)
    if as_json:
        typer.echo(json.dumps(told))
    else:
        typer.echo(f"{out}: {', '.join(stems)} in {found.seconds:.1f} s")


def _names(examples: list[Path]) -> list[str]:
    """Of stems: their examples', numbered where two are alike; the rest at the end."""
    names: list[str] = []
    for example in examples:
        count = sum(name == example.stem or name.startswith(f"{example.stem}-") for name in names)
        names.append(f"{example.stem}-{count + 1}" if example.stem in names else example.stem)
    return [*names, REST if REST not in names else f"{REST}-of-it"]


__all__ = ["separate"]
