"""Nine families of effects: the zoo's models beside the networks as published."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.bench import Report
from models.bench.effects.sounds import held_out
from models.effects.baselines import NETS, load_baseline
from models.effects.families import FAMILIES, Family
from models.effects.make import BASELINES, ZOO, make_pairs
from models.judging.metrics import esr, mel_distance
from models.judging.player import open_player
from models.pairs import open_pairs

Audio = NDArray[np.float32]
Play = Callable[[Audio], Audio]


def run(report: Report) -> None:
    """Add a row for each family, player and sound; what is missed is told as missed."""
    with tempfile.TemporaryDirectory() as name:
        dry = held_out(Path(name) / "held-out")
        for family in FAMILIES:
            if family.missing:
                report.add(f"{family.name}, needs {family.missing}", 0.0, "measured", "", None)
            else:
                _family(report, family, make_pairs(Path(name), family, dry))


def _family(report: Report, family: Family, folder: Path) -> None:
    sounds = {pair.dry.stem: pair.whole.load() for pair in open_pairs(folder).pairs}
    rate = open_pairs(folder).sample_rate
    unit = "ESR" if family.measure == "esr" else "of clean"
    for player, play in _players(family).items():
        for name, (dry, wet) in sounds.items():
            made = play(dry)
            if family.measure == "esr":
                value = esr(wet, made)
            else:
                value = mel_distance(wet, made, rate) / mel_distance(wet, dry, rate)
            target, holds = "", None
            if player == "ours":
                target, holds = f"at most {family.target:g}", value <= family.target
            report.add(f"{family.name}, {player}, {name}", value, unit, target, holds)


def _players(family: Family) -> dict[str, Play]:
    """Ours and each published network that was trained for the family."""
    ours = open_player(str(ZOO / family.name))
    players: dict[str, Play] = {"ours": lambda dry: ours.play(dry, ours.sample_rate)}
    for kind in NETS:
        path = BASELINES / f"{family.name}-{kind}.npz"
        if path.is_file():
            players[f"{kind} as published"] = load_baseline(path).play
    return players
