"""From pairs to the best way to play their effect."""

import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
from engine.boxes import BoxError
from models.effects import auto
from models.effects.auto import choose
from models.effects.training import Settings, TrainingError, loop
from models.pairs import PairsError, open_pairs
from models.pairs.manifest import NAME

from ..pairs.folder import save
from .conftest import RATE, bent, fir

pytestmark = pytest.mark.usefixtures("small_networks")
QUICK = Settings(minutes=0.03, threads=1, accelerator="cpu", batch=4, segment=512,
                 validate_every_s=0.3)  # fmt: skip


@pytest.fixture
def no_finders(monkeypatch):
    """Grey boxes are not what is tested here."""
    monkeypatch.setattr(auto, "FINDERS", {})


def tried(pairs, told=None, **more):
    settings = Settings(**{**vars(QUICK), **more.pop("settings", {})})
    told = [] if told is None else told
    return choose(open_pairs(pairs), more.pop("architecture", "auto"), settings,
                  told.append, **more)  # fmt: skip


def test_what_a_grey_box_explains_needs_no_network(pairs_of, monkeypatch):
    monkeypatch.setattr(auto, "learn", None)  # would be called
    choice = tried(pairs_of("eq", fir))
    assert choice.best.candidate.name == "linear"
    assert choice.best.score.esr < 1e-6 < choice.best.score.clean_esr
    assert choice.trained is None
    assert any(note.startswith("echo: ") for note in choice.notes)


def test_what_no_box_explains_is_learnt_by_the_best_of_the_networks(pairs_of, no_finders):
    told = []
    choice = tried(pairs_of("fuzz", bent), told)
    assert choice.trained is not None
    assert choice.best.candidate.name == choice.trained.architecture
    for name in auto.HEATS:
        assert f"trying {name}" in told
        assert any(note.startswith(f"{name}: ESR ") for note in choice.notes)
    assert f"training {choice.trained.architecture}" in told


def test_the_best_on_held_out_sound_is_chosen(pairs_of, monkeypatch):
    monkeypatch.setattr(auto, "FINDERS", {"linear": auto.FINDERS["linear"]})
    stop_at(monkeypatch, [1])  # a network that has learnt next to nothing
    monkeypatch.setattr(auto, "with_rest", lambda pairs, linear, settings: linear)
    choice = tried(pairs_of("fuzz", bent))
    first, *_, last = choice.tried
    assert choice.best is first and first.score.esr < last.score.esr
    assert (first.candidate.name, last.candidate.name) == ("linear", auto.HEATS[0])
    assert choice.trained is None


def test_what_is_nearly_linear_gets_a_network_beside_its_response(pairs_of):
    def nearly(dry):
        return fir(dry) + 0.5 * fir(dry) ** 2

    opened = open_pairs(pairs_of("nearly", nearly))
    found = list(auto.finds(opened, {"linear": auto.FINDERS["linear"]}, [], lambda line: None))
    linear = auto.of_found(found[0], opened)
    settings = Settings(**{**vars(QUICK), "minutes": 0.5})
    both = auto.scored(auto.with_rest(opened, linear, settings), opened)
    assert both.candidate.name == f"linear+{auto.RESIDUAL}"
    assert both.score.esr < auto.scored(linear, opened).score.esr


def swayed(folder):
    """Pairs of noise and of that noise at a level that the row beside it tells."""
    rng = np.random.default_rng(3)
    dry, lfo = 0.2 * rng.standard_normal(3 * RATE), np.sin(np.arange(3 * RATE) / 800.0)
    save(folder / "dry" / "a.wav", np.stack([dry, lfo], 1))
    save(folder / "wet" / "a.wav", (1.0 + 0.2 * lfo) * dry)
    return folder


def test_beside_a_response_a_network_hears_a_row_that_was_measured(tmp_path):
    opened = open_pairs(swayed(tmp_path))
    found = list(auto.finds(opened, {"linear": auto.FINDERS["linear"]}, [], lambda line: None))
    linear = auto.of_found(found[0], opened)
    settings = Settings(**{**vars(QUICK), "minutes": 0.5})
    both = auto.scored(auto.with_rest(opened, linear, settings), opened)
    assert [knob.name for knob in both.candidate.knobs] == ["control_1"]
    assert both.score.esr < auto.scored(linear, opened).score.esr


def test_a_network_whose_knobs_are_gains_is_not_tried_where_a_row_lies_beside_the_sound(tmp_path):
    opened = open_pairs(swayed(tmp_path))
    turned = replace(opened, knobs=("gain",))
    assert auto.heats_for(turned) == auto.HEATS
    with pytest.raises(TrainingError, match="not for rows beside the sound"):
        auto.learn(turned, "lstm-tiny+gain", QUICK)


def test_rows_beside_some_pairs_only_are_one_line(pairs_of, tmp_path):
    folder = pairs_of("fuzz", bent)
    swayed(folder)
    dry = np.random.default_rng(4).standard_normal(RATE)
    save(folder / "dry" / "b.wav", 0.1 * dry)
    save(folder / "wet" / "b.wav", 0.1 * dry)
    with pytest.raises(PairsError, match="some pairs have rows beside the sound, some not"):
        tried(folder)


def test_a_box_that_cannot_be_is_noted_and_the_others_are_asked(pairs_of, monkeypatch):
    def broken(pairs):
        raise BoxError("echo: level = 300 is outside -100 to 100")

    monkeypatch.setattr("models.effects.grey.echo.find", broken)
    choice = tried(pairs_of("eq", fir))
    assert choice.best.candidate.name == "linear"
    assert "echo: echo: level = 300 is outside -100 to 100" in choice.notes


def nearly(dry):
    """An effect that one response explains for the most part."""
    return fir(dry) + 0.3 * fir(dry) ** 2


def test_what_a_box_found_is_kept_where_no_network_can_be_trained(pairs_of, monkeypatch):
    def never(*given):
        raise TrainingError("the loss is not finite")

    monkeypatch.setattr(auto, "FINDERS", {"linear": auto.FINDERS["linear"]})
    monkeypatch.setattr(auto, "train", never)
    told = []
    choice = tried(pairs_of("nearly", nearly), told)
    assert choice.best.candidate.name == "linear" and choice.trained is None
    assert "the loss is not finite" in choice.notes
    assert any("no network can be trained on it" in line for line in told)


def test_what_breaks_off_on_one_pair_is_not_chosen_by_the_others(pairs_of):
    (pair,) = open_pairs(pairs_of("eq", fir)).split("validation")
    dry, wet = pair.load()
    for made, near in ((wet, True), (np.where(dry > 0.3, np.nan, wet), False)):
        sounds = [made, wet]
        player = SimpleNamespace(play_pair=lambda pair, sounds=sounds: sounds.pop())
        stub = SimpleNamespace(player=lambda player=player: player, sample_rate=RATE)
        score = auto.judge(stub, [pair, pair])
        assert (score.esr < 1e-6) == near and np.isfinite(score.mel_db) == near


def test_a_network_that_cannot_be_trained_is_noted_and_the_others_go_on(
    pairs_of, no_finders, monkeypatch
):
    learn = auto.learn

    def moody(pairs, name, *rest):
        if name == "ssm-tiny":
            raise TrainingError("ssm-tiny: the loss is not finite")
        return learn(pairs, name, *rest)

    monkeypatch.setattr(auto, "learn", moody)
    choice = tried(pairs_of("fuzz", bent))
    assert choice.trained is not None and choice.trained.architecture == "lstm-tiny"
    assert "ssm-tiny: the loss is not finite" in choice.notes
    monkeypatch.setattr(auto, "HEATS", ("ssm-tiny",))
    with pytest.raises(TrainingError, match="no network can be trained on it; ssm-tiny: the loss"):
        tried(pairs_of("fuzz", bent))


@pytest.mark.parametrize("name", ["kazoo", "auto+fir", "linear+fir", "kazoo+fir", ""])
def test_an_unknown_architecture_is_one_line(pairs_of, name):
    with pytest.raises(TrainingError, match=r"no architecture is called .*; there are auto, ") as e:
        tried(pairs_of("eq", fir), architecture=name)
    assert "\n" not in str(e.value)


def test_a_box_that_does_not_fit_is_one_line(pairs_of):
    with pytest.raises(TrainingError, match="linear: it is not") as caught:
        tried(pairs_of("fuzz", lambda dry: abs(dry)), architecture="linear")
    assert "\n" not in str(caught.value)


def test_pairs_without_any_to_validate_on_are_one_line(pairs_of):
    folder = pairs_of("eq", fir)
    header = '{"format": "taraf-pairs", "version": 1, "sample_rate": 16000, "effect": {}}'
    line = (
        '{"id": "a", "dry": "dry/a.wav", "wet": "wet/a.wav", "split": "train", "knobs": {}, '
        '"frames": 48000, "latency_removed": 0, "sha256_dry": "", "sha256_wet": ""}'
    )
    (folder / NAME).write_text(f"{header}\n{line}\n")
    with pytest.raises(TrainingError, match="eq: no pair is for validation"):
        tried(folder)


def stop_at(monkeypatch, steps):
    """Press Ctrl-C at some steps, counted over all trainings."""
    inner, count = loop.Training._step, [0]

    def step(training):
        count[0] += 1
        if count[0] in steps:
            os.kill(os.getpid(), signal.SIGINT)
        inner(training)

    monkeypatch.setattr(loop.Training, "_step", step)


def test_ctrl_c_while_networks_are_tried_keeps_the_best_so_far(pairs_of, no_finders, monkeypatch):
    stop_at(monkeypatch, [3])
    choice = tried(pairs_of("fuzz", bent))
    assert choice.trained is not None and choice.trained.stopped == "interrupted"
    assert choice.trained.architecture == auto.HEATS[0] and choice.trained.steps == 3


def test_ctrl_c_while_boxes_are_asked_keeps_what_was_found(pairs_of, monkeypatch):
    inner = auto.finds

    def pressed(*given):
        yield next(inner(*given))
        raise KeyboardInterrupt

    monkeypatch.setattr(auto, "finds", pressed)
    choice = tried(pairs_of("nearly", lambda dry: fir(dry) + 0.1 * abs(dry)))
    assert choice.trained is None and len(choice.tried) == 1


def test_ctrl_c_beside_a_response_ends_it_all_with_the_best_so_far(pairs_of, monkeypatch):
    monkeypatch.setattr(auto, "FINDERS", {"linear": auto.FINDERS["linear"]})
    stop_at(monkeypatch, [1])
    told = []
    choice = tried(pairs_of("nearly", nearly), told)
    assert {one.candidate.name for one in choice.tried} == {"linear", f"linear+{auto.RESIDUAL}"}
    assert told[-1] == "stopped; the best so far is kept"


def test_ctrl_c_before_a_first_network_keeps_what_a_box_found(pairs_of, monkeypatch):
    def pressed(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(auto, "FINDERS", {"linear": auto.FINDERS["linear"]})
    monkeypatch.setattr(auto, "train", pressed)
    choice = tried(pairs_of("nearly", nearly))
    assert [one.candidate.name for one in choice.tried] == ["linear"]


def test_ctrl_c_between_two_trainings_keeps_the_best_so_far(pairs_of, no_finders, monkeypatch):
    learn = auto.learn

    def pressed(pairs, name, *rest):
        if name == auto.HEATS[1]:
            raise KeyboardInterrupt
        return learn(pairs, name, *rest)

    monkeypatch.setattr(auto, "learn", pressed)
    choice = tried(pairs_of("fuzz", bent))
    assert choice.trained is not None and choice.trained.architecture == auto.HEATS[0]


def test_resuming_goes_on_with_what_was_trained(pairs_of, no_finders, monkeypatch, tmp_path):
    monkeypatch.setattr(auto, "HEATS", ("lstm-tiny",))
    folder, run = pairs_of("fuzz", bent), tmp_path / "run"
    settings = {"folder": run, "minutes": 0.05}
    with monkeypatch.context() as patch:
        heats = []
        learn = auto.learn

        def counted(pairs, name, *rest):
            heats.append(name)
            if len(heats) == 2:
                stop_at(patch, [40])
            return learn(pairs, name, *rest)

        patch.setattr(auto, "learn", counted)
        first = tried(folder, settings=settings)
    assert (run / "architecture.txt").read_text() == "lstm-tiny"
    assert (run / "checkpoint.pt").is_file()
    told = []
    second = tried(folder, told, settings=settings, resume=True)
    assert "training lstm-tiny" in told and not any(line.startswith("trying") for line in told)
    assert first.trained.stopped == "interrupted"
    assert second.trained.architecture == "lstm-tiny" and second.trained.stopped == "budget"


def test_resuming_where_nothing_was_trained_begins_anew(pairs_of, no_finders, tmp_path):
    told = []
    choice = tried(pairs_of("fuzz", bent), told, settings={"folder": tmp_path / "run"}, resume=True)
    assert "there is no training to go on with; it begins anew" in told
    assert choice.trained is not None


def test_what_was_trained_before_is_not_resumed_for_a_new_one(
    pairs_of, no_finders, monkeypatch, tmp_path
):
    run = tmp_path / "run"
    run.mkdir()
    (run / "architecture.txt").write_text("lstm-tiny")
    (run / "checkpoint.pt").write_bytes(b"of another sound")
    stop_at(monkeypatch, [2])
    tried(pairs_of("fuzz", bent), settings={"folder": run})
    assert not (run / "checkpoint.pt").exists() and not (run / "architecture.txt").exists()
