"""The published baselines: they learn what they can, play, and are saved in small files."""

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")
import torch

from models.effects.baselines import (
    NETS,
    Baseline,
    BaselineError,
    fit,
    load_baseline,
    train_baseline,
)
from models.effects.baselines.nets import from_steps, to_steps
from models.pairs import open_pairs

RATE = 48_000
every_kind = pytest.mark.parametrize("kind", NETS)


@pytest.fixture
def pairs(tmp_path):
    """Two seconds of low notes, at half the level."""
    time = np.arange(2 * RATE) / RATE
    dry = 0.4 * np.sin(2 * np.pi * (100.0 + 40.0 * time) * time) * np.cos(5.0 * time)
    for name, sound in (("dry", dry), ("wet", 0.5 * dry)):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "a.wav", sound, RATE, subtype="FLOAT")
    return open_pairs(tmp_path)


@every_kind
def test_it_learns_to_turn_down(pairs, kind, monkeypatch):
    monkeypatch.setattr(fit, "BATCH", 4)
    monkeypatch.setattr(fit, "SEGMENT", 512)
    dry, wet = (torch.from_numpy(sound)[None] for sound in pairs.split("validation")[0].load())
    frames = 2048 + Baseline(kind).net.past
    dry, wet = dry[:, :frames], wet[:, frames - 2048 : frames]
    before = Baseline(kind).net.loss(dry, wet).item()
    after = train_baseline(kind, pairs, 1.0, steps=12).net.loss(dry, wet).item()
    assert after < 0.99 * before


def test_what_is_no_number_in_the_end_is_not_taken_for_the_best(pairs, monkeypatch):
    for name, value in (("BATCH", 2), ("SEGMENT", 64), ("VALIDATE_EVERY", 1)):
        monkeypatch.setattr(fit, name, value)
    best = train_baseline("convolution", pairs, 1.0, steps=1)
    found = iter((0.5, float("nan"), float("nan")))
    monkeypatch.setattr(fit, "_esr", lambda net, pieces: next(found))
    kept = train_baseline("convolution", pairs, 1.0, steps=2)
    for one, other in zip(best.net.parameters(), kept.net.parameters(), strict=True):
        assert torch.equal(one, other)


@every_kind
def test_it_is_saved_small_and_plays_nearly_the_same(kind, tmp_path):
    baseline = Baseline(kind)
    dry = 0.1 * np.random.default_rng(0).standard_normal(3001).astype(np.float32)
    path = tmp_path / "deep" / f"{kind}.npz"
    baseline.save(path)
    assert path.stat().st_size < 300_000
    played = load_baseline(path).play(dry)
    assert played.shape == dry.shape and played.dtype == np.float32
    if kind != "wavenet":  # the likeliest step of one that has learnt nothing may be another
        assert np.abs(played - baseline.play(dry)).max() < 2e-3


@every_kind
def test_what_comes_later_is_not_heard(kind):
    baseline = Baseline(kind)
    dry = 0.1 * np.random.default_rng(0).standard_normal(2048).astype(np.float32)
    changed = dry.copy()
    changed[1024:] = 0.0
    assert np.array_equal(baseline.play(changed)[:1024], baseline.play(dry)[:1024])


def test_mu_law_goes_there_and_back():
    sound = torch.linspace(-1.0, 1.0, 1001)
    assert (from_steps(to_steps(sound)) - sound).abs().max() < 0.022
    assert torch.equal(to_steps(from_steps(torch.arange(256))), torch.arange(256))


def test_a_file_that_holds_none_is_told_in_one_line(tmp_path):
    with pytest.raises(BaselineError, match="there is no such file"):
        load_baseline(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(b"no")
    with pytest.raises(BaselineError, match="it is no baseline that was saved"):
        load_baseline(tmp_path / "a.npz")
    with pytest.raises(BaselineError, match="no baseline is called gan; there are convolution"):
        Baseline("gan")
