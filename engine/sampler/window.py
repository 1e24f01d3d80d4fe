"""The first layer's input where its window moves on by one sample: a bank of FIR filters.

A window of S samples that slides under a matrix (4 units, S) is 4 units filters of S taps over one
signal. All taps but those on the samples of the present block are known when the block begins:
they are a uniformly partitioned overlap-save convolution in the frequency domain (Wefers,
Partitioned convolution algorithms for real-time auralization, 2015) with the right-angle transform
of engine.dsp.convolution. There are two transforms of the signal a block; products and inverse
transforms run across filters, ``width`` of them side by side. What is left are the newest taps,
at most a block's, by the same code as other matrices.

What is said at time t hears samples up to t - 1: the bank hears its signal one sample late.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.dsp.convolution import twist_in
from engine.kernel import kernel
from engine.native_calls import run_network
from engine.sampler.fourier import back, column_transform, complex_transform, plain
from engine.sampler.matvec import LINE, WIDE, address, multiply_address, packed, tile
from engine.sampler.model import SamplerModel
from engine.sampler.plan import by_gates, padded_units
from engine.sampler.state import (
    AT,
    BLOCK,
    DIRECT_CODE,
    GROUPS,
    INPUTS,
    MULTIPLY_CODE,
    PARTS,
    PLACE,
    REBUILD,
    WIDE_ROWS,
    WIDTH,
)
from engine.sampler.storage import factors_of

SMALL_BLOCK, LARGE_BLOCK = 64, 256
LARGE_BYTES = 12 << 20
"""Responses of more than this do not stay in a cache beside what else is read: they are read for
longer blocks, then, and seldom."""


def window_arrays(model: SamplerModel | None) -> tuple[dict[str, Any], dict[int, int]]:
    """State arrays, and words of the plan, of the bank; empty ones without a model."""
    if model is None:
        return _nothing(), {}
    layer = model.layers[0]
    taps, rows = layer.inputs, 4 * padded_units(layer.hidden)
    block = SMALL_BLOCK if 8 * taps * rows <= LARGE_BYTES else LARGE_BLOCK
    parts = -(-taps // block)
    width = tile().lanes * WIDE
    kernel_rows = by_gates(layer.kernel, layer.hidden)
    newest = np.ascontiguousarray(kernel_rows[:, ::-1][:, : block - 1])
    twist = np.exp(0.5j * np.pi / block * np.arange(block))
    arrays = {
        "bank_response": _responses(kernel_rows, block, parts, width, twist),
        "bank_newest": packed(
            newest,
            model.storage,
            newest.shape[1] + newest.shape[1] % 2,
            by_gates(factors_of(layer.kernel, layer.recurrent), layer.hidden),
        ),
        "bank_bias": by_gates(layer.bias, layer.hidden),
        "bank_ahead": np.zeros((block, rows), np.float32),
        "bank_recent": np.zeros(block + LINE, np.float32),
        "bank_spectra": np.zeros((parts, 3, block), np.float32),
        "bank_halves": np.zeros((2, block), np.float32),
        "bank_turning": np.zeros((2, block), np.float32),
        "bank_products": np.zeros((4, block * width), np.float32),
        **complex_transform(block, "bank_"),
        **column_transform(block, width, "bank_back_"),
        "bank_twist": np.array([twist.real, twist.imag], np.float32),
    }
    words = {
        BLOCK: block, PARTS: parts, WIDE_ROWS: rows, GROUPS: rows // width, WIDTH: width,
        DIRECT_CODE: address(model.storage),
        MULTIPLY_CODE: multiply_address(),
    }  # fmt: skip
    return arrays, words


CONSTANT = ("bank_response", "bank_newest", "bank_bias")


def _nothing() -> dict[str, Any]:
    wide = ("ahead", "halves", "turning", "products", "twist")
    arrays: dict[str, Any] = {f"bank_{name}": np.zeros((1, 1), np.float32) for name in wide}
    for name in ("response", "bias", "recent"):
        arrays[f"bank_{name}"] = np.zeros(1, np.float32)
    return arrays | {
        "bank_spectra": np.zeros((1, 1, 1), np.float32),
        "bank_newest": np.zeros(1, np.uint32),
        **complex_transform(8, "bank_"),
        **complex_transform(8, "bank_back_"),
    }


def _responses(rows: Any, block: int, parts: int, width: int, twist: Any) -> Any:
    """Spectra of the filters, group by group, as ``emit.multiply`` reads them."""
    groups = len(rows) // width
    header = np.zeros(LINE, np.float32)
    header.view(np.int64)[:2] = block, parts
    size = LINE + block * parts * 2 * width
    made = np.empty((groups, size), np.float32)
    for group in range(groups):
        taps = np.zeros((width, parts * block))
        taps[:, : rows.shape[1]] = rows[group * width : (group + 1) * width, ::-1]
        spectra = np.fft.fft(taps.reshape(width, parts, block) * twist, axis=-1) / block
        ordered = np.stack([spectra.real, spectra.imag])  # 2, width, parts, block
        made[group, :LINE] = header
        made[group, LINE:] = ordered.transpose(3, 2, 0, 1).ravel()
    return made.ravel()


@kernel
def look_back(core: Any, bank: Any) -> None:
    """A block begins: work out ``bank_ahead`` (block, rows) from all samples of the line."""
    spectra, parts = bank.bank_spectra, core.dream_plan[PARTS]
    end = core.dream_words[AT]
    if core.dream_words[REBUILD] != 0:
        for p in range(1, parts):
            transform(core, bank, p, end)
        core.dream_words[REBUILD] = 0
    else:
        for p in range(parts - 1, 1, -1):
            old, new = spectra[p - 1], spectra[p]
            for k in range(3):
                for f in range(old.shape[1]):
                    new[k, f] = old[k, f]
        if parts > 1:
            transform(core, bank, 1, end)
    transform(core, bank, 0, end)
    for group in range(core.dream_plan[GROUPS]):
        products(core.dream_plan, bank, group)
    recent = bank.bank_recent
    for i in range(recent.shape[0]):
        recent[i] = np.float32(0.0)
    core.dream_words[PLACE] = 0


@kernel
def transform(core: Any, bank: Any, part: int, end: int) -> None:
    """The spectrum that partition ``part`` hears when the line ends at ``end``."""
    block, halves, work = core.dream_plan[BLOCK], bank.bank_halves, bank.bank_turning
    first = end - 1 - part * block
    for i in range(block):
        halves[0, i] = core.dream_line[first - block + i]
    if part == 0:
        for i in range(1, block):
            halves[1, i] = np.float32(0.0)
        halves[1, 0] = core.dream_line[first]
    else:
        for i in range(block):
            halves[1, i] = core.dream_line[first + i]
    twist_in(halves, bank.bank_twist, work)
    out = bank.bank_spectra[part]
    plain(bank.bank_order, bank.bank_steps, bank.bank_twiddle, work, out)
    for f in range(block):
        out[2, f] = -out[1, f]


@kernel
def products(plan: Any, bank: Any, group: int) -> None:
    """What ``width`` filters say for the block ahead."""
    work, twist = bank.bank_products, bank.bank_twist
    block, width = plan[BLOCK], plan[WIDTH]
    size = LINE + block * plan[PARTS] * 2 * width
    run_network(
        plan[MULTIPLY_CODE], bank.bank_response.ctypes.data + 4 * group * size,
        bank.bank_spectra.ctypes.data, work.ctypes.data, 0,
    )  # fmt: skip
    odd = back(bank.bank_back_order, bank.bank_back_steps, bank.bank_back_twiddle, work)
    first = group * width
    bias = bank.bank_bias[first : first + width]
    for i in range(block):
        re = work[odd, i * width : (i + 1) * width]
        im = work[odd + 1, i * width : (i + 1) * width]
        out = bank.bank_ahead[i, first : first + width]
        cosine, sine = twist[0, i], twist[1, i]
        for k in range(width):
            out[k] = bias[k] + (im[k] * cosine - re[k] * sine)


@kernel
def hear_window(core: Any, bank: Any) -> None:
    """The first layer's sums for the next step: all of its input but the states."""
    words, plan, memory = core.dream_words, core.dream_plan, core.dream_memory
    if words[REBUILD] != 0 or words[PLACE] == plan[BLOCK]:
        look_back(core, bank)
    place = words[PLACE]
    ahead = bank.bank_ahead[place]
    for k in range(plan[WIDE_ROWS]):
        memory[k] = ahead[k]
    count = min(place, plan[INPUTS])
    if count > 0:
        vector = bank.bank_recent.ctypes.data + 4 * (plan[BLOCK] - place)
        run_network(
            plan[DIRECT_CODE], bank.bank_newest.ctypes.data, vector, memory.ctypes.data,
            count + count % 2,
        )  # fmt: skip


__all__ = ["CONSTANT", "hear_window", "look_back", "window_arrays"]
