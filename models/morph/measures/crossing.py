"""Whether a sound is only its two neighbours mixed."""

from __future__ import annotations

import numpy as np

from engine.morph.errors import MorphError
from models.morph.measures.spectra import Array, magnitudes


def residual(middle: Array, one: Array, other: Array) -> float:
    """The share of ``middle`` that no mix of the two others explains: 0 is a cross-fade.

    min over a, b >= 0 of ||m - a p - b q|| / ||m||, where m, p and q are magnitude spectra,
    averaged over the frames. Partials of one pitch that meet in other phases leave a cross-fade
    of recordings some hundredths. Source: non-negative least squares, Lawson and Hanson 1974,
    chapter 23. MorphError for silence.
    """
    from scipy.optimize import nnls

    wanted, *ends = (
        magnitudes(sound).mean(axis=0, dtype=np.float64) for sound in (middle, one, other)
    )
    norm = float(np.linalg.norm(wanted))
    if norm == 0.0:
        raise MorphError("residual: the sound in the middle is silent")
    _, left = nnls(np.stack(ends, axis=1), wanted)
    return float(left) / norm


__all__ = ["residual"]
