"""Options that several commands have, declared once, and the rack they ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from engine.rack import Rack

Model = Annotated[
    str | None,
    typer.Option(help="Play this model alone, without a preset: a file, or a name you added."),
]
Channel = Annotated[
    str | None,
    typer.Option(
        metavar="left|right|mono", help="What --model hears of a stereo input; left by default."
    ),
]
Levels = Annotated[
    str | None,
    typer.Option(
        metavar="raw|normalized|calibrated",
        help="How loud models are: as trained; all alike for the same noise; as the gear was, in "
        "dBu. A preset that says how stays as it is.",
    ),
]
Tanh = Annotated[
    str | None,
    typer.Option(
        metavar="exact|fast",
        help="Exact curves (the default), or NAM's approximation, cheaper for recurrent models.",
    ),
]
CoreCompatible = Annotated[
    bool,
    typer.Option(
        "--core-compatible",
        help="Play .nam files as NeuralAmpModelerCore does where that departs from the trainer.",
    ),
]


def rack_for(
    preset: str | None, model: str | None, channel: str | None, levels: str | None,
    tanh: str | None, core_compatible: bool, changes: list[str], model_levels: str,
) -> tuple[Rack, tuple[str, ...]]:  # fmt: skip
    """The rack that the options ask for, and what to say of it; raises RackError.

    ``model_levels`` is how loud a model without a preset is if --levels does not say.
    """
    from engine.playing import changed, open_rack
    from engine.rack import RackError
    from engine.single import Playing, model_rack

    playing = Playing(levels, tanh, core_compatible)
    if model is not None and preset is not None:
        raise RackError("a preset and --model are given; one of them says what to play")
    if model is not None:
        return changed(model_rack(model, playing, channel or "left", model_levels), changes), ()
    if preset is None:
        raise RackError("nothing says what to play: give --preset or --model")
    if channel is not None:
        raise RackError("--channel is for --model; a preset says what its lanes hear")
    return open_rack(preset, changes, playing)


def set_list(presets: list[str], setlist: str | None, model: str | None) -> tuple[Path, ...]:
    """The presets to play, in order; clean where nothing is asked for. Raises PresetError."""
    from engine import preset
    from engine.control import setlist as lists

    if setlist is not None and (presets or model):
        raise lists.SetListError("--setlist says what to play; leave presets and --model out")
    if setlist is not None:
        return lists.load(setlist).presets
    if len(presets) > lists.MOST:
        raise lists.SetListError(f"{len(presets)} presets are more than {lists.MOST}")
    return tuple(preset.find(name) for name in presets or ([] if model else ["clean"]))


def others_for(
    paths: tuple[Path, ...], levels: str | None, tanh: str | None, core_compatible: bool
) -> tuple[tuple[tuple[Rack, Path | None], ...], tuple[str, ...]]:
    """The presets after the first of a set list, and what to say of them; raises PresetError."""
    from engine.playing import open_rack
    from engine.single import Playing

    found: list[tuple[Rack, Path | None]] = []
    said: list[str] = []
    for path in paths:
        rack, warnings = open_rack(str(path), [], Playing(levels, tanh, core_compatible))
        found.append((rack, path))
        said += warnings
    return tuple(found), tuple(said)


@contextmanager
def telling(quiet: bool) -> Iterator[None]:
    """Say in this process, too, what is being compiled."""
    from engine import native

    before, native.compiling = native.compiling, compiling(quiet)
    try:
        yield
    finally:
        native.compiling = before


def compiling(quiet: bool) -> Callable[[str], None] | None:
    """Says what is being compiled: a first start takes half a minute."""
    if quiet:
        return None

    def say(name: str) -> None:
        typer.echo(f"compiling {name}, this first time only", err=True)

    return say
