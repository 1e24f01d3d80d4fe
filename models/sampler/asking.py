"""The dissertation's first interface: each value asked for, with its default, until it is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.sampler.errors import SamplerError
from models.sampler.job import Job, defaults, job_from
from models.sampler.presets import PRESET_VALUES
from models.sampler.values import OURS, TABLE_4_1, VALUES, Value, known

Ask = Callable[[str, str], str]
"""Asked a question with its usual answer, gives what was typed."""
Tell = Callable[[str], None]
_FIRST = ("source", "approach")


def ask(asked: Ask, told: Tell, given: Mapping[str, Any] | None = None) -> Job:
    """Ask for every value that is not ``given``; what is wrong is told and asked again.

    The usual answers are the preset's of the approach, and follow the answers before them.
    """
    answers: dict[str, Any] = dict(given or {})
    for name in _FIRST:
        if name not in answers:
            answers[name] = _one(name, {"approach": "spectrum"}.get(name, ""), asked, told)
    answers["approach"] = answers["approach"] or "spectrum"
    fixed, usual = dict(answers), PRESET_VALUES[answers["approach"]]
    while True:
        for name in (*TABLE_4_1, *OURS):
            if name in fixed:
                continue
            answers[name] = _one(name, _usual(name, answers, usual), asked, told)
        try:
            return job_from(answers, "job")
        except SamplerError as error:
            told(f"{error}; once more")
            usual, answers = answers, dict(fixed)


def changed(given: Mapping[str, Any], changes: list[str], where: str) -> dict[str, Any]:
    """``given`` with values told as NAME=VALUE; SamplerError in one line."""
    values = dict(given)
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise SamplerError(f"{where} {change}: it is NAME=VALUE")
        value = known(name.strip(), where)
        try:
            values[name.strip()] = value.read(text)
        except (ValueError, OverflowError):
            raise SamplerError(f"{where}: {change} is not {value.allowed}") from None
    return values


def _usual(name: str, answers: Mapping[str, Any], preset: Mapping[str, Any]) -> str:
    """What is usual for a value, with the answers so far."""
    before = {**preset, **answers}
    if name in before:
        return shown(before[name])
    try:
        return shown(defaults(answers["approach"], before)[name])
    except SamplerError:  # a window that no transform is made of is told when all is answered
        return shown(preset.get(name, ""))


def shown(value: Any) -> str:
    """A value as one would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"{value[0]}, {value[1]}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _one(name: str, usual: str, asked: Ask, told: Tell) -> Any:
    value = VALUES[name]
    while True:
        text = asked(f"{name} ({value.help})", usual)
        try:
            found = value.read(text)
        except (ValueError, OverflowError):
            told(f"{name} = {text} is not {value.allowed}")
            continue
        if name == "source" and not _there(found):
            told(f"source = {text}: there is no such file; a sound file is wanted")
            continue
        return found


def _there(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):
        return False


__all__ = ["Ask", "Tell", "Value", "ask", "changed", "shown"]
