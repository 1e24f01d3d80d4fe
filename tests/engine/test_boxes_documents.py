"""What a model's file may say of a box: anything else is refused in one line."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import pytest

from engine.boxes import BOXES, BoxError, read_box
from engine.boxes.documents import document
from engine.boxes.echo import Echo
from engine.modelfiles.taraf import taraf_bytes
from engine.neural.limits import BOXES as MOST
from engine.neural.network import Network, Signal, Stage


def packed(*numbers: float) -> dict[str, str]:
    return {"f32": base64.b64encode(np.array(numbers, "<f4").tobytes()).decode()}


ECHO: dict[str, Any] = {
    "kind": "echo",
    "delay_samples": 100,
    "dry": packed(1.0),
    "echo": packed(0.5),
    "loop": packed(0.3),
}
TREMOLO: dict[str, Any] = {"kind": "tremolo"}
PITCH: dict[str, Any] = {"kind": "pitch", "ratio": 2.0}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (None, "a box is a table with a kind"),
        ({"kind": ["fir"]}, "a box is a table with a kind"),
        ({"kind": "amp"}, "no grey box is called 'amp'; there are fir,"),
        ({**ECHO, "level": 1.0}, "echo: has no 'level'; it has delay_samples,"),
        ({"kind": "echo"}, "echo: delay_samples is missing"),
        ({**ECHO, "delay_samples": 1.5}, "echo: delay_samples is not a whole number"),
        ({**ECHO, "delay_samples": 10**9}, "delay_samples = 1000000000 is outside 1 to"),
        ({**ECHO, "delay_samples": 10**400}, "echo: delay_samples is not a whole number"),
        ({**ECHO, "dry": 1.0}, "echo: dry is not packed numbers"),
        ({**ECHO, "dry": [1.0]}, "echo: dry is not packed numbers"),
        ({**ECHO, "dry": {"f32": "AA"}}, "echo: dry: packed numbers are"),
        ({**ECHO, "dry": packed(math.nan)}, "echo: dry has a number that is not finite"),
        ({**ECHO, "dry": packed(*[0.1] * 600)}, "echo: dry has 600 numbers, may have 1 to 512"),
        ({**ECHO, "loop": packed(1.5)}, "echo: a loop with a gain of 1.5; it must be below 1"),
        ({**TREMOLO, "rate_hz": math.nan}, "tremolo: rate_hz is not a number"),
        ({**TREMOLO, "rate_hz": "fast"}, "tremolo: rate_hz is not a number"),
        ({**TREMOLO, "rate_hz": True}, "tremolo: rate_hz is not a number"),
        ({**TREMOLO, "rate_hz": 1e9}, "tremolo: rate_hz = 1000000000.0 is outside 0 to 1000"),
        ({**TREMOLO, "shape": 3}, "tremolo: shape is not a text"),
        ({**TREMOLO, "shape": "square"}, "tremolo: shape 'square' is none of"),
        ({**PITCH, "window": 4.0}, "pitch: window = 4 is none of"),
        ({**PITCH, "ratio": 100}, "pitch: ratio = 100.0 is outside 0.25 to 4"),
    ],
)
def test_what_is_wrong_with_a_box_is_told_in_one_line(given: Any, complaint: str) -> None:
    with pytest.raises(BoxError) as refused:
        read_box(given)
    assert complaint in str(refused.value) and "\n" not in str(refused.value)


def test_a_box_comes_back_as_it_was() -> None:
    box = read_box(ECHO)
    assert isinstance(box, Echo) and document(box) == ECHO
    assert document(read_box({**ECHO, "delay_samples": 100.0})) == ECHO


@pytest.mark.parametrize("kind", BOXES)
def test_every_kind_refuses_any_nonsense(kind: str) -> None:
    fields = document(read_box(ECHO if kind == "echo" else VALID[kind]))
    for name in fields:
        for nonsense in (None, [], {}, "nonsense", -(10**40), math.inf, {"f32": 3}):
            with pytest.raises(BoxError):
                read_box({**fields, name: nonsense})


VALID: dict[str, dict[str, Any]] = {
    "fir": {"kind": "fir", "taps": packed(1.0)},
    "pitch": PITCH,
    "compressor": {
        "kind": "compressor", "detector": "rms", "threshold_db": -20, "slope": 0.5, "knee_db": 6,
        "makeup_db": 0, "attack_ms": 5, "release_ms": 50,
    },
    "tail": {
        "kind": "tail", "delays": packed(*range(100, 108)), "absorb": packed(*[0.9] * 8),
        "tone": packed(1.0),
    },
    "modulated": {"kind": "modulated"},
    "phaser": {"kind": "phaser"},
    "tremolo": TREMOLO,
}  # fmt: skip


def test_more_boxes_than_a_machine_has_memory_for_are_refused() -> None:
    source = signal = Signal(1)
    ops = []
    for _ in range(MOST + 1):
        after = Signal(1)
        ops.append(Stage((signal,), after, read_box(ECHO), 48_000))
        signal = after
    with pytest.raises(ValueError, match=f"has {MOST + 1} boxes, a model has at most {MOST}"):
        taraf_bytes(Network(source, signal, list(ops)), 48_000, "many")
