"""Options that a transfer and a texture share: how and where it is computed, what is kept of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from models.commands.style_shown import (
    PREVIEW,
    USUAL,
    AsJson,
    Device,
    Mono,
    Page,
    Previews,
    Rate,
    Resume,
    Run,
    Seed,
    Threads,
)


@dataclass(frozen=True)
class Making:
    """What was chosen; each field is an option as it is typed."""

    rate: Rate = None
    mono: Mono = False
    device: Device = USUAL.device
    threads: Threads = USUAL.workers
    seed: Seed = USUAL.seed
    preview: Previews = PREVIEW
    run: Run = None
    resume: Resume = False
    page: Page = True
    as_json: AsJson = False


def with_making(command: Callable[..., None]) -> Callable[..., None]:
    """The command with those options behind its own; it is given them as ``making``."""
    hints = {
        **get_type_hints(command, include_extras=True),
        **get_type_hints(Making, include_extras=True),
    }
    shared = inspect.signature(Making).parameters

    @functools.wraps(command)
    def called(**given: Any) -> None:
        making = Making(**{name: given.pop(name) for name in shared})
        command(**given, making=making)

    own = inspect.signature(command).parameters
    both = [one for name, one in {**own, **shared}.items() if name != "making"]
    shown = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in both
    ]
    called.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in shown}
    return called


__all__ = ["Making", "with_making"]
