"""A job: what is to be learnt, and how; one JSON file, with the dissertation's names."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.sampler.errors import SamplerError
from engine.sampler.frames import bins_of
from models.sampler.presets import PRESET_VALUES
from models.sampler.shapes import check_shapes
from models.sampler.values import APPROACHES, OURS, TABLE_4_1, VALUES, checked

Shape = tuple[int, int]
LARGEST_JOB = 1 << 20  # bytes; a job has under 1 kB


@dataclass(frozen=True)
class Job:
    """All values of a job, those not given derived from the others (`job_from`).

    Lengths are in samples; for the approach spectrum seg_len counts bins, and int_cursor_inc,
    ext_cursor_inc and label_offset count frames.
    """

    lr: float
    num_epochs: int
    weight_stddev: float
    num_layers: int
    use_dropout: bool
    use_residual: bool
    regularization: bool
    reg_amount: float
    input_dropout: float
    output_dropout: float
    seg_len: int
    num_unrollings: int
    int_cursor_inc: int
    ext_cursor_inc: int
    label_shape: Shape
    label_offset: int
    output_shape: Shape
    use_transpose: bool
    use_fft: bool
    hop_size: int
    window_size: int
    zero_padding: bool
    source: str
    approach: str
    rate: int
    hidden: int
    minutes: float
    storage: str
    loss: str
    log: bool
    squash: str
    components: int
    overlap: int
    start: str
    noisify: float
    temperature: float
    kicks_s: float
    seed: int

    def as_json(self) -> dict[str, Any]:
        """The job as it is written; `job_from` of it is this job."""
        values = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @property
    def units(self) -> int:
        """Units of a layer: ``hidden``, or seg_len as in the dissertation."""
        return self.hidden or self.seg_len

    @property
    def made(self) -> int:
        """Numbers that a step makes."""
        return self.label_shape[1]

    @property
    def hop(self) -> int:
        """Samples, or frames, that a step goes on by when it dreams."""
        return self.made - self.overlap if self.approach == "vector" else 1

    @property
    def kept(self) -> tuple[float, float]:
        """Chances to keep a layer's input and output; 1 without dropout."""
        return (self.input_dropout, self.output_dropout) if self.use_dropout else (1.0, 1.0)

    @property
    def needs(self) -> int:
        """The fewest samples, at ``rate``, that this can be learnt from."""
        if self.approach == "spectrum":
            return self.window_size + 16 * self.hop_size * self.ext_cursor_inc
        if self.approach == "vector":
            return 5 * self.seg_len + self.label_shape[1]
        rows = self.num_unrollings if self.approach == "transpose" else 1
        return (rows + 1) * self.seg_len + 512 * self.ext_cursor_inc

    def with_values(self, where: str = "job", **changes: Any) -> Job:
        """This job with other values, checked as if they had been given."""
        return job_from(self.as_json() | changes, where)


def read_job(path: Path) -> Job:
    """A job file; SamplerError, one line, if it is none. A relative source is beside the file."""
    job = job_from(_object(path), str(path))
    if job.source and not Path(job.source).is_absolute():
        beside = path.parent / job.source
        if beside.exists() or not Path(job.source).exists():
            job = dataclasses.replace(job, source=str(beside))
    return job


def write_job(path: Path, job: Job) -> None:
    """Write a job as read_job reads it, whole or not at all."""
    from models.sampler.folder import write_text

    write_text(path, json.dumps(job.as_json(), indent=2) + "\n")


def job_from(given: Mapping[str, Any], where: str = "job") -> Job:
    """A job of the values given, the rest as the dissertation has them for that approach."""
    values = {name: checked(name, value, where) for name, value in given.items()}
    approach = _approach(values, where)
    try:
        filled = defaults(approach, values) | values | {"approach": approach}
        job = Job(**filled)
        check_shapes(job)
    except SamplerError as error:
        raise SamplerError(f"{where}: {error}") from None
    return job


def defaults(approach: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the dissertation's program has for an approach, with ``values`` where it matters."""
    usual: dict[str, Any] = {**PLAIN, "approach": approach}
    usual["use_fft"], usual["use_transpose"] = approach == "spectrum", approach == "transpose"
    if approach == "spectrum":
        window = values.get("window_size", usual["window_size"])
        padded = values.get("zero_padding", usual["zero_padding"])
        usual["seg_len"] = bins_of(window, padded)
        usual |= {"int_cursor_inc": 1, "label_offset": 1, "log": True}
    length = values.get("seg_len", usual["seg_len"])
    rows = values.get("num_unrollings", usual["num_unrollings"])
    if approach != "spectrum":
        usual |= {"int_cursor_inc": length, "label_offset": length}
    if approach == "transpose":
        usual |= {"label_offset": rows * length, "weight_stddev": 0.1}
    shapes = {"column": (rows, 1), "transpose": (1, 1)}
    usual["label_shape"] = shapes.get(approach, (rows, length))
    usual["output_shape"] = values.get("label_shape", usual["label_shape"])
    return usual


PLAIN: Mapping[str, Any] = {
    "lr": 1e-4, "num_epochs": 20, "weight_stddev": 1e-6, "num_layers": 1,
    "use_dropout": False, "use_residual": False, "regularization": False, "reg_amount": 0.5,
    "input_dropout": 0.5, "output_dropout": 1.0, "seg_len": 1024, "num_unrollings": 100,
    "ext_cursor_inc": 1, "hop_size": 256, "window_size": 1024, "zero_padding": True,
    "source": "", "rate": 11_025, "hidden": 0, "minutes": 0.0, "storage": "float32",
    "loss": "mse", "log": False, "squash": "none", "components": 0, "overlap": 0, "start": "random",
    "noisify": 0.0, "temperature": 1.0, "kicks_s": 0.0,
    "seed": 1,
}  # fmt: skip
"""The dissertation's defaults that do not depend on the approach, and ours."""


def _approach(values: Mapping[str, Any], where: str) -> str:
    """The approach given, or the one its shapes and switches mean."""
    fft, transpose = values.get("use_fft", False), values.get("use_transpose", False)
    if fft and transpose:
        raise SamplerError(f"{where}: use_fft and use_transpose are both true; allowed is one")
    meant = "spectrum" if fft else "transpose" if transpose else ""
    width = values.get("label_shape", (0, 0))[1]
    if not meant and width:
        meant = "column" if width == 1 else "vector"
    given: str = values.get("approach", "")
    if not given:
        return meant or "vector"
    switches = {"use_fft": "spectrum", "use_transpose": "transpose"}
    for switch, of in switches.items():
        if switch in values and values[switch] != (given == of):
            told = str(values[switch]).lower()
            raise SamplerError(f"{where}: approach = {given} and {switch} = {told} do not agree")
    if given in ("vector", "column") and meant not in ("", given):
        told = f"{given} and label_shape = {list(values['label_shape'])} do not agree"
        raise SamplerError(f"{where}: approach = {told}; that is {meant}")
    return given


def _object(path: Path) -> dict[str, Any]:
    """The JSON object of a file; SamplerError with what is wrong and where."""
    try:
        if path.stat().st_size > LARGEST_JOB:
            raise SamplerError(f"{path}: is too large for a job; a JSON object is wanted")
        text = path.read_text(encoding="utf-8")
    except SamplerError:
        raise
    except OSError as error:
        raise SamplerError(f"{path}: {error.strerror or error}") from None
    except ValueError:  # no UTF-8, or a zero byte in the name
        raise SamplerError(f"{str(path)!r}: is no text; a JSON object is wanted") from None
    if not text.strip():
        raise SamplerError(f"{path}: is empty; a JSON object is wanted")
    try:
        given = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SamplerError(f"{path}: {place}: {error.msg}; a JSON object is wanted") from None
    except _TwiceError as error:
        raise SamplerError(f"{path}: {error.args[0]!r} is there twice; once is allowed") from None
    except (RecursionError, ValueError):
        raise SamplerError(f"{path}: is no JSON object of plain values") from None
    if not isinstance(given, dict):
        raise SamplerError(f"{path}: holds {type(given).__name__}, not a JSON object")
    return given


class _TwiceError(Exception):
    """A name that an object has twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError(name)
        found[name] = value
    return found


PRESETS: Mapping[str, Job] = {name: job_from(PRESET_VALUES[name], name) for name in PRESET_VALUES}
"""Jobs to start from, without a source: see models.sampler.presets."""

__all__ = [
    "APPROACHES",
    "OURS",
    "PRESETS",
    "TABLE_4_1",
    "VALUES",
    "Job",
    "job_from",
    "read_job",
    "write_job",
]
