"""Mixes of two recordings separated: examples are the stems, other passages, other instruments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.bench import Report
from engine.bench.parts import Missing
from models.bench.style.sources import RATE, excerpt, separated
from models.bench.style.telling import say
from models.style.sound import Recording, recording

LEAST_DB = 5.0
MIXES = (("guitar", "tabla"), ("strings", "tabla"), ("piano", "vibes"))
OTHERS = {"guitar": "electric guitar", "tabla": "drum loop"}
SECONDS, AT_S, APART_S = 5.0, 5.0, 0.0
"""The stems; what others' examples are begins at APART_S."""
LEVEL = 0.1


def run(report: Report) -> None:
    """Add the SDR of both stems of each mix with each kind of example."""
    for names in MIXES:
        say(f"stems: {' and '.join(names)}")
        stems = [as_loud(excerpt(name, SECONDS, AT_S)) for name in names]
        both = np.concatenate([each.samples for each in stems])
        mix = recording(both.sum(0), RATE, "mix")
        start = f"{' and '.join(names)}"
        alone = _sdr(both, np.repeat(mix.samples, 2, axis=0))
        worst = _least(both, separated(mix, stems).stems)
        report.add(f"{start}, own stems as examples: the worse stem", worst, "dB SDR",
                   f"at least {LEAST_DB:g}", worst >= LEAST_DB)  # fmt: skip
        others = {"another passage": [excerpt(name, SECONDS, APART_S) for name in names]}
        if all(name in OTHERS for name in names):
            kin = [excerpt(OTHERS[name], 2.0 * SECONDS, APART_S) for name in names]
            others["another instrument"] = kin
        for kind, examples in others.items():
            found = _sdr(both, _rows(separated(mix, examples).stems)) - alone
            gain = float(found.min())
            report.add(f"{start}, {kind} as examples: better than the mix, the worse stem", gain,
                       "dB SDR", "more than 0", gain > 0.0)  # fmt: skip


def as_loud(sound: Recording) -> Recording:
    """At LEVEL, so that each stem of a mix alone has an SDR of 0."""
    level = float(np.sqrt(np.mean(sound.samples**2)))
    return recording(sound.samples * (LEVEL / level), sound.rate, sound.name)


def _least(both: NDArray[Any], stems: list[Recording]) -> float:
    return float(_sdr(both, _rows(stems)).min())


def _rows(stems: list[Recording]) -> NDArray[Any]:
    return np.concatenate([each.samples for each in stems])


def _sdr(wanted: NDArray[Any], found: NDArray[Any]) -> NDArray[Any]:
    """(2,) dB, mir_eval's (Vincent, Gribonval and Fevotte 2006), stems in their order."""
    import warnings

    try:
        from mir_eval.separation import bss_eval_sources
    except ModuleNotFoundError:
        raise Missing("needs mir_eval; pip install 'taraf[train]'") from None
    count = min(wanted.shape[1], found.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        sdr, *_ = bss_eval_sources(
            wanted[:, :count], found[:, :count] + 1e-9, compute_permutation=False
        )
    return np.asarray(sdr)


__all__ = ["run"]
