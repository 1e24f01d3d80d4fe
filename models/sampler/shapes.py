"""Which lengths of a job can be together, for each approach."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.sampler.errors import SamplerError
from engine.sampler.frames import bins_of

if TYPE_CHECKING:
    from models.sampler.job import Job


WINDOWS_S = (0.012, 0.046, 0.093)
"""Windows that free dreams are compared in: attacks, tones, and what is between."""
LEAST_FREE = 8
"""Hops that are dreamt freely at least."""
LONGEST_COMPONENT = 8192


def heard_windows(job: Job) -> list[int]:
    """Samples of the windows of the loss "heard" that fit into a free dream and what is before."""
    sizes = [2 ** round(math.log2(seconds * job.rate)) for seconds in WINDOWS_S]
    return [size for size in sizes if size <= job.seg_len + LEAST_FREE * job.hop]


def check_shapes(job: Job) -> None:
    """SamplerError if the lengths cannot be together."""
    for wrong, told in _CHECKS[job.approach](job):
        if wrong:
            raise SamplerError(told)
    if job.output_shape != job.label_shape:
        told = f"output_shape = {list(job.output_shape)} is not label_shape"
        raise SamplerError(f"{told} = {list(job.label_shape)}")
    if job.use_residual and job.num_layers == 1 and job.units != job.seg_len:
        told = f"use_residual adds nothing: hidden = {job.units} is not seg_len = {job.seg_len}"
        raise SamplerError(f"{told}, and there is one layer")
    most = job.made // 2 if job.approach == "vector" else 0
    if job.overlap > most:
        told = f"overlap = {job.overlap} does not fit into {job.approach}"
        raise SamplerError(f"{told} with label_shape = {list(job.label_shape)}; at most {most}")
    _check_components(job)
    if job.loss == "spread" and job.approach not in ("column", "transpose"):
        told = "loss = spread is for column and transpose"
        raise SamplerError(f"{told}, not {job.approach}; allowed are mse, heard")
    if job.loss == "heard" and job.approach == "vector" and not heard_windows(job):
        told = f"seg_len = {job.seg_len} and hops of {job.hop} are too short for loss = heard"
        raise SamplerError(f"{told} at {job.rate} Hz; longer ones, or loss = mse")
    if job.loss == "heard" and job.approach in ("column", "transpose"):
        told = "loss = heard is for vector and spectrum"
        raise SamplerError(f"{told}, not {job.approach}; allowed are mse, spread")


def _check_components(job: Job) -> None:
    """SamplerError if vectors cannot be told in so many components."""
    if not job.components:
        return
    told, most = f"components = {job.components}", min(job.seg_len, job.made)
    if max(job.seg_len, job.made) > LONGEST_COMPONENT:
        raise SamplerError(f"{told} are for vectors of at most {LONGEST_COMPONENT} samples")
    if job.approach != "vector" or job.components > most:
        allowed = f"at most {most}" if job.approach == "vector" else "only vector has them"
        raise SamplerError(f"{told} does not fit into {job.approach}; {allowed}")
    residual = "true" if job.use_residual else "false"
    for name, given, wanted in (
        ("start", job.start, "random"), ("squash", job.squash, "none"),
        ("use_residual", residual, "false"),
    ):  # fmt: skip
        if given != wanted:
            raise SamplerError(f"{told} and {name} = {given} do not agree; allowed is {wanted}")


def _vector(job: Job) -> list[tuple[bool, str]]:
    n, width = job.seg_len, job.label_shape[1]
    return [
        (n < 16, f"seg_len = {n} is too short for a vector; allowed are 16 to 65536"),
        (not 16 <= width <= 2 * n,
         f"label_shape = {list(job.label_shape)} does not go on from vectors of seg_len = {n}; "
         f"allowed widths are 16 to {2 * n}"),
        (job.label_offset != n,
         f"label_offset = {job.label_offset} leaves a gap or repeats; allowed is seg_len = {n}"),
    ]  # fmt: skip


def _column(job: Job) -> list[tuple[bool, str]]:
    n, width, offset = job.seg_len, job.label_shape[1], job.label_offset
    return [
        (width != 1, f"label_shape = {list(job.label_shape)}: a column is 1 wide"),
        (offset != n,
         f"label_offset = {offset} is not the next sample; allowed is seg_len = {n}"),
    ]  # fmt: skip


def _transpose(job: Job) -> list[tuple[bool, str]]:
    n, rows, offset = job.seg_len, job.num_unrollings, job.label_offset
    whole = n * rows
    return [
        (job.label_shape != (1, 1),
         f"label_shape = {list(job.label_shape)}: transpose predicts one sample, [1, 1]"),
        (job.int_cursor_inc != n,
         f"int_cursor_inc = {job.int_cursor_inc}: rows of a transpose follow each other; "
         f"allowed is seg_len = {n}"),
        (offset != whole,
         f"label_offset = {offset} is not the next sample; allowed is "
         f"num_unrollings x seg_len = {whole}"),
        (whole > 1 << 22, f"num_unrollings x seg_len = {whole}; allowed are at most {1 << 22}"),
    ]  # fmt: skip


def _spectrum(job: Job) -> list[tuple[bool, str]]:
    bins = bins_of(job.window_size, job.zero_padding)
    padded = "with" if job.zero_padding else "without"
    offset = job.label_offset
    return [
        (job.seg_len != bins,
         f"seg_len = {job.seg_len}: window_size = {job.window_size} {padded} zero_padding has "
         f"{bins} bins; allowed is {bins}"),
        (job.label_shape[1] != job.seg_len,
         f"label_shape = {list(job.label_shape)}: a spectrum is seg_len = {job.seg_len} wide"),
        (job.hop_size > job.window_size,
         f"hop_size = {job.hop_size} is above window_size = {job.window_size}"),
        (offset != 1, f"label_offset = {offset} is not the next frame; allowed is 1"),
    ]  # fmt: skip


_CHECKS = {"vector": _vector, "column": _column, "transpose": _transpose, "spectrum": _spectrum}


__all__ = ["check_shapes"]
