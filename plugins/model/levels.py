"""How loud a model is played: as trained, at one loudness for all, or as the gear was.

As Neural Amp Modeler's plugin has it. A model's file says what level a full-scale sample stands
for (dBu) and how loud it is; whatever it does not say leaves the level as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.modelfiles import ModelFile

TARGET_DB = -18.0
BELIEVED_DB = 6.0
"""How far a file's loudness may be from what we measure: more, and a stage would hear it."""
CORRECTION_DB = 40.0
"""The most that a level in a file may change: what is beyond is a mistake in the file."""


@dataclass(frozen=True)
class Levels:
    """Gains around a network: ``in_db`` plus ``in_interface`` times the interface's dBu."""

    in_db: float = 0.0
    in_interface: float = 0.0
    out_db: float = 0.0
    out_interface: float = 0.0
    warnings: tuple[str, ...] = ()


def levels(kind: str, model: ModelFile, measured_db: float | None) -> Levels:
    """Gains for a model played raw, normalised or calibrated; ``measured_db`` is its loudness."""
    if kind == "normalised":
        return _normalised(model, measured_db)
    if kind != "calibrated":
        return Levels()
    missing = [
        f"{model.name} does not say its {way} level in dBu: it is as trained"
        for way, given in (("input", model.input_dbu), ("output", model.output_dbu))
        if given is None
    ]
    known_in, known_out = model.input_dbu is not None, model.output_dbu is not None
    return Levels(
        in_db=-(model.input_dbu or 0.0),
        in_interface=1.0 if known_in else 0.0,
        out_db=model.output_dbu or 0.0,
        out_interface=-1.0 if known_out else 0.0,
        warnings=tuple(missing),
    )


def _normalised(model: ModelFile, measured_db: float | None) -> Levels:
    """What the file says is believed unless it is far from what is heard."""
    said_db = model.loudness_db
    if measured_db is None:
        return Levels()
    if said_db is None or abs(said_db - measured_db) <= BELIEVED_DB:
        return Levels(out_db=_within(TARGET_DB - (measured_db if said_db is None else said_db)))
    return Levels(
        out_db=_within(TARGET_DB - measured_db),
        warnings=(
            f"{model.name} says its loudness is {said_db:.1f} dB, but it is {measured_db:.1f} dB: "
            "that is what its level is set by",
        ),
    )


def _within(gain_db: float) -> float:
    return max(-CORRECTION_DB, min(CORRECTION_DB, gain_db))
