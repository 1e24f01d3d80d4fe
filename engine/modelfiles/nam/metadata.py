"""What a ``.nam`` file says of itself: nothing here is trusted, and nothing refuses a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.modelfiles.reading import SAMPLE_RATES, Node, is_number, printable, show

SAMPLE_RATE = 48_000
LOUDNESSES_DB, GAINS, LEVELS_DBU = (-200.0, 60.0), (0.0, 1.0), (-60.0, 60.0)
LEVELS = {
    "loudness": ("loudness_db", LOUDNESSES_DB),
    "gain": ("gain", GAINS),
    "input_level_dbu": ("input_dbu", LEVELS_DBU),
    "output_level_dbu": ("output_dbu", LEVELS_DBU),
}
TAGS = {
    "name": "name",
    "modeled_by": "author",
    "gear_make": "make",
    "gear_model": "model",
    "gear_type": "gear",
    "tone_type": "tone",
}
KNOWN = ("0.5.", "0.6.", "0.7.")


def levels(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the levels that are told, under the names of ``ModelFile``, within reason."""
    found = {}
    for key, (name, (low, high)) in LEVELS.items():
        value = metadata.get(key)
        if is_number(value) and value == value:  # not NaN
            found[name] = float(min(max(value, low), high))
    return found


def tags(metadata: Mapping[str, Any], names: Mapping[str, str] = TAGS) -> dict[str, str]:
    """Return the texts that are told, each in one line of at most 100 characters."""
    found = {}
    for key, name in names.items():
        value = metadata.get(key)
        if isinstance(value, str) and (line := " ".join(printable(value[:100]).split())):
            found[name] = line
    return found


def metadata_of(model: Node) -> Mapping[str, Any]:
    """Return the metadata of a model, empty if there are none."""
    found = model.values.get("metadata")
    return found if isinstance(found, dict) else {}


def usable_rate(value: object) -> int | None:
    """Return a sample rate if it is one."""
    if is_number(value) and SAMPLE_RATES[0] <= value <= SAMPLE_RATES[1]:
        return round(value)
    return None


def sample_rate(model: Node, inner: Node | None, warnings: list[str]) -> int:
    """Return the rate of a model, of a container that of the model in it, else 48 000."""
    told = model.values.get("sample_rate")
    rate = usable_rate(told)
    if rate is None and inner is not None:
        rate = usable_rate(inner.values.get("sample_rate"))
    if told is not None and usable_rate(told) is None:
        given = f"sample_rate = {show(told)} is unusable"
        warnings.append(f"{given}: {rate or SAMPLE_RATE} taken")
    return rate or SAMPLE_RATE


def version_warnings(model: Node, known: tuple[str, ...] = KNOWN) -> list[str]:
    """Return a warning if a file's version is none of the known: its keys are read all the same."""
    version = model.values.get("version")
    if isinstance(version, str) and version.startswith(known):
        return []
    return [f"version {show(version)} is none that we know: read by its keys"]
