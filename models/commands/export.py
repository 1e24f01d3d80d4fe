"""taraf export: a model as .nam or GuitarML's JSON, for other players."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Gear(StrEnum):
    """What NAM's players may be told a device is."""

    AMP = "amp"
    PEDAL = "pedal"
    PEDAL_AMP = "pedal_amp"
    AMP_CAB = "amp_cab"
    AMP_PEDAL_CAB = "amp_pedal_cab"
    PREAMP = "preamp"
    STUDIO = "studio"


class Tone(StrEnum):
    """What NAM's players may be told it sounds like."""

    CLEAN = "clean"
    OVERDRIVE = "overdrive"
    CRUNCH = "crunch"
    HI_GAIN = "hi_gain"
    FUZZ = "fuzz"


def export(
    model: Annotated[str, typer.Argument(help="A model's name in the library, or its file.")],
    out: Annotated[Path, typer.Argument(help="The file to write: .nam, or .json for GuitarML.")],
    name: Annotated[
        str | None, typer.Option(help="How players show it; the model's own name unless given.")
    ] = None,
    modeled_by: Annotated[str | None, typer.Option(help="Who made the model.")] = None,
    gear_make: Annotated[str | None, typer.Option(help="Who made the device.")] = None,
    gear_model: Annotated[str | None, typer.Option(help="Which device it is.")] = None,
    gear_type: Annotated[Gear | None, typer.Option(help="What kind of device it is.")] = None,
    tone_type: Annotated[Tone | None, typer.Option(help="How it sounds.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a model for other players: .nam for Neural Amp Modeler, .json for GuitarML's.

    What is written sounds as the model does, or nothing is written.

    Example: taraf export drive drive.nam --gear-type pedal --tone-type crunch
    """
    from models.exchange import write
    from models.named import open_named

    told = {
        "name": name,
        "modeled_by": modeled_by,
        "gear_make": gear_make,
        "gear_model": gear_model,
        "gear_type": gear_type,
        "tone_type": tone_type,
    }
    said = {key: str(value) for key, value in told.items() if value is not None}
    written = write(open_named(model), out, said)
    made = written.model
    if as_json:
        figures = {
            "file": str(out),
            "name": made.name,
            "format": made.format,
            "architecture": made.architecture,
            "sample_rate": made.sample_rate,
            "loudness_db": made.loudness_db,
            "gain": made.gain,
            "difference": written.error,
        }
        typer.echo(json.dumps(figures))
        return
    loudness = "" if made.loudness_db is None else f", {made.loudness_db:.1f} dB"
    typer.echo(f"{out}: {made.architecture}{loudness}, {written.error:.1g} from its source")


__all__ = ["export"]
