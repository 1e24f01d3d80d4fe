"""Convolution with an impulse response of any length, without latency and without spikes.

The first 64 taps are a direct FIR. The rest is cut as Gardner does (Efficient convolution without
input-output delay, JAES 43(3), 1995): partitions of 64, then 512, then 4096 frames, each kind a
uniformly partitioned overlap-save in the frequency domain (Wefers, Partitioned convolution
algorithms for real-time auralization, 2015). A partition of H frames first matters 2 H - 64
frames into the response, which leaves H / 64 hops to do its work in: transforms and products are
units of about one cost, dealt out evenly over those hops.

The transform is the right-angle one (Nussbaumer, Fast Fourier transform and convolution
algorithms, 1982): 2 H real samples, the older half as real and the newer as imaginary parts,
twisted by the 4 H-th roots of one. Products are then plain complex products of H points, with no
special first and last, and the samples that are kept are the imaginary parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.fft import fft_pass, passes
from engine.kernel import Audio, kernel

HOP = 64
"""Taps of the direct part, and frames between two looks at the partitions."""

SIZES = (64, 512, 4096)
"""Frames of a partition."""

WORTH = 3 * 4096
"""Taps that partitions of 4096 must serve to cost less than more of 512 would."""


def offset(size: int) -> int:
    """The first tap that partitions of ``size`` frames can serve."""
    return 2 * size - HOP


def convolver(response: npt.ArrayLike, channels: int) -> dict[str, npt.NDArray[Any]]:
    """State arrays for ``convolve``, all called ``conv_...``.

    ``response`` is (taps,) for all channels, or (channels, taps) for one each.
    """
    taps = np.atleast_2d(np.asarray(response, np.float64))
    assert taps.shape[0] in (1, channels)
    assert taps.shape[1] > 0
    head = np.zeros((taps.shape[0], HOP), np.float32)
    head[:, : min(HOP, taps.shape[1])] = taps[:, :HOP]
    state: dict[str, npt.NDArray[Any]] = {
        "conv_head": head,
        "conv_recent": np.zeros((channels, 2 * HOP), np.float32),
        "conv_clock": np.zeros(2, np.int64),  # frames into this hop, and hops
    }
    length = taps.shape[1]
    middle = length if length < offset(4096) + WORTH else offset(4096)
    edges = [HOP, offset(512), middle, length]
    for size, first, last in zip(SIZES, edges, edges[1:], strict=False):
        part = taps[:, first:last]
        state |= {f"conv_{size}_{k}": v for k, v in _tail(part, size, channels).items()}
    return state


def _tail(taps: npt.NDArray[np.float64], size: int, channels: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of ``run_tail`` for partitions of ``size`` frames."""
    count = -(-taps.shape[1] // size)
    padded = np.zeros((taps.shape[0], count * size))
    padded[:, : taps.shape[1]] = taps
    twist = np.exp(0.5j * np.pi / size * np.arange(size))
    spectra = np.fft.fft(padded.reshape(taps.shape[0], count, size) * twist, axis=-1) / size
    steps, twiddle = passes(size)
    used = size if count else 0
    return {
        "response": np.stack([spectra.real, spectra.imag], axis=2).astype(np.float32),
        "line": np.zeros((channels, count, 2, used), np.float32),
        "input": np.zeros((channels, 2, used), np.float32),
        "work": np.zeros((channels, 2, used), np.float32),
        "sum": np.zeros((channels, 2, used), np.float32),
        "output": np.zeros((channels, used), np.float32),
        "steps": steps,
        "twiddle": twiddle,
        "twist": np.array([twist.real, twist.imag], np.float32),
    }


@kernel
def convolve(audio: Audio, state: Any) -> None:
    """Convolve ``audio`` (channels, 1 to 64 frames) in place; ``state`` has ``convolver``'s."""
    channels, frames = audio.shape
    done = 0
    while done < frames:
        at = state.conv_clock[0]
        count = min(frames - done, HOP - at)
        for c in range(channels):
            recent = state.conv_recent[c]
            for i in range(count):
                recent[HOP + at + i] = audio[c, done + i]
            head = state.conv_head[min(c, state.conv_head.shape[0] - 1)]
            direct(head, recent, at, audio[c, done : done + count])
        hops = state.conv_clock[1]
        add_tail(audio, done, count, at, hops, state.conv_64_output)
        add_tail(audio, done, count, at, hops, state.conv_512_output)
        add_tail(audio, done, count, at, hops, state.conv_4096_output)
        done += count
        state.conv_clock[0] = at + count
        if at + count == HOP:
            end_hop(state)


@kernel
def direct(head: Any, recent: Any, at: int, out: Any) -> None:
    """The FIR: ``out[i]`` from the 64 samples of ``recent`` up to 64 + ``at`` + i."""
    zero = np.float32(0.0)
    for i in range(out.shape[0]):
        out[i] = zero
    for k in range(0, HOP, 8):
        a, b, c, d = head[k], head[k + 1], head[k + 2], head[k + 3]
        e, f, g, h = head[k + 4], head[k + 5], head[k + 6], head[k + 7]
        x = recent[HOP + at - k - 7 :]
        for i in range(out.shape[0]):
            y = out[i] + a * x[i + 7] + b * x[i + 6] + c * x[i + 5] + d * x[i + 4]
            out[i] = y + e * x[i + 3] + f * x[i + 2] + g * x[i + 1] + h * x[i]


@kernel
def add_tail(audio: Audio, done: int, count: int, at: int, hops: int, output: Any) -> None:
    """Add the part of a tail's ``output`` (channels, size) that sounds in this hop."""
    size = output.shape[1]
    if size == 0:
        return
    first = (hops + 1) % (size // HOP) * HOP + at
    for c in range(audio.shape[0]):
        y = output[c, first : first + count]
        x = audio[c, done : done + count]
        for i in range(count):
            x[i] += y[i]


@kernel
def end_hop(state: Any) -> None:
    """A hop is full: give it to the tails, and let each do its share of work."""
    s = state
    s.conv_clock[0] = 0
    s.conv_clock[1] += 1
    hops = s.conv_clock[1]
    run_tail(
        hops,
        s.conv_recent,
        s.conv_64_response,
        s.conv_64_line,
        s.conv_64_input,
        s.conv_64_work,
        s.conv_64_sum,
        s.conv_64_output,
        s.conv_64_steps,
        s.conv_64_twiddle,
        s.conv_64_twist,
    )
    run_tail(
        hops,
        s.conv_recent,
        s.conv_512_response,
        s.conv_512_line,
        s.conv_512_input,
        s.conv_512_work,
        s.conv_512_sum,
        s.conv_512_output,
        s.conv_512_steps,
        s.conv_512_twiddle,
        s.conv_512_twist,
    )
    run_tail(
        hops,
        s.conv_recent,
        s.conv_4096_response,
        s.conv_4096_line,
        s.conv_4096_input,
        s.conv_4096_work,
        s.conv_4096_sum,
        s.conv_4096_output,
        s.conv_4096_steps,
        s.conv_4096_twiddle,
        s.conv_4096_twist,
    )
    for c in range(s.conv_recent.shape[0]):
        for i in range(HOP):
            s.conv_recent[c, i] = s.conv_recent[c, HOP + i]


@kernel
def run_tail(
    hops: int,
    recent: Any,
    response: Any,
    line: Any,
    given: Any,
    work: Any,
    total: Any,
    output: Any,
    steps: Any,
    twiddle: Any,
    twist: Any,
) -> None:
    """This hop's share of one tail: its input, its transforms, its products, its output."""
    size = output.shape[1]
    if size == 0:
        return
    channels, count = line.shape[0], line.shape[1]
    share = size // HOP
    phase = hops % share
    first = (hops - 1) % share * HOP
    for c in range(channels):
        for i in range(HOP):
            given[c, 1, first + i] = recent[c, HOP + i]
    if phase == 0:
        for c in range(channels):
            twist_in(given[c], twist, work[c])
    slot = hops // share % count
    each = 2 * steps.shape[0] + count
    begin = channels * each * phase // share
    end = channels * each * (phase + 1) // share
    for unit in range(begin, end):
        c = unit // each
        spectra = response[min(c, response.shape[0] - 1)]
        run_unit(unit % each, slot, spectra, line[c], work[c], total[c], steps, twiddle)
    if phase == share - 1:
        for c in range(channels):
            twist_out(work[c], twist, output[c])


@kernel
def run_unit(
    unit: int, slot: int, spectra: Any, line: Any, work: Any, total: Any, steps: Any, twiddle: Any
) -> None:
    """A pass forward from ``work`` to the line, a product with a partition, or a pass back."""
    turns, count = steps.shape[0], line.shape[0]
    if unit < turns:
        x = line[slot]
        if unit % 2 == 0:
            fft_pass(steps, unit, twiddle, work[0], work[1], x[0], x[1])
        else:
            fft_pass(steps, unit, twiddle, x[0], x[1], work[0], work[1])
    elif unit < turns + count:
        p = unit - turns
        x = line[(slot - p + count) % count]
        if p == 0:
            multiply(x[0], x[1], spectra[p, 0], spectra[p, 1], total[0], total[1])
        else:
            multiply_add(x[0], x[1], spectra[p, 0], spectra[p, 1], total[0], total[1])
    else:
        k = unit - turns - count
        if k % 2 == 0:
            fft_pass(steps, k, twiddle, total[1], total[0], work[1], work[0])
        else:
            fft_pass(steps, k, twiddle, work[1], work[0], total[1], total[0])


@kernel
def multiply(xr: Any, xi: Any, hr: Any, hi: Any, yr: Any, yi: Any) -> None:
    """Complex product of rows."""
    for i in range(xr.shape[0]):
        re, im = xr[i] * hr[i] - xi[i] * hi[i], xr[i] * hi[i] + xi[i] * hr[i]
        yr[i], yi[i] = re, im


@kernel
def multiply_add(xr: Any, xi: Any, hr: Any, hi: Any, yr: Any, yi: Any) -> None:
    """Add the complex product of rows."""
    for i in range(xr.shape[0]):
        re, im = xr[i] * hr[i] - xi[i] * hi[i], xr[i] * hi[i] + xi[i] * hr[i]
        yr[i], yi[i] = yr[i] + re, yi[i] + im


@kernel
def twist_in(given: Any, twist: Any, work: Any) -> None:
    """Two blocks as one complex row, twisted; the newer block becomes the older."""
    old, new = given[0], given[1]
    for i in range(old.shape[0]):
        a, b = old[i], new[i]
        work[0, i] = a * twist[0, i] - b * twist[1, i]
        work[1, i] = a * twist[1, i] + b * twist[0, i]
        old[i] = b


@kernel
def twist_out(work: Any, twist: Any, output: Any) -> None:
    """Untwist; what is kept of overlap-save are the imaginary parts."""
    for i in range(output.shape[0]):
        output[i] = work[1, i] * twist[0, i] - work[0, i] * twist[1, i]
