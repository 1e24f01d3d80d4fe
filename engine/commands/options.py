"""Options that several commands have, declared once."""

from __future__ import annotations

from typing import Annotated

import typer

Model = Annotated[
    str | None,
    typer.Option(help="Play this model alone, without a preset: a file, or a name you added."),
]
Levels = Annotated[
    str | None,
    typer.Option(
        metavar="raw|normalized|calibrated",
        help="How loud models are: as trained, all alike, or as the gear was (dBu). "
        "Where a preset says otherwise, it is right; --model alone is raw.",
    ),
]
Tanh = Annotated[
    str | None,
    typer.Option(metavar="exact|fast", help="Exact curves (the default), or NAM's cheaper ones."),
]
CoreCompatible = Annotated[
    bool,
    typer.Option(
        "--core-compatible",
        help="Play .nam files as NeuralAmpModelerCore does where that departs from the trainer.",
    ),
]
