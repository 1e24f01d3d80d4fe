"""The audio thread's counters, in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.layout import HISTOGRAM


def statistics(control: Any) -> dict[str, Any]:
    """The audio thread's counters: shares are of the time until the next block."""
    row = control[0]
    counts = row["histogram"]
    total = int(counts.sum())
    shares = (np.searchsorted(np.cumsum(counts), [0.5 * total, 0.99 * total]) + 0.5) / (
        HISTOGRAM // 2
    )
    blocks, frames, rate = int(row["blocks"]), int(row["frames"]), int(row["rate"])
    block = frames / max(blocks, 1)
    seconds = (int(row["last_ns"]) - int(row["first_ns"])) / 1e9
    deadline = block / max(rate, 1) * 1e9
    return {
        "blocks": blocks,
        "frames": frames,
        "seconds": round(frames / max(rate, 1), 3),
        "blocks_due": round(seconds * rate / block) + 1 if blocks else 0,
        "late": int(row["late"]),
        "lost": int(row["lost_blocks"]),
        "xruns": int(row["xruns"]),
        "mutes": int(row["mutes"]),
        "input_faults": int(row["input_faults"]),
        "worker_misses": int(row["misses"]),
        "p50_percent": round(100 * float(shares[0]), 2) if total else 0.0,
        "p99_percent": round(100 * float(shares[1]), 2) if total else 0.0,
        "max_percent": round(100 * int(row["slowest_ns"]) / max(deadline, 1), 2),
        "mean_us": round(int(row["busy_ns"]) / max(blocks, 1) / 1000, 2),
    }
