"""taraf style separate: stems out of a mix, each by an example of what it sounds like."""

from __future__ import annotations

import json
import os
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
    names = _names(examples)[: max(2, len(examples))]
    files = {name: out / f"{name}{KIND}" for name in names}
    _check_free(list(files.values()), [mix, *examples])
    whole = common.as_asked(read(mix), mono)
    models = [read(example) for example in examples]
    with needed("train"):
        common.ready(threads)
        from models.effects.training.loop import interruptible
        from models.style.folder import write
        from models.style.page import Shown, page_in
        from models.style.separate import Joint
    with common.shown(as_json) as bar:
        bar.say("listening")
        joint = Joint(whole, models, settings)
        out.mkdir(parents=True, exist_ok=True)
        with interruptible() as pressed:
            found = joint.run(
                lambda k, _, best: bar.tell(k, iterations, best), lambda: bool(pressed)
            )
        stems = dict(zip(names, found.stems, strict=True))
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
        name, number = example.stem, 1
        while name in names:
            number += 1
            name = f"{example.stem}-{number}"
        names.append(name)
    return [*names, REST if REST not in names else f"{REST}-of-it"]


def _check_free(stems: list[Path], sounds: list[Path]) -> None:
    """StyleError if a stem would be written over one of the sounds, or over another stem."""
    from models.style.errors import StyleError

    for at, stem in enumerate(stems):
        for sound in sounds:
            if _same(stem, sound):
                raise StyleError(
                    f"{stem}: a stem would be written over {sound}; give another folder"
                )
        for other in stems[:at]:
            if _same(stem, other):
                raise StyleError(f"{stem}: is one file with {other}; give another folder")


def _same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by links or by a disk that takes a for A as well."""
    return os.path.realpath(one) == os.path.realpath(other) or (
        one.exists() and other.exists() and one.samefile(other)
    )


__all__ = ["separate"]
