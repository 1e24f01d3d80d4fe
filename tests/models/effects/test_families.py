"""The families of effects: each can be rendered, and each changes what it hears."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pedalboard")
pytest.importorskip("scipy")
from models.effects.families import (
    FAMILIES,
    SAMPLE_RATE,
    SHIPPED,
    Family,
    FamilyError,
    cabinet,
    family,
)
from models.effects.make import make_pairs
from models.pairs import open_pairs
from models.pairs.spec import parse_chain, parse_latency

from ..pairs.folder import phrase, save

ROOT = Path(__file__).parents[3]
every_effect = pytest.mark.parametrize("one", (*FAMILIES, *SHIPPED), ids=lambda one: one.name)


@every_effect
def test_every_chain_and_latency_can_be_read(one: Family, tmp_path: Path) -> None:
    if one.missing:
        pytest.skip(f"needs {one.missing}")
    chain = parse_chain(one.plugin(tmp_path))
    assert len(chain) == one.chain.count("|") + 1
    parse_latency(one.latency)


def test_there_are_nine_and_each_name_means_one() -> None:
    names = [one.name for one in (*FAMILIES, *SHIPPED)]
    assert len(FAMILIES) == 9 and len(set(names)) == len(names)
    assert all(family(name).name == name for name in names)
    with pytest.raises(FamilyError, match=r"no family is called kazoo; there are distortion, "):
        family("kazoo")


def test_the_cabinet_is_finite_and_of_unit_energy() -> None:
    taps = cabinet()
    assert np.isfinite(taps).all()
    assert np.sum(np.square(taps, dtype=np.float64)) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(taps[-20:]).max() < 1e-3 * np.abs(taps).max()  # it ends without a step


def test_every_effect_changes_a_real_sound(tmp_path: Path) -> None:
    dry = tmp_path / "dry"
    save(dry / "a.wav", phrase(1.0, rate=SAMPLE_RATE), SAMPLE_RATE)
    for one in (*FAMILIES, *SHIPPED):
        if one.missing:
            continue
        (pair,) = {pair.wet: pair for pair in open_pairs(make_pairs(tmp_path, one, dry)).pairs
                   }.values()  # fmt: skip
        clean, wet = pair.whole.load()
        assert np.isfinite(wet).all(), one.name
        changed = np.sum(np.square(wet - clean)) / np.sum(np.square(clean))
        assert changed > 1e-3, one.name


def test_a_family_that_is_none_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "models.effects.make", "pairs", str(tmp_path), "kazoo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("no family is called kazoo; there are ")
    assert done.stderr.count("\n") == 1
