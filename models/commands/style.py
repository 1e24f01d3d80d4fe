"""taraf style: a recording in the style of others, textures, stems; nothing is trained for it."""

from __future__ import annotations

import typer

from models.commands.style_distil import distil
from models.commands.style_separate import separate
from models.commands.style_texture import texture
from models.commands.style_transfer import transfer

style = typer.Typer(help="One recording in the style of another.", no_args_is_help=True)


@style.callback()
def _style() -> None:
    """One recording in the style of another."""


style.command()(transfer)
style.command()(texture)
style.command()(separate)
style.command()(distil)

__all__ = ["style"]
