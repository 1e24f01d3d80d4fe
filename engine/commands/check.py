"""One line of what `taraf doctor` finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One line of the examination. ``state`` is ok, warn or missing."""

    name: str
    state: str
    found: str
    fix: str = ""
    needed: bool = False
    more: tuple[str, ...] = ()
