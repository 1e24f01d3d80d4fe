"""What is measured, and on what: deployed models, rendered and recorded notes; a folder to keep."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from engine.bench.parts import Missing
from engine.library import user_models
from engine.morph.errors import MorphError
from engine.morph.file import read_morph
from engine.morph.model import MorphModel
from engine.whole import write_whole
from models.bench.morph.telling import say
from models.morph.notes import Notes, read_notes

ZOO = Path(__file__).parents[2] / "zoo"
FILE, CARD = "morph.npz", "morph.toml"
FONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"), Path("/usr/share/soundfonts/FluidR3_GM.sf2"),
)  # fmt: skip
RECORDED = Path(__file__).parents[4] / "shared" / "data" / "notes" / "real_notes_16k"


@dataclass(frozen=True)
class Deployed:
    """A model of the zoo, or one that the player put in its place."""

    name: str
    path: Path
    model: MorphModel


def folder() -> Path:
    """Where sets and trainings are kept; the environment variable TARAF_MORPHS moves it."""
    given = os.environ.get("TARAF_MORPHS")
    return Path(given) if given else Path(platformdirs.user_cache_dir("taraf")) / "morphs"


def deployed(name: str = "morph") -> Deployed:
    """``morph`` is of the grid ``quality``, ``morph-live`` of ``live``. Missing if it is not there,
    or holds no notes."""
    for place in (user_models(), ZOO):
        path = place / name / FILE
        if path.is_file():
            try:
                model = read_morph(path)
            except MorphError as error:
                raise Missing(str(error)) from None
            if not model.notes:
                raise Missing(f"{path} holds no notes")
            return Deployed(name, path, model)
    raise Missing(f"needs the model {name}: there is no {ZOO / name / FILE}")


def all_deployed() -> list[Deployed]:
    """Both, or the one there is; Missing if there is none."""
    found, told = [], ""
    for name in ("morph", "morph-live"):
        try:
            found.append(deployed(name))
        except Missing as error:
            told = str(error)
            say(told)
    if not found:
        raise Missing(told)
    return found


def rendered(
    instruments: str = "standard", pitches: str = "36-84:2", velocities: str = "25,75,127"
) -> Notes:
    """The set that `taraf notes render` makes, rendered where it is not kept yet; options as there.

    Missing without FluidR3 or FluidSynth.
    """
    from models.morph.notes.instruments import instruments_of, numbers_of
    from models.morph.notes.render import Order, render

    font = next((path for path in FONTS if path.is_file()), None)
    if font is None:
        raise Missing(f"needs {FONTS[0]}; on Debian and Ubuntu: apt install fluid-soundfont-gm")
    try:
        order = Order(
            font, instruments_of(instruments), numbers_of(pitches, 0, 127, "pitches"),
            numbers_of(velocities, 1, 127, "velocities"),
        )  # fmt: skip
        name = "fluidr3"
        if order != Order(font):
            name = "-".join((name, instruments, pitches, velocities)).replace(":", "_")
        place = folder() / name
        if not (place / "examples.json").is_file():
            say(f"rendering notes to {place}")
            place.parent.mkdir(parents=True, exist_ok=True)
            render(place, order)
    except MorphError as error:
        raise Missing(str(error)) from None
    return read_notes(place)


def rendered_by(command: str) -> Notes:
    """The set of a command as a card tells it: `taraf notes render notes --pitches 28-96`; words
    after a colon are about it. Missing where it is no such command."""
    words = shlex.split(command.partition(": ")[0])
    given = dict(zip(words[4::2], words[5::2], strict=False))
    known = ("--instruments", "--pitches", "--velocities")
    if words[:3] != ["taraf", "notes", "render"] or not set(given) <= set(known):
        raise Missing(f"data = {command!r} is no taraf notes render with {', '.join(known)}")
    return rendered(**{name[2:]: value for name, value in given.items()})


def recorded() -> Notes | None:
    """Notes that people played, where the shared data is."""
    return read_notes(RECORDED) if (RECORDED / "examples.json").is_file() else None


def kept(name: str, given: dict[str, Any], make: Callable[[Path], dict[str, Any]]) -> Any:
    """What ``make`` found, in a folder that it is handed; found before, it is read.

    ``given`` is what it depends on.
    """
    text = json.dumps(given, sort_keys=True, default=str)
    place = folder() / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    result = place / "result.json"
    if result.is_file():
        return json.loads(result.read_text())
    place.mkdir(parents=True, exist_ok=True)
    made = make(place)
    write_whole(result, (json.dumps(made, indent=1) + "\n").encode())
    return made


__all__ = [
    "CARD", "RECORDED", "Deployed", "all_deployed", "deployed", "folder", "kept", "recorded",
    "rendered", "rendered_by",
]  # fmt: skip
