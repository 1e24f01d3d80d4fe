"""The trainer: it learns, stops, resumes to the bit and leaves what one can listen to."""

import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")
pytest.importorskip("lightning")
import torch

from engine.cli import complaint
from engine.neural.compiled import compile_network
from models.effects import networks
from models.effects.dataset import Material
from models.effects.losses import Loss, LossError, esr, parse_loss
from models.effects.networks.recurrent import Recurrent
from models.effects.networks.ssm import SsmNetwork
from models.effects.training import RECIPES, Settings, TrainingError, loop, train
from models.effects.training.watching import write_preview
from models.pairs import KnobRange, Pair, Pairs, PairsError, open_pairs

RATE = 48_000
TINY = {
    "ssm-tiny": lambda name, k: small(SsmNetwork(name, k, blocks=1, channels=4, states=2)),
    "lstm-tiny": lambda name, k: small(Recurrent(name, k, hidden=4)),
}
QUICK = Settings(steps=40, batch=4, segment=512, threads=2, accelerator="cpu")
every_kind = pytest.mark.parametrize("kind", TINY)


def small(network):
    network.warm_up = 64
    return network


@pytest.fixture(autouse=True)
def tiny():
    """Small networks, short windows and short pieces to validate on."""
    with pytest.MonkeyPatch.context() as patch:
        for name, builder in TINY.items():
            patch.setitem(networks.ARCHITECTURES, name, builder)
        patch.setitem(RECIPES, "lstm", replace(RECIPES["lstm"], truncate=256))
        patch.setattr(loop, "PIECE_S", 0.04)
        patch.setattr(loop, "PREVIEW_S", 0.2)
        yield


@pytest.fixture
def pairs(tmp_path):
    """A second of noise through a soft curve, at a third of the level."""
    return written(tmp_path / "pairs")


def written(folder, gain=0.3, seed=0):
    rng = np.random.default_rng(seed)
    dry = (0.3 * rng.standard_normal(RATE)).astype(np.float32)
    for name, sound in (("dry", dry), ("wet", gain * np.tanh(2.0 * dry))):
        (folder / name).mkdir(parents=True)
        soundfile.write(folder / name / "a.wav", sound, RATE, subtype="FLOAT")
    return open_pairs(folder)


def learn(pairs, kind, settings=QUICK, **more):
    return train(pairs, kind, settings, progress=False, **more)


@every_kind
def test_it_learns_a_soft_curve(pairs, kind):
    trained = learn(pairs, kind, replace(QUICK, steps=80))
    first, last = trained.history[0], trained.history[-1]
    assert trained.steps == 80 and trained.stopped == "budget"
    assert last["loss"] < 0.5 * first["loss"]
    assert trained.validation_esr < 0.2
    assert trained.summary()["architecture"] == kind


@every_kind
def test_what_is_trained_plays_in_the_engine(pairs, kind):
    module = learn(pairs, kind, replace(QUICK, steps=3)).module
    dry, _ = pairs.split("validation")[0].load()
    dry = dry[:2000]
    with torch.no_grad():
        wet = module(torch.from_numpy(dry)[None])[0].numpy()
    assert np.abs(compile_network(module.to_network()).play(dry) - wet).max() < 1e-5


def test_a_very_quiet_effect_is_learnt_as_well_as_a_loud_one(tmp_path):
    settings = replace(QUICK, steps=10)
    pairs = [written(tmp_path / str(gain), gain) for gain in (1e-3, 1.0)]
    found = [learn(given, "ssm-tiny", settings).history[-1]["loss"] for given in pairs]
    assert found[0] == pytest.approx(found[1], rel=0.05)


@every_kind
def test_resuming_is_going_on_to_the_bit(pairs, kind, tmp_path, monkeypatch):
    whole = learn(pairs, kind, replace(QUICK, steps=20))
    settings = replace(QUICK, steps=20, folder=tmp_path / "run")
    stop_after(monkeypatch, 10)
    broken = learn(pairs, kind, settings)
    assert broken.stopped == "interrupted" and broken.steps == 10
    monkeypatch.undo()
    resumed = learn(pairs, kind, settings, resume=True)
    assert resumed.steps == 20
    state = whole.module.state_dict()
    for name, value in resumed.module.state_dict().items():
        assert torch.equal(value, state[name]), name


def stop_after(monkeypatch, steps):
    """Press Ctrl-C while a step is learnt."""
    inner = loop.Training._step

    def step(training):
        if training.stands.step == steps - 1:
            os.kill(os.getpid(), signal.SIGINT)
        inner(training)

    monkeypatch.setattr(loop.Training, "_step", step)


def test_ctrl_c_returns_the_best_and_leaves_a_checkpoint(pairs, tmp_path, monkeypatch):
    stop_after(monkeypatch, 12)
    trained = learn(pairs, "ssm-tiny", replace(QUICK, folder=tmp_path))
    best = min(row["validation_esr"] for row in trained.history)
    assert trained.stopped == "interrupted" and trained.steps == 12
    assert trained.validation_esr == pytest.approx(best, rel=0.2)
    assert (tmp_path / "checkpoint.pt").is_file()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_folder_gets_curves_and_a_preview(pairs, tmp_path):
    learn(pairs, "ssm-tiny", replace(QUICK, steps=4, folder=tmp_path))
    sounds = {name: soundfile.read(tmp_path / f"preview-{name}.wav") for name in
              ("dry", "effect", "model")}  # fmt: skip
    assert {rate for _, rate in sounds.values()} == {RATE}
    assert len({len(sound) for sound, _ in sounds.values()}) == 1
    assert list((tmp_path / "tensorboard").glob("events*"))
    assert not list(tmp_path.glob(".*"))


def test_patience_ends_a_training_that_no_longer_gets_better(pairs, monkeypatch):
    monkeypatch.setattr(loop.Training, "_esr", lambda training, pieces: 0.5)
    settings = replace(QUICK, steps=100, patience=3, validate_every_steps=2)
    trained = learn(pairs, "ssm-tiny", settings)
    assert trained.stopped == "patience" and trained.steps == 8


def test_time_ends_a_training(pairs):
    trained = learn(pairs, "ssm-tiny", replace(QUICK, steps=None, minutes=0.02))
    assert trained.stopped == "budget" and trained.steps >= 1


def test_nothing_is_said_but_what_is_asked_for(pairs, capfd):
    learn(pairs, "ssm-tiny", replace(QUICK, steps=2))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"minutes": 0.0}, "minutes = 0.0 must be above 0"),
     ({"batch": 0}, "batch = 0 must be at least 1"),
     ({"learning_rate": 3.0}, "learning_rate = 3.0 is outside 0 to 1")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings, told):
    with pytest.raises(TrainingError, match=told):
        Settings(**settings)


def test_what_cannot_be_resumed_is_told_in_one_line(pairs, tmp_path):
    settings = replace(QUICK, steps=2, folder=tmp_path)
    with pytest.raises(TrainingError, match="there is no checkpoint to resume from"):
        learn(pairs, "ssm-tiny", settings, resume=True)
    learn(pairs, "ssm-tiny", settings)
    with pytest.raises(TrainingError, match=r"it is of ssm-tiny .*, not of lstm-tiny"):
        learn(pairs, "lstm-tiny", settings, resume=True)
    (tmp_path / "checkpoint.pt").write_bytes(b"broken")
    with pytest.raises(TrainingError, match=r"checkpoint.pt: "):
        learn(pairs, "ssm-tiny", settings, resume=True)


def test_what_chose_by_other_pairs_is_not_resumed(pairs, tmp_path):
    settings = replace(QUICK, steps=2, folder=tmp_path / "run")
    learn(pairs, "ssm-tiny", settings)
    with pytest.raises(TrainingError, match=r"checkpoint\.pt: it held out other pairs") as caught:
        learn(written(tmp_path / "more", seed=1), "ssm-tiny", settings, resume=True)
    assert "\n" not in str(caught.value)
    old = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    del old["held_out"]  # as it was written before there was such a thing
    torch.save(old, tmp_path / "run" / "checkpoint.pt")
    assert learn(pairs, "ssm-tiny", replace(settings, steps=4), resume=True).steps == 4


@pytest.mark.parametrize("every", [5, 100])
def test_a_loss_that_is_never_finite_is_told_however_often_it_is_validated(
    pairs, monkeypatch, every
):
    monkeypatch.setattr(loop.Crew, "learn", lambda *given: float("nan"))
    with pytest.raises(TrainingError, match="the loss is not finite since 20 steps") as caught:
        learn(pairs, "ssm-tiny", replace(QUICK, steps=60, validate_every_steps=every))
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_line_and_leaves_the_checkpoint(pairs, tmp_path, monkeypatch):
    settings = replace(QUICK, steps=4, validate_every_steps=2, folder=tmp_path)
    learn(pairs, "ssm-tiny", settings)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(kept, file):
        file.write(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="the disk may be full") as caught:
        learn(pairs, "ssm-tiny", settings)
    assert complaint(caught.value).startswith(f"{tmp_path / 'checkpoint.pt'}: cannot be written")
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_preview_that_finds_no_room_is_an_error_of_the_system(tmp_path, monkeypatch):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    monkeypatch.setattr("engine.whole.os.urandom", bytes)  # so that the draft's name is known
    (tmp_path / ".preview-dry.wav.00000000.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_preview(tmp_path, RATE, {"dry": np.zeros(RATE, np.float32)})


def test_silence_is_nothing_to_learn(tmp_path):
    with pytest.raises(PairsError, match="the wet sound for train is silent"):
        learn(written(tmp_path / "silent", gain=0.0), "ssm-tiny")


def test_a_row_beside_the_sound_is_heard_and_a_knob_is_told_by_its_name(tmp_path):
    rng = np.random.default_rng(0)
    dry, lfo = (0.3 * rng.standard_normal((2, RATE))).astype(np.float32)
    lfo = np.repeat(np.sign(lfo[::4000]), 4000)[:RATE]
    made = []
    for at, knob in enumerate((0.0, 5.0)):
        paths = tmp_path / f"dry{at}.wav", tmp_path / f"wet{at}.wav"
        sounds = np.stack([dry, lfo], 1), (0.2 + 0.1 * knob) * dry * (1.0 + 0.5 * lfo)
        for path, sound in zip(paths, sounds, strict=True):
            soundfile.write(path, sound, RATE, subtype="FLOAT")
        made += [
            Pair("a", *paths, split, {"level": knob}, RATE, 0, RATE, controls=1)
            for split in ("train", "validation")
        ]
    pairs = Pairs(tmp_path, RATE, tuple(made), (KnobRange("level", 0.0, 5.0),), {})
    trained = learn(pairs, "ssm-tiny", replace(QUICK, steps=200))
    assert trained.knobs == ("level",) and trained.module.controls == 2
    dry_rows = torch.from_numpy(dry[None, :4000])
    levels = []
    for knob in (0.0, 1.0):
        rows = torch.stack([torch.full((4000,), knob), torch.from_numpy(lfo[:4000])])[None]
        with torch.no_grad():
            levels.append(float(trained.module(dry_rows, rows).square().mean()))
    assert levels[1] > 1.5 * levels[0]


def test_an_effect_that_raises_soft_sound_is_heard_louder(tmp_path):
    rng = np.random.default_rng(0)
    loud = np.repeat([1.0, 0.05], RATE // 2) * rng.uniform(-0.5, 0.5, RATE)
    sounds = {"soft": (loud, 0.3 * loud), "fuzz": (loud, 0.3 * np.tanh(100.0 * loud))}
    heard = {}
    for name, (dry, wet) in sounds.items():
        pair = SimpleNamespace(name="a", knobs={}, control=np.zeros((0, RATE), np.float32))
        pair.load = lambda dry=dry, wet=wet: (dry.astype(np.float32), wet.astype(np.float32))
        pairs = SimpleNamespace(folder="here", knobs=(), split=lambda name, pair=pair: (pair,))
        heard[name], _ = Material(pairs, "train").levels()
    assert heard["soft"] == pytest.approx(np.sqrt(np.mean(loud**2)), rel=1e-3)
    assert heard["fuzz"] < 0.5 * heard["soft"]


def test_a_network_of_ones_own_is_learnt_instead(pairs):
    own = small(SsmNetwork("mine", 0, blocks=1, channels=2, states=2))
    trained = learn(pairs, "ssm-tiny", replace(QUICK, steps=2), network=own)
    assert trained.module is own


def test_short_sound_is_learnt_with_silence_before_it():
    pair = SimpleNamespace(name="a", knobs={}, control=np.zeros((0, 100), np.float32))
    sound = np.arange(1, 101, dtype=np.float32)
    pair.load = lambda: (sound, 2.0 * sound)
    pairs = SimpleNamespace(folder="here", knobs=(), split=lambda name: (pair,))
    dry, wet, controls = Material(pairs, "train").draw(1, 0, 2, 150)
    assert controls is None and torch.equal(wet, 2.0 * dry)
    assert not dry[:, :50].any() and dry[0, -1] == 100.0


# -- losses -------------------------------------------------------------------------------


def test_a_loss_without_the_waveform_is_refused():
    with pytest.raises(LossError, match="blind to polarity"):
        Loss(esr=0.0, emphasised=0.0, stft=1.0)
    with pytest.raises(LossError, match="blind to polarity"):
        parse_loss("stft=1,dc=1")


def test_a_recurrent_network_learns_from_spectra_too(pairs):
    pytest.importorskip("auraloss")
    settings = replace(QUICK, steps=2, segment=4096, loss=parse_loss("esr=1,stft=0.1"))
    assert loop.recipe_of("lstm-tiny", settings, False).truncate == 2048
    assert learn(pairs, "lstm-tiny", settings).steps == 2
    with pytest.raises(TrainingError, match="segment = 512: with stft in the loss, at least 2048"):
        learn(pairs, "lstm-tiny", replace(settings, segment=512))


def test_a_loss_is_read_from_a_line():
    assert parse_loss("esr=1,stft=0.1") == Loss(esr=1.0, emphasised=0.0, stft=0.1)
    with pytest.raises(LossError, match="mse is no term"):
        parse_loss("mse=1")
    with pytest.raises(LossError, match="esr = x is no number"):
        parse_loss("esr=x")


def test_every_term_is_zero_where_the_sounds_are_equal_and_hears_polarity_or_level():
    target = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0)) + 0.1
    for loss in (Loss(1.0, 0.0), Loss(0.0, 1.0), Loss(dc=1.0)):
        assert loss(target, target, 1e-6) == 0.0
        assert loss(-target, target, 1e-6) > 3.5
    assert esr(0.9 * target, target) == pytest.approx(0.01, rel=1e-4)


def test_the_spectral_term_is_auralosss():
    pytest.importorskip("auraloss")
    target = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    with_it, without = Loss(stft=1.0), Loss()
    assert with_it(target, target, 1e-6) == pytest.approx(0.0, abs=1e-3)
    louder = 2.0 * target
    assert with_it(louder, target, 1e-6) > without(louder, target, 1e-6) + 0.1
