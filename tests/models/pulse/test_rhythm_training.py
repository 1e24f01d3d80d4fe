"""Learning a drummer: from takes, from a checkpoint, from one's own recordings."""

from __future__ import annotations

import json
import signal
import threading
from dataclasses import replace
from pathlib import Path

import drum_loops
import mido
import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("lightning")

import torch

from engine.artefact import ArtefactError
from engine.rhythm import CARD, open_rhythm
from models.commands.train import train as command
from models.pulse.errors import PulseError
from models.pulse.rhythm import judging, table
from models.pulse.rhythm.baselines import Contexts, Medians
from models.pulse.rhythm.checkpoint import NAME
from models.pulse.rhythm.grid import Grid, grid_of
from models.pulse.rhythm.material import Material
from models.pulse.rhythm.settings import Settings
from models.pulse.rhythm.training import Training, train
from models.pulse.rhythm.writing import as_model, write
from models.pulse.takes import groove

DATA = Path(__file__).parents[4] / "shared" / "data" / "drums"
STYLES = ("funk", "rock")
SMALL = {"hidden": 16, "chain": 12, "batch": 4, "piece": 32, "dropout": 0.0}

needs_data = pytest.mark.skipif(
    not (DATA / "gmd" / "info.csv").is_file(), reason="needs the takes in ../shared/data"
)


def loop(bars=8, seed=0, style="rock"):
    """The same bar over and over, a little late and a little early."""
    rng = np.random.default_rng(seed)
    hits = np.tile((rng.random((16, 9)) < 0.2).astype(np.float32), (bars, 1))
    velocities = hits * rng.uniform(0.4, 0.8, hits.shape).astype(np.float32)
    offsets = hits * rng.uniform(-0.1, 0.1, hits.shape).astype(np.float32)
    return Grid(hits, velocities, offsets, 16, 110.0, style)


def quick(steps=30, **more):
    return Settings(**{**SMALL, "steps": steps, "validate_every_steps": 10, **more})


def learnt(**more):
    loops = [loop(seed=seed) for seed in range(4)]
    return train(loops, loops[:2], STYLES, quick(**more), shown=False)


def drums(path: Path, bars: int = 12, seed: int = 0) -> Path:
    """A MIDI file with the loop of that seed."""
    pitches = (36, 38, 37, 42, 46, 51, 49, 48, 41)
    grid = loop(bars, seed)
    track, now = mido.MidiTrack(), 0
    for step, drum in zip(*np.nonzero(grid.hits), strict=True):
        at = int(step) * 120
        told = {"note": pitches[drum], "velocity": 80, "channel": 9}
        track.append(mido.Message("note_on", time=at - now, **told))
        now = at
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(path)
    return path


def test_training_foretells_loops_better_than_before():
    trained = learnt(steps=120, validate_every_steps=60, learning_rate=2e-2)
    first, last = trained.history[0], trained.history[-1]
    assert last["bits"] < 0.8 * first["bits"]
    assert trained.bits == pytest.approx(min(row["bits"] for row in trained.history), abs=1e-3)


def test_the_same_seed_makes_the_same_weights():
    one, same, other = (learnt(steps=5, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.network.w, same.network.w)
    assert not torch.equal(one.network.w, other.network.w)


def test_a_training_goes_on_from_its_checkpoint_as_if_it_had_not_stopped(tmp_path):
    loops = [loop(seed=seed) for seed in range(4)]
    materials = [Material(loops, STYLES, SMALL["piece"])]
    settings = quick(20, dropout=0.3, folder=tmp_path)
    whole = Training(materials, loops[:2], replace(settings, folder=None))
    whole.run(shown=False)
    Training(materials, loops[:2], replace(settings, pause_at=0.5)).run(shown=False)
    torch.rand(7)  # whatever happened meanwhile
    second = Training(materials, loops[:2], settings, resume=True)
    assert second.stands.step == 10
    second.run(shown=False)
    assert whole.stands.best_bits == second.stands.best_bits
    for one, other in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)
        moved = (training.optimiser.state[weight]["exp_avg"]
                 for training, weight in ((whole, one), (second, other)))  # fmt: skip
        assert torch.equal(*moved)


def test_what_cannot_be_resumed_is_told_in_one_line(tmp_path):
    loops = [loop()]
    with pytest.raises(PulseError, match="no checkpoint to resume from"):
        train(loops, loops, STYLES, quick(folder=tmp_path), resume=True, shown=False)
    train(loops, loops, STYLES, quick(2, folder=tmp_path), shown=False)
    with pytest.raises(PulseError, match="not of a rhythm model"):
        more = quick(2, folder=tmp_path, hidden=8)
        train(loops, loops, STYLES, more, resume=True, shown=False)
    for takes, more in ((loops, {"seed": 2}), (loops, {"batch": 3}), ([loop(seed=5)], {})):
        with pytest.raises(PulseError, match=r"checkpoint\.pt: it is of .*, not of ") as caught:
            train(takes, loops, STYLES, quick(2, folder=tmp_path, **more), resume=True, shown=False)
        assert "\n" not in str(caught.value)
    (tmp_path / NAME).write_bytes(b"torn")
    with pytest.raises(PulseError, match="cannot be read"):
        train(loops, loops, STYLES, quick(2, folder=tmp_path), resume=True, shown=False)


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="needs signals")
def test_ctrl_c_ends_a_training_and_keeps_the_best():
    timer = threading.Timer(0.5, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    trained = learnt(steps=100_000)
    timer.join()
    assert trained.stopped == "interrupted"
    assert 0 < trained.steps < 100_000


def test_nothing_to_learn_from_is_told():
    with pytest.raises(PulseError, match="longer than 16 steps"):
        train([], [loop()], STYLES, quick(), shown=False)
    for wrong in ({"steps": 0}, {"minutes": 0.0}, {"batch": 0}):
        with pytest.raises(PulseError, match="must be"):
            Settings(**wrong)


def test_what_is_written_is_what_was_trained_and_no_folder_of_others_is_replaced(tmp_path):
    trained = learnt(steps=5)
    made = write(trained.network, trained.styles, tmp_path / "mine", "A \n line", {"steps": 5})
    assert (made.name, made.about, made.trained["steps"]) == ("mine", "A line", 5)
    grid, live = loop(), as_model(trained.network, trained.styles)
    (one,), (other,) = (judging.of_model(model, [grid]) for model in (made, live))
    np.testing.assert_array_equal(one.chances, other.chances)
    write(trained.network, trained.styles, tmp_path / "mine", "", {})
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(ArtefactError, match=r"letter\.txt"):
        write(trained.network, trained.styles, tmp_path / "mine", "", {})
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_card_tells_any_name_that_a_file_may_have(tmp_path):
    trained = learnt(steps=1)
    for name, told in (("de\x7fl\u266a", "de\x7fl\u266a"), ("caf\udce9", "caf?")):
        made = write(trained.network, trained.styles, tmp_path / "mine", "", {"command": name})
        assert made.trained["command"] == told


def test_a_performers_own_files_make_a_model_of_his_own(tmp_path, monkeypatch):
    monkeypatch.setenv("TARAF_MODELS", str(tmp_path / "models"))
    trained = learnt(steps=5)
    start = write(trained.network, trained.styles, tmp_path / "start", "", {})
    files = [str(drums(tmp_path / f"{name}.mid", seed=9)) for name in ("one", "two")]
    given = ["rhythm", *files, "--model", str(start.path), "--name", "Mine!", "--steps", "60"]
    ran = CliRunner().invoke(command, [*given, "--runs", str(tmp_path / "runs"), "--json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["last_bars_bits"] < told["bits_before"]
    assert "no test" in told["judged_on"]
    made = open_rhythm(tmp_path / "models" / "mine")
    assert made.styles == start.styles
    assert (made.arrays["w"] != start.arrays["w"]).any()
    assert not (tmp_path / "runs").exists()  # what is not resumed leaves no checkpoint
    assert "heard" not in told


def test_ctrl_c_leaves_a_model_that_is_there_as_it_was(tmp_path, monkeypatch):
    stopped = replace(learnt(steps=2), stopped="interrupted")
    monkeypatch.setattr("models.pulse.rhythm.making.fine_tune", lambda *_: stopped)
    given = ["rhythm", str(drums(tmp_path / "one.mid")), "--out", str(tmp_path), "--json"]
    first = CliRunner().invoke(command, given)
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["written"] and "the best so far is written" in first.stderr
    card = tmp_path / "one" / CARD
    card.write_text("of a whole night")
    second = CliRunner().invoke(command, given)
    assert second.exit_code == 0, second.output
    assert not json.loads(second.stdout)["written"]
    assert second.stderr == f"stopped: {tmp_path / 'one'} is kept as it was\n"
    assert card.read_text() == "of a whole night"


def test_who_gives_a_recording_is_told_which_beat_was_heard(tmp_path, monkeypatch):
    monkeypatch.setenv("TARAF_MODELS", str(tmp_path / "models"))
    beaten = drum_loops.loop(drum_loops.steady(110.0, 24.0), 44_100, 24.0)
    soundfile.write(tmp_path / "loop.wav", beaten, 44_100)
    given = ["rhythm", str(tmp_path / "loop.wav"), "--name", "Mine", "--steps", "2", "--json"]
    ran = CliRunner().invoke(command, given)
    assert ran.exit_code == 0, ran.output
    heard = json.loads(ran.stdout.splitlines()[-1])["heard"]
    assert heard.startswith("loop.wav: 110 bpm, 4 beats a bar, ")
    assert open_rhythm(tmp_path / "models" / "mine").styles


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "nothing to learn from"),
        (["{folder}/none.mid"], "none.mid: not a MIDI file that can be read: No such file"),
        (["{folder}/good.mid", "--style", "polka"], "style = polka: the model knows"),
        (["{folder}/good.mid", "--resume"], "resume"),
        (["--data", "{folder}"], "info.csv"),
        (["--data", "{folder}", "--model", "mine"], "--model mine: is for recordings of your own"),
        (["--data", "{folder}", "--style", "funk"], "--style funk: is for recordings of your own"),
        (["{folder}/good.mid", "--model", "~nobody-here/x"], "rhythm.toml: no such file"),
        (["{folder}/good.mid", "--model", "{folder}/none"], "rhythm.toml"),
    ],
)
def test_mistakes_of_the_command_are_told_in_one_line(tmp_path, monkeypatch, given, told):
    monkeypatch.setenv("TARAF_MODELS", str(tmp_path / "models"))
    drums(tmp_path / "good.mid")
    ran = CliRunner().invoke(command, ["rhythm", *(g.format(folder=tmp_path) for g in given)])
    assert isinstance(ran.exception, ValueError)
    assert told in str(ran.exception)
    assert "\n" not in str(ran.exception)


def test_counted_contexts_learn_a_loop_and_give_chances():
    loops = [loop(seed=seed) for seed in range(3)]
    found = judging.of_contexts(Contexts(loops), Medians(loops), loops)
    figures = judging.judge(loops, found)
    assert figures.bits < 3.0
    assert figures.hit_f1 > 0.8
    assert all(((one.chances > 0) & (one.chances < 1)).all() for one in found)


def test_figures_of_one_who_knows_all_are_perfect():
    grid = loop()
    sure = judging.Expected(grid.hits, grid.hits, grid.offsets, grid.velocities)
    figures = judging.judge([grid], [sure])
    assert (figures.bits, figures.hit_f1) == (0.0, 1.0)
    assert (figures.timing_ms, figures.velocity) == (0.0, 0.0)
    half = judging.Expected(0 * grid.hits + 0.5, 0 * grid.hits, 0 * grid.offsets, grid.velocities)
    assert judging.judge([grid], [half]).bits == pytest.approx(9.0)
    half.chances[:96] = 0.1
    last = judging.judge([grid], [half], [96])
    assert (last.steps, last.bits) == (32, pytest.approx(9.0))


@needs_data
def test_takes_of_drummers_it_never_heard_are_foretold_better_than_by_counting():
    takes = [t for t in groove(DATA / "gmd") if not t.fill and t.meter == "4-4" and t.seconds < 60]
    heard = [grid_of(t) for t in takes if t.split == "train" and not t.held_out and t.seconds > 30][
        :12
    ]
    tests = {
        "official": [t for t in takes if t.split == "test"][::4],
        "strangers": [t for t in takes if t.held_out and t.split != "test"][::8],
    }
    model = open_rhythm(table.zoo_model())
    for chosen in tests.values():
        grids = [grid_of(take) for take in chosen]
        counted = judging.judge(grids, judging.of_contexts(Contexts(heard), Medians(heard), grids))
        found = judging.judge(grids, judging.of_model(model, grids))
        assert found.bits < 0.8 * counted.bits
        assert found.hit_f1 > counted.hit_f1
        assert found.timing_ms < min(counted.timing_ms, 21.0)
        assert found.velocity < counted.velocity
