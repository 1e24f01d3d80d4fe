"""Real recordings: a flanger, a tape machine, and two amplifiers whose knob is interpolated."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from engine.bench import Report
from models.bench.effects.sounds import data
from models.effects.grey.recordings import akai, donner
from models.effects.recordings import interpolated, settled
from models.effects.training import Settings

KNOBS = (
    ("gain stage", "pairs/klon_gainstage_spice", 0.5, "lstm", 0.2),
    ("amplifier", "pairs/panama_amp_3knob", 0.5, "lstm+gain", 0.0),
)
"""Folder, the setting that is never heard, the network, seconds in which the circuit settles."""
MOST_MINUTES = 2.0


def run(report: Report, seconds: float) -> None:
    """Add rows for the recordings that are here."""
    folder = data("pairs/donner_flanger_wright")
    if folder is not None:
        _flanger(report, folder)
    folder = data("pairs/tape_akai_maxell")
    if folder is not None:
        _tape(report, folder)
    for name, path, left_out, architecture, settle in KNOBS:
        folder = data(path)
        if folder is not None:
            with tempfile.TemporaryDirectory() as work:
                heard = settled(folder, Path(work), settle) if settle else folder
                _knob(report, name, heard, left_out, architecture, seconds)


def _flanger(report: Report, folder: Path) -> None:
    found = donner(folder)
    published, whole = found["published_with_lfo"], found["published_with_lfo_all"]
    report.add("flanger, published, LFO given, all 10 s", whole, "ESR")
    report.add("flanger, published, LFO given, last 3 s", published, "ESR")
    rows = (
        ("flanger, ours, LFO given, last 3 s", "with_lfo", 0.0188),
        ("flanger, ours, LFO given, all 10 s crosswise", "with_lfo_all", 0.0188),
        ("flanger, ours, LFO not given, last 3 s", "without_lfo", 0.15),
    )
    for name, key, most in rows:
        _at_most(report, name, found[key], most)


def _tape(report: Report, folder: Path) -> None:
    found = akai(folder)
    published = found["published_with_delay"]
    report.add("tape, published, true delay", published, "ESR")
    for take in ("io1", "io2"):
        figures: dict[str, Any] = found[take]
        _at_most(report, f"tape, ours, delay from the pair, {take}", figures["ours"], published)
        report.add(f"tape, ours, fitted to the other take, {take}", figures["other_file"], "ESR")


def _knob(
    report: Report, name: str, folder: Path, left_out: float, architecture: str, seconds: float
) -> None:
    settings = Settings(minutes=min(MOST_MINUTES, seconds / 60.0))
    found = interpolated(folder, left_out, architecture, settings)
    for at, error in found.esr.items():
        heard = "never heard" if at == left_out else "trained"
        report.add(f"{name}, {found.knob} {at:g} ({heard})", error, "ESR")
        report.add(f"{name}, {found.knob} {at:g}, clean", found.clean[at], "ESR")


def _at_most(report: Report, name: str, value: float | None, most: float) -> None:
    found = float("inf") if value is None else value
    report.add(name, min(found, 1e9), "ESR", f"at most {most:g}", found <= most)
