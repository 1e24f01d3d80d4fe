"""Presets: for each approach one that trains in minutes, and one with the dissertation's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_QUICK: Mapping[str, Any] = {"lr": 1e-3, "num_epochs": 1_000_000, "weight_stddev": 0.02}

PRESET_VALUES: Mapping[str, Mapping[str, Any]] = {
    "spectrum": {
        **_QUICK, "approach": "spectrum", "rate": 22_050, "window_size": 1024, "hop_size": 256,
        "zero_padding": False, "num_unrollings": 1, "num_layers": 2, "hidden": 512,
        "use_dropout": True, "input_dropout": 0.8, "minutes": 4.0, "log": True,
        "temperature": 4.0, "kicks_s": 0.5,
    },
    "vector": {
        **_QUICK, "approach": "vector", "rate": 22_050, "seg_len": 1024, "num_unrollings": 1,
        "label_shape": (1, 1024), "overlap": 512, "int_cursor_inc": 512, "ext_cursor_inc": 512,
        "num_layers": 2, "hidden": 512, "minutes": 4.5, "components": 256, "noisify": 1.0,
        "kicks_s": 0.6, "temperature": 4.0,
    },
    "column": {
        **_QUICK, "approach": "column", "rate": 11_025, "seg_len": 256, "num_unrollings": 1,
        "num_layers": 2, "hidden": 128, "minutes": 18.0, "loss": "spread", "noisify": 0.01,
        "start": "linear", "lr": 3e-4, "temperature": 0.4, "kicks_s": 0.4,
    },
    "transpose": {
        **_QUICK, "approach": "transpose", "rate": 11_025, "seg_len": 256, "num_unrollings": 8,
        "num_layers": 2, "hidden": 128, "minutes": 18.0, "loss": "spread", "noisify": 0.01,
        "start": "linear", "lr": 3e-4, "temperature": 0.4, "kicks_s": 0.4,
    },
    "dissertation-spectrum": {"approach": "spectrum", "window_size": 1024, "hop_size": 256},
    "dissertation-vector": {"approach": "vector", "num_layers": 4},
    "dissertation-column": {
        "approach": "column", "use_dropout": True, "seg_len": 2048, "num_unrollings": 10,
        "num_epochs": 8, "weight_stddev": 1e-5,
    },
    "dissertation-transpose": {"approach": "transpose"},
}  # fmt: skip
"""By name; the values that are not the dissertation's defaults for the approach."""


__all__ = ["PRESET_VALUES"]
