"""taraf sampler: networks that learn a recording and dream on."""

from __future__ import annotations

import typer

from models.cluster import commands
from models.cluster.elsewhere import elsewhere
from models.commands.sampler_dream import dream
from models.commands.sampler_learn import learn
from models.commands.sampler_page import page
from models.commands.sampler_score import score
from models.commands.sampler_train import train

sampler = typer.Typer(help="Learn a recording and dream on from it.", no_args_is_help=True)


@sampler.callback()
def _sampler() -> None:
    """Learn a recording and dream on from it."""


sampler.command()(elsewhere(train, commands.sampler))
sampler.command()(learn)
sampler.command()(dream)
sampler.command()(score)
sampler.command()(page)

__all__ = ["sampler"]
