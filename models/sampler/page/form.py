"""The values of a job as somebody types them: what each is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.sampler.errors import SamplerError
from models.sampler.asking import shown
from models.sampler.job import Job, defaults, job_from
from models.sampler.presets import PRESET_VALUES
from models.sampler.settings import PREVIEW_S, Settings
from models.sampler.values import VALUES, Value, known

RUN: Mapping[str, Value] = {
    "preview_every": Value(float, "seconds from one preview to the next", 0.1, 100_000.0),
    "preview_seconds": Value(float, "how long a preview is", 1.0, 600.0),
    "threads": Value(int, "processor cores to use", 1, 256),
    "accelerator": Value(str, "what is computed on", choices=("auto", "cpu", "gpu")),
}
"""What a training depends on beside its job; the options of ``taraf sampler train``."""
RUN_USUAL: Mapping[str, Any] = {
    "preview_every": 15.0, "preview_seconds": PREVIEW_S, "threads": 2, "accelerator": "auto",
}  # fmt: skip

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Most used": ("approach", "minutes", "rate", "hidden", "num_layers", "temperature"),
    "Learning": (
        "lr", "num_epochs", "weight_stddev", "start", "loss", "noisify", "regularization",
        "reg_amount", "seed",
    ),
    "Network": (
        "use_residual", "use_dropout", "input_dropout", "output_dropout", "squash", "storage",
    ),
    "How sound is cut": (
        "seg_len", "num_unrollings", "int_cursor_inc", "ext_cursor_inc", "label_shape",
        "label_offset", "output_shape", "overlap", "use_transpose",
    ),
    "Spectra": ("use_fft", "window_size", "hop_size", "zero_padding", "log"),
    "Previews and computer": tuple(RUN),
}  # fmt: skip
SOURCE = "source"


@dataclass(frozen=True)
class Checked:
    """What was typed, read: a job, or what is wrong by the values' names, or with all of it.

    ``usual`` is what every value is that was left empty.
    """

    job: Job | None
    run: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    error: str = ""
    usual: dict[str, str] = field(default_factory=dict)

    def wanted(self) -> Job:
        """The job; SamplerError, one line, with the first thing that is wrong."""
        if self.job is None or self.errors:
            raise SamplerError(next(iter(self.errors.values()), self.error))
        return self.job


def check(texts: Mapping[str, Any]) -> Checked:
    """Read what was typed, by the values' names; what is empty is as usual."""
    values: dict[str, Any] = {}
    run, errors = dict(RUN_USUAL), dict[str, str]()
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            continue
        try:
            value = RUN[name] if name in RUN else known(name, "job")
        except SamplerError as error:
            errors[name] = str(error)
            continue
        try:
            (run if name in RUN else values)[name] = value.read(text)
        except (ValueError, OverflowError):
            errors[name] = f"{name} = {_short(text)} is not {value.allowed}"
    usual = {name: shown(value) for name, value in RUN_USUAL.items()}
    try:
        job = job_from(values, "job")
    except SamplerError as error:
        told = str(error)
        of = _about(told)
        if of and of not in errors:
            errors[of] = told
        return Checked(None, run, errors, told, usual | _usual(values))
    return Checked(job, run, errors, "", usual | _texts(job.as_json()))


def settings(run: Mapping[str, Any]) -> Settings:
    """What was chosen beside the job, as a training takes it."""
    return Settings(
        threads=run["threads"], accelerator=run["accelerator"],
        preview_every_s=run["preview_every"], preview_s=run["preview_seconds"],
    )  # fmt: skip


def described() -> dict[str, Any]:
    """All that the page needs to draw the form."""
    groups = {title: list(names) for title, names in GROUPS.items()}
    grouped = {name for names in GROUPS.values() for name in names} | {SOURCE}
    others = [name for name in VALUES if name not in grouped]
    if others:
        groups["Others"] = others
    values = {name: _described(value) for name, value in {**VALUES, **RUN}.items()}
    presets = {name: _texts(given) for name, given in PRESET_VALUES.items()}
    return {"groups": groups, "values": values, "presets": presets}


def _described(value: Value) -> dict[str, Any]:
    choices = ["true", "false"] if value.kind is bool else [one for one in value.choices if one]
    number = value.kind in (int, float)
    return {
        "help": value.help, "allowed": value.allowed, "choices": choices,
        "keys": ("decimal" if value.kind is float else "numeric") if number else "text",
    }  # fmt: skip


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: shown(value) for name, value in values.items()}


def _usual(values: Mapping[str, Any]) -> dict[str, str]:
    """What is usual although the values as a whole are not right yet."""
    try:
        return _texts(defaults(values.get("approach") or "vector", values))
    except SamplerError:
        return {}


def _about(told: str) -> str:
    """The value that a message is about: the first that it names, after "job: "."""
    words = told.partition(": ")[2].replace("=", " ").split()
    return next((word.strip(",;:") for word in words if word.strip(",;:") in VALUES), "")


def _short(text: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 40 else text[:37] + "..."


__all__ = ["RUN", "SOURCE", "Checked", "check", "described", "settings"]
