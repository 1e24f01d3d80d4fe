"""State-variable filters that stay in tune and stable while they move.

The filter is Zavalishin's topology-preserving form with Simper's equations (Linear
Trapezoidal Integrated State Variable Filter, 2013): two integrators s1, s2 and

    s1' = p s1 - q s2 + q x        s2' = q s1 + t s2 + r x        y = m1 s1 + m2 s2 + d x

where p, q, t, r come from the frequency g = tan(pi f / rate) and the damping k = 1 / Q.
For any f and Q the matrix [[p, -q], [q, t]] never lengthens the vector (s1, s2): it is the
trapezoidal step of a circuit that only loses energy. A mean of such matrices does not
either, so coefficients may be interpolated linearly, as fast as one likes, and nothing
rings up. Coefficients and states are float64: at 20 Hz float32 would lose 40 dB.
"""

import math
from typing import Any

from engine.kernel import kernel
from engine.params import CELL

COEFFICIENTS = 7  # p, q, t, r, m1, m2, d
BUTTERWORTH = math.sqrt(0.5)
TOP = 0.49  # of the sample rate: filters above are tuned to it


@kernel
def tune(hz: float, rate: float, scale: float) -> float:
    """Return g = tan(pi f / rate) * ``scale`` for ``hz`` held below Nyquist."""
    return math.tan(math.pi * min(hz / rate, TOP)) * scale


@kernel
def set_filter(row: Any, g: float, k: float, high: float, band: float, low: float) -> None:
    """Fill ``row`` (7): ``high``, ``band`` and ``low`` mix the three outputs of the filter.

    The analogue prototype is (high s^2 + band s + low) / (s^2 + k s + 1), with s = 1 j at g.
    """
    a1 = 1.0 / (1.0 + g * (g + k))
    a2 = g * a1
    a3 = g * a2
    row[0] = 2.0 * a1 - 1.0
    row[1] = 2.0 * a2
    row[2] = 1.0 - 2.0 * a3
    row[3] = 2.0 * a3
    m1 = band - high * k
    m2 = low - high
    row[4] = m1 * a1 + m2 * a2
    row[5] = m2 - m1 * a2 - m2 * a3
    row[6] = high + m1 * a2 + m2 * a3


@kernel
def set_open(row: Any) -> None:
    """Let the sound pass unchanged, whatever the filter's state."""
    row[4] = 0.0
    row[5] = 0.0
    row[6] = 1.0


@kernel
def is_open(row: Any) -> bool:
    """Whether ``row`` lets the sound pass unchanged: a band at 0 dB does."""
    return row[4] == 0.0 and row[5] == 0.0 and row[6] == 1.0


@kernel
def set_lowpass(row: Any, hz: float, q: float, rate: float) -> None:
    """Second-order low-pass; at Q = sqrt(1/2) -3.01 dB at ``hz``."""
    set_filter(row, tune(hz, rate, 1.0), 1.0 / q, 0.0, 0.0, 1.0)


@kernel
def set_highpass(row: Any, hz: float, q: float, rate: float) -> None:
    """Second-order high-pass; at Q = sqrt(1/2) -3.01 dB at ``hz``."""
    set_filter(row, tune(hz, rate, 1.0), 1.0 / q, 1.0, 0.0, 0.0)


@kernel
def set_peak(row: Any, hz: float, db: float, q: float, rate: float) -> None:
    """Bell of ``db`` at ``hz``; cut and boost of the same size undo each other."""
    a = math.exp(db * (math.log(10.0) / 40.0))
    set_filter(row, tune(hz, rate, 1.0), 1.0 / (q * a), 1.0, a / q, 1.0)


@kernel
def set_low_shelf(row: Any, hz: float, db: float, q: float, rate: float) -> None:
    """``db`` well below ``hz``, half of it at ``hz``, nothing above."""
    a = math.exp(db * (math.log(10.0) / 40.0))
    g = tune(hz, rate, 1.0 / math.sqrt(a))
    set_filter(row, g, 1.0 / q, 1.0, a / q, a * a)


@kernel
def set_high_shelf(row: Any, hz: float, db: float, q: float, rate: float) -> None:
    """``db`` well above ``hz``, half of it at ``hz``, nothing below."""
    a = math.exp(db * (math.log(10.0) / 40.0))
    g = tune(hz, rate, math.sqrt(a))
    set_filter(row, g, 1.0 / q, a * a, a / q, 1.0)


@kernel
def run_filter(audio: Any, frames: int, row: Any, memory: Any) -> None:
    """Filter the first ``frames`` of ``audio`` (1 or 2, n) in place with coefficients ``row``.

    ``memory`` is (channels, 2) float64, zero at reset. Both channels go side by side, so the
    processor waits for one recursion while it works on the other.
    """
    p, q, t, r = row[0], row[1], row[2], row[3]
    m1, m2, d = row[4], row[5], row[6]
    a1, a2 = memory[0, 0], memory[0, 1]
    if audio.shape[0] == 1:
        for i in range(frames):
            x = float(audio[0, i])
            audio[0, i] = (m1 * a1 + m2 * a2) + d * x
            a1, a2 = (p * a1 - q * a2) + q * x, (q * a1 + t * a2) + r * x
    else:
        b1, b2 = memory[1, 0], memory[1, 1]
        for i in range(frames):
            x = float(audio[0, i])
            z = float(audio[1, i])
            audio[0, i] = (m1 * a1 + m2 * a2) + d * x
            audio[1, i] = (m1 * b1 + m2 * b2) + d * z
            a1, a2 = (p * a1 - q * a2) + q * x, (q * a1 + t * a2) + r * x
            b1, b2 = (p * b1 - q * b2) + q * z, (q * b1 + t * b2) + r * z
        memory[1, 0], memory[1, 1] = b1, b2
    memory[0, 0], memory[0, 1] = a1, a2


@kernel
def run_pair(
    audio: Any, frames: int, row: Any, memory: Any, next_row: Any, next_memory: Any
) -> None:
    """``run_filter`` twice, with the two filters in one pass.

    Nearly as quick as one alone, because a recursion mostly waits for itself.
    """
    p, q, t, r = row[0], row[1], row[2], row[3]
    m1, m2, d = row[4], row[5], row[6]
    pp, qq, tt, rr = next_row[0], next_row[1], next_row[2], next_row[3]
    n1, n2, e = next_row[4], next_row[5], next_row[6]
    a1, a2, c1, c2 = memory[0, 0], memory[0, 1], next_memory[0, 0], next_memory[0, 1]
    if audio.shape[0] == 1:
        for i in range(frames):
            x = float(audio[0, i])
            y = (m1 * a1 + m2 * a2) + d * x
            a1, a2 = (p * a1 - q * a2) + q * x, (q * a1 + t * a2) + r * x
            audio[0, i] = (n1 * c1 + n2 * c2) + e * y
            c1, c2 = (pp * c1 - qq * c2) + qq * y, (qq * c1 + tt * c2) + rr * y
    else:
        b1, b2, d1, d2 = memory[1, 0], memory[1, 1], next_memory[1, 0], next_memory[1, 1]
        for i in range(frames):
            x = float(audio[0, i])
            z = float(audio[1, i])
            y = (m1 * a1 + m2 * a2) + d * x
            w = (m1 * b1 + m2 * b2) + d * z
            a1, a2 = (p * a1 - q * a2) + q * x, (q * a1 + t * a2) + r * x
            b1, b2 = (p * b1 - q * b2) + q * z, (q * b1 + t * b2) + r * z
            audio[0, i] = (n1 * c1 + n2 * c2) + e * y
            audio[1, i] = (n1 * d1 + n2 * d2) + e * w
            c1, c2 = (pp * c1 - qq * c2) + qq * y, (qq * c1 + tt * c2) + rr * y
            d1, d2 = (pp * d1 - qq * d2) + qq * w, (qq * d1 + tt * d2) + rr * w
        memory[1, 0], memory[1, 1], next_memory[1, 0], next_memory[1, 1] = b1, b2, d1, d2
    memory[0, 0], memory[0, 1], next_memory[0, 0], next_memory[0, 1] = a1, a2, c1, c2


@kernel
def glide_filter(audio: Any, frames: int, rows: Any, memory: Any, at: int) -> None:
    """Filter ``audio`` while the coefficients go from ``rows[0]`` to ``rows[1]`` over a cell.

    The chunk begins ``at`` frames into the cell of 64.
    """
    p, q, t, r = rows[0, 0], rows[0, 1], rows[0, 2], rows[0, 3]
    m1, m2, d = rows[0, 4], rows[0, 5], rows[0, 6]
    dp, dq, dt, dr = rows[1, 0] - p, rows[1, 1] - q, rows[1, 2] - t, rows[1, 3] - r
    dm1, dm2, dd = rows[1, 4] - m1, rows[1, 5] - m2, rows[1, 6] - d
    for c in range(audio.shape[0]):
        s1, s2 = memory[c, 0], memory[c, 1]
        for i in range(frames):
            f = (at + i + 1) * (1.0 / CELL)
            x = float(audio[c, i])
            audio[c, i] = ((m1 + f * dm1) * s1 + (m2 + f * dm2) * s2) + (d + f * dd) * x
            pf, qf, tf, rf = p + f * dp, q + f * dq, t + f * dt, r + f * dr
            s1, s2 = (pf * s1 - qf * s2) + qf * x, (qf * s1 + tf * s2) + rf * x
        memory[c, 0], memory[c, 1] = s1, s2
