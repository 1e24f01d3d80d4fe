"""Learning to hear beats: scenes, what is heard of them, training, and what comes out of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drum_loops import loop, steady
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("scipy")
pytest.importorskip("mido")

import torch

from engine.jobs import make
from engine.neural.compiled import compile_network
from engine.pulse.bands import BANDS, FEATURES
from engine.pulse.file import read_network
from engine.pulse.offline import features_of
from models.commands.train import train as command
from models.pulse.errors import PulseError
from models.pulse.follower.deploy import CARD, deploy
from models.pulse.follower.hearing import (
    BEAT,
    FIRST,
    HOPS,
    LATE,
    RATE,
    STROKES,
    TARGETS,
    TEMPO,
    Heard,
    Kit,
    hear,
    targets_of,
    worsened,
)
from models.pulse.follower.material import draw, key_of, paced, placed, players, shards
from models.pulse.follower.network import OUTPUTS, PulseNetwork, lowered
from models.pulse.follower.scenes import KINDS, SECONDS, Scene, scene
from models.pulse.follower.training import CHECKPOINT, train, validation
from models.pulse.rendering import DEFAULT_FONT, Piece, drum_strokes, render
from models.pulse.takes import FAMILIES, HELD_OUT, groove, parted, trios

DATA = Path(__file__).parents[4] / "shared" / "data" / "drums"
needs_data = pytest.mark.skipif(
    not ((DATA / "gmd" / "info.csv").is_file() and (DATA / "jtd").is_dir()),
    reason="needs the drum takes in ../shared/data",
)
needs_font = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not DEFAULT_FONT.is_file(),
    reason="needs fluidsynth and the sound font FluidR3_GM",
)
QUICK = 400  # hops


@pytest.fixture(scope="module", autouse=True)
def _one_core():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def known(development: bool = False):
    return players(DATA, development)


def marked(beats: Any, seconds: float = SECONDS) -> Scene:
    """A scene that is not played: beats in fours, a kick on each."""
    strokes = np.stack([beats, np.zeros(len(beats))], axis=1)
    piece = Piece(drum_strokes(beats, np.full(len(beats), 36), np.full(len(beats), 90)), seconds)
    return Scene(piece, beats, np.arange(len(beats)) % 4 == 0, strokes)


@cache
def learnable(seed: int, count: int = 4) -> Heard:
    """Loops of made-up drums as they are heard, ``QUICK`` hops of each."""
    rng, features, targets = np.random.default_rng(seed), [], []
    for _ in range(count):
        beats = steady(float(rng.uniform(90, 150)), QUICK / 100, float(rng.uniform(0.1, 0.5)))
        sound = loop(beats, RATE, QUICK / 100)
        features.append(features_of(sound, RATE)[:QUICK].astype(np.float16))
        targets.append(targets_of(marked(beats))[:QUICK])
    return Heard(np.array(features), np.array(targets))


def learnt(folder: Path, steps: int = 0, seconds: float = 600.0, **more: Any):
    """A short training: ended after ``steps`` as Ctrl-C does, or after ``seconds``."""
    asked: list[bool] = []
    told: list[tuple[float, str]] = []

    def tell(share: float, line: str) -> None:
        told.append((share, line))
        if steps and len(told) >= steps:
            asked.append(True)

    done = train(
        [learnable(1)], learnable(2), folder, seconds / 60.0, told=tell, asked=asked, **more
    )
    return done, told


# --- scenes


@needs_data
@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_of_any_kind_is_whole(kind: str):
    for seed in range(4):
        made = scene(known().takes, known().trios, np.random.default_rng(seed), kind)
        assert len(made.beats) == len(made.first) > 15
        gaps = np.diff(made.beats)
        assert gaps.min() > 60 / 400 and gaps.max() < 60 / 25
        assert made.beats[0] >= 0.0 and made.beats[-1] < SECONDS + 2.0
        assert 2 <= np.flatnonzero(made.first)[1] - np.flatnonzero(made.first)[0] <= 7
        assert set(made.strokes[:, 1]) <= set(range(len(FAMILIES)))
        played = np.sort(made.piece.strokes["seconds"])
        assert len(made.strokes) > 20
        assert np.isin(np.round(made.strokes[:, 0], 9), np.round(played, 9)).all()
        rows = targets_of(made)
        assert rows.shape == (HOPS, TARGETS) and np.isfinite(rows).all()
        assert rows[:, :TEMPO].min() >= 0.0 and rows[:, :TEMPO].max() == 1.0


@needs_data
def test_the_same_seed_gives_the_same_scene_and_another_another():
    one, same, other = (
        scene(known().takes, known().trios, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.piece.strokes, same.piece.strokes)
    np.testing.assert_array_equal(one.beats, same.beats)
    assert len(one.beats) != len(other.beats) or not np.array_equal(one.beats, other.beats)


@needs_data
def test_strokes_lie_about_the_beats_of_their_scene():
    """A human's strokes are nearer to sixteenths and triplets of the beat than chance has it."""
    away = []
    for seed in range(8):
        made = scene(known().takes, known().trios, np.random.default_rng(seed), "swung")
        at = np.interp(made.strokes[:, 0], made.beats, np.arange(len(made.beats)))
        inside = (made.strokes[:, 0] > made.beats[0]) & (made.strokes[:, 0] < made.beats[-1])
        grid = np.array([0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1])
        away.append(np.abs(at[inside, None] % 1.0 - grid).min(axis=1).mean())
    assert np.mean(away) < 0.035  # anywhere alike would be 0.05


@needs_data
def test_where_drums_fall_silent_beats_go_on():
    gaps = 0
    for seed in range(40):
        made = scene(known().takes, known().trios, np.random.default_rng(seed), "steady")
        steps = np.diff(made.beats)
        assert steps.max() < 1.01 * steps.min()
        strokes = np.sort(made.strokes[:, 0])
        gaps += int(np.diff(strokes).max() > 2.8 * steps[0])
    assert gaps >= 3


@needs_data
def test_nobody_who_is_held_out_is_trained_on_or_chosen_by():
    learning, choosing = known(), known(True)
    judged = {trio.drummer for trio in parted(trios(DATA / "jtd")).judged}
    for some in (learning, choosing):
        assert some.takes and some.trios
        assert not {take.drummer for take in some.takes} & set(HELD_OUT)
        assert not any(trio.held_out for trio in some.trios)
        assert not {trio.drummer for trio in some.trios} & judged
        for take in some.takes:
            assert not any(name in take.file.parts for name in HELD_OUT)
    files = [{take.file for take in some.takes} for some in (learning, choosing)]
    names = [{trio.name for trio in some.trios} for some in (learning, choosing)]
    assert not files[0] & files[1] and not names[0] & names[1]


def test_trios_that_are_torn_are_told_in_one_line(tmp_path: Path):
    folder = tmp_path / "references" / "manual_annotation"
    folder.mkdir(parents=True)
    mix = folder / "who-what_mix.txt"
    mix.write_text("0.5 1.1\n\n1.0 1.2\n")
    with pytest.raises(PulseError, match=r"who-what_drums.txt: cannot be read: No such file"):
        trios(tmp_path)
    for part in ("drums", "bass", "piano"):
        (folder / f"who-what_{part}.txt").write_text("0.5 a\n1.0\n")
    assert trios(tmp_path)[0].beats.tolist() == [0.5, 1.0]
    mix.write_text("0.5 1.1\n1.0 1.x\n")
    with pytest.raises(PulseError, match=r"who-what_mix.txt: line 2: 'x' is no number"):
        trios(tmp_path)
    (folder / "who-what_bass.txt").write_bytes(b"\xff\xfe\x00")
    mix.write_text("0.5 1.1\n")
    with pytest.raises(PulseError, match=r"who-what_bass.txt: cannot be read: is no text"):
        trios(tmp_path)


def test_an_index_that_is_torn_is_told_in_one_line(tmp_path: Path):
    head = "drummer,style,bpm,beat_type,time_signature,midi_filename,duration,split"
    whole = "drummer1,rock,120,beat,4-4,one.mid,30.0,train"
    index = tmp_path / "info.csv"
    index.write_text(f"{head}\n{whole}\n")
    assert len(groove(tmp_path)) == 1
    for torn in (whole[:9], whole[:-6], whole + ",more"):
        index.write_text(f"{head}\n{whole}\n{torn}")
        with pytest.raises(PulseError, match=r"info\.csv.*line 3") as caught:
            groove(tmp_path)
        assert "\n" not in str(caught.value)


def test_data_that_is_not_there_is_told_in_one_line(tmp_path: Path):
    with pytest.raises(PulseError) as caught:
        players(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


# --- what is heard


def test_targets_say_when_what_and_how_fast():
    beats = 0.5 + 0.5 * np.arange(20)
    rows = targets_of(marked(beats)).astype(float)
    at = np.round(beats * 100).astype(int) + LATE - 1
    np.testing.assert_array_equal(np.flatnonzero(rows[:, BEAT] == 1.0), at)
    np.testing.assert_array_equal(np.flatnonzero(rows[:, FIRST] == 1.0), at[::4])
    np.testing.assert_array_equal(np.flatnonzero(rows[:, STROKES]), at)
    assert not rows[:, STROKES + 1 : TEMPO].any()
    np.testing.assert_array_equal(rows[at - 1, BEAT], 0.5)
    np.testing.assert_allclose(rows[100:900, TEMPO], 120.0, rtol=1e-3)
    assert rows[:40, TEMPO].max() == rows[1100:, TEMPO].max() == 0.0


def test_a_scene_played_faster_has_its_beats_sooner():
    beats = 0.5 + 0.5 * np.arange(40)
    targets = targets_of(marked(beats))[:2000]
    features = np.zeros((2000, FEATURES), np.float16)
    features[np.flatnonzero(targets[:, BEAT] == 1.0), 0] = 1.0
    for pace in (0.9, 1.0, 1.15):
        heard, told = paced(features, targets, np.full(2000, pace, np.float32))
        assert heard.shape == features.shape and told.shape == targets.shape
        marks = np.flatnonzero(told[:, BEAT] == 1.0)
        np.testing.assert_allclose(np.diff(marks), 50.0 / pace, atol=1.0)
        assert told[marks[3], TEMPO] == pytest.approx(120.0 * pace, rel=0.01)
        loud = np.array([heard[max(0, m - 1) : m + 2, 0].max() for m in marks])
        assert loud.min() > 0.3
    as_it_was = paced(features, targets, np.ones(2000, np.float32))[1]
    np.testing.assert_allclose(as_it_was, targets, atol=1e-3)


def test_the_place_in_the_beat_grows_from_beat_to_beat():
    targets = targets_of(marked(1.0 + 0.5 * np.arange(20)))[None, :1500]
    place = placed(targets)[0, :, TARGETS]
    marks = np.flatnonzero(targets[0, :, BEAT] == 1.0)
    assert np.all(place[: marks[0]] == -1.0) and np.all(place[marks[-1] :] == -1.0)
    np.testing.assert_allclose(place[marks[0] : marks[0] + 50], np.arange(50) / 50, atol=1e-5)


def test_drawn_scenes_are_those_of_the_material():
    features, targets = draw([learnable(1), learnable(2)], 5, np.random.default_rng(0))
    assert features.shape == (5, QUICK, FEATURES) and targets.shape == (5, QUICK, TARGETS + 1)
    assert features.dtype == targets.dtype == np.float32
    again = draw([learnable(1), learnable(2)], 5, np.random.default_rng(0))
    np.testing.assert_array_equal(features, again[0])


def test_a_bad_microphone_makes_no_infinity_and_moves_nothing():
    beats = steady(110.0, 6.0)
    sound = loop(beats, RATE, 6.0, hats=0.0)
    hops = np.array([int(beat * 100) for beat in beats[2:-1]])
    for seed in range(25):
        made = worsened(sound, np.random.default_rng(seed))
        assert made.shape == sound.shape and made.dtype == np.float32
        assert np.isfinite(made).all() and 1e-4 < np.abs(made).max() < 30.0
        rise = features_of(made, RATE)[:, BANDS:].mean(axis=1)
        around = np.mean([rise[hop - 1 : hop + 5].max() for hop in hops])
        assert around > 1.5 * np.mean([rise[hop - 15 : hop - 5].mean() for hop in hops])
    assert np.isfinite(worsened(np.zeros(RATE, np.float32), np.random.default_rng(0))).all()


@needs_data
@needs_font
def test_what_is_rendered_has_its_strokes_where_the_targets_say():
    made = scene(known().takes, (), np.random.default_rng(5), "steady")
    sound = render([made.piece], rate=RATE)[0]
    rise = features_of(sound, RATE)[:, BANDS:].mean(axis=1)
    told = np.flatnonzero(targets_of(made)[:, STROKES:TEMPO].max(axis=1) == 1.0)
    told = told[(told > 5) & (told < len(rise) - 5)]
    heard = np.mean([rise[hop - LATE - 1 : hop + 2].max() for hop in told])
    assert heard > 3.0 * np.median(rise)
    lag = [np.mean(rise[told + k]) for k in range(-5, 6)]
    assert -LATE - 1 <= int(np.argmax(lag)) - 5 <= 1


@needs_data
@needs_font
def test_shards_are_made_once_and_are_the_same_whoever_makes_them(tmp_path: Path):
    kits, said = [Kit(DEFAULT_FONT)], []
    made = shards(tmp_path, known(), 2, 7, kits, said.append)
    assert made[0].features.shape == (2, HOPS, FEATURES) and said == [2]
    assert np.isfinite(made[0].features).all() and made[0].features.astype(np.float32).std() > 0.05
    again = hear(known().takes, known().trios, 2, 7 * 100_003, kits)
    np.testing.assert_array_equal(made[0].targets, again.targets)
    np.testing.assert_allclose(made[0].features, again.features, atol=0.01)
    file = next(tmp_path.glob("*.npy"))
    whole = file.stat().st_mtime_ns
    shards(tmp_path, known(), 2, 7, kits)
    assert file.stat().st_mtime_ns == whole


@needs_data
def test_scenes_of_other_players_or_sounds_are_others(tmp_path: Path):
    some, fonts = known(), [tmp_path / name / "a.sf2" for name in ("one", "two")]
    for length, font in enumerate(fonts, 8):
        font.parent.mkdir()
        font.write_bytes(bytes(length))
    kits = [Kit(fonts[0])]
    moved = replace(some.takes[0], file=fonts[0])
    others = [
        key_of(replace(some, takes=some.takes[1:]), kits),
        key_of(replace(some, trios=some.trios[1:]), kits),
        key_of(replace(some, takes=(moved, *some.takes[1:])), kits),
        key_of(some, [Kit(fonts[1])]),
        key_of(some, [Kit(fonts[0], 0)]),
    ]
    assert key_of(some, kits) == key_of(players(DATA), kits)
    assert len({key_of(some, kits), *others}) == 6


@needs_data
@pytest.mark.parametrize("keep", [0, 3, 1000])
def test_a_damaged_shard_is_told_in_one_line(
    tmp_path: Path, keep: int, monkeypatch: pytest.MonkeyPatch
):
    empty = Heard(np.zeros((2, 50, FEATURES), np.float16), np.zeros((2, 50, TARGETS), np.float16))
    monkeypatch.setattr("models.pulse.follower.material.hear", lambda *_, **__: empty)
    shards(tmp_path, known(), 2, 7, [Kit(DEFAULT_FONT)])
    (path,) = tmp_path.glob("scenes-7-0-2-*.npy")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PulseError) as caught:
        shards(tmp_path, known(), 2, 7, [Kit(DEFAULT_FONT)])
    assert path.name in str(caught.value) and "delete it" in str(caught.value)
    assert "\n" not in str(caught.value)


# --- training


def test_the_loss_falls_and_what_was_best_is_kept(tmp_path: Path):
    torch.manual_seed(1)
    fresh = validation(PulseNetwork(), learnable(2))
    done, told = learnt(tmp_path, steps=45)
    assert done.losses["beat"] < 0.6 * fresh["beat"]
    assert done.losses["beat"] < 0.95 * 0.13  # the entropy of beats as often as they are
    assert done.interrupted and done.standing.step == 45
    assert 0.0 <= told[0][0] <= told[-1][0] <= 1.0
    assert done.standing.best == pytest.approx(done.losses["beat"])
    assert all(np.isfinite(value) for value in done.losses.values())


def test_ctrl_c_at_once_writes_nothing_that_is_untrained(tmp_path: Path):
    with pytest.raises(PulseError, match="before it had learnt anything"):
        train([learnable(1)], learnable(2), tmp_path, 1.0, asked=[True])
    assert not list(tmp_path.iterdir())


def test_it_ends_when_its_time_is_up(tmp_path: Path):
    done, _ = learnt(tmp_path, seconds=0.5)
    assert not done.interrupted and done.standing.step >= 1
    assert done.standing.seconds >= 0.5


def test_resumed_it_goes_on_where_it_was(tmp_path: Path):
    first, _ = learnt(tmp_path, steps=6)
    second, _ = learnt(tmp_path, steps=4, resume=True)
    assert second.standing.step == 10
    assert second.standing.seconds > first.standing.seconds
    assert second.standing.best <= first.standing.best
    assert len(second.standing.history) == len(first.standing.history) + 1
    over = train([learnable(1)], learnable(2), tmp_path, 1e-6, resume=True)
    assert over.standing.step == 10  # its time was up before it went on
    assert over.losses["beat"] == pytest.approx(second.losses["beat"], rel=1e-4)


def test_there_must_be_something_to_resume(tmp_path: Path):
    with pytest.raises(PulseError, match="no checkpoint to resume"):
        learnt(tmp_path, resume=True)


@cache
def short() -> Heard:
    """Too little to learn anything from, made at once."""
    features = np.random.default_rng(1).random((2, 60, FEATURES)).astype(np.float16)
    return Heard(features, np.stack([targets_of(marked(steady(120.0, 4.0)))[:60]] * 2))


def stepped(folder: Path, **more: Any):
    """A training of a single step more."""
    asked: list[bool] = []
    given = {"told": lambda share, line: asked.append(True), "asked": asked, **more}
    return train([short()], short(), folder, 10.0, batch=1, **given)


def test_a_checkpoint_of_other_scenes_is_refused_and_one_that_names_none_goes_on(tmp_path: Path):
    stepped(tmp_path, key="one")
    with pytest.raises(PulseError, match=r"checkpoint\.pt: it is of other scenes") as caught:
        stepped(tmp_path, resume=True, key="other")
    assert "\n" not in str(caught.value)
    found = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    del found["key"]  # as it was written before
    torch.save(found, tmp_path / CHECKPOINT)
    assert stepped(tmp_path, resume=True, key="other").standing.step == 2


@pytest.mark.parametrize("what", ["empty", "text", "short", "other", "parts"])
def test_a_damaged_checkpoint_is_told_in_one_line(tmp_path: Path, what: str):
    path = tmp_path / CHECKPOINT
    learnt(tmp_path, steps=1)
    data = path.read_bytes()
    if what == "other":
        torch.save({"network": PulseNetwork().state_dict()}, path)
    elif what == "parts":
        found = torch.load(path, weights_only=True)
        found["standing"]["colour"] = "red"
        torch.save(found, path)
    else:
        path.write_bytes({"empty": b"", "text": b"hello", "short": data[: len(data) // 2]}[what])
    with pytest.raises(PulseError) as caught:
        learnt(tmp_path, resume=True)
    assert CHECKPOINT in str(caught.value) and "\n" not in str(caught.value)


# --- what comes out


def chance(seed: int) -> PulseNetwork:
    """A network that has learnt nothing, whose input is scaled."""
    torch.manual_seed(seed)
    network = PulseNetwork()
    network.set_levels(torch.from_numpy(learnable(1).features.astype(np.float32)))
    return network.eval()


@pytest.mark.parametrize("count", [1, 2])
def test_lowered_it_answers_as_torch_does(count: int):
    networks = [chance(seed) for seed in range(count)]
    features = learnable(2).features[:2].astype(np.float32)
    with torch.no_grad():
        wanted = np.mean([net(torch.from_numpy(features)).numpy() for net in networks], axis=0)
    player = compile_network(lowered(networks))
    for k in range(2):
        player.reset()
        made = player.play(features[k].T).T
        assert made.shape == (QUICK, OUTPUTS)
        assert np.abs(made - wanted[k]).max() < 1e-5 * max(1.0, np.abs(wanted).max())


def test_it_sees_nothing_of_the_future():
    network, features = chance(1), torch.from_numpy(learnable(2).features[:1].astype(np.float32))
    changed = features.clone()
    changed[:, 200:] += 1.0
    with torch.no_grad():
        one, other = network(features), network(changed)
    assert torch.equal(one[:, :200], other[:, :200])
    assert not torch.equal(one[:, 200:], other[:, 200:])


def test_deployed_it_is_a_file_and_a_card(tmp_path: Path):
    networks = [chance(1)]
    file = deploy(networks, tmp_path / "mine", "Hears beats", {"steps": 3})
    card = tomllib.loads((tmp_path / "mine" / CARD).read_text())
    assert card["name"] == "mine" and card["trained"] == {"steps": 3}
    assert card["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    read = read_network(file)
    assert card["weights"] == read.weights
    heard = np.random.default_rng(1).random((FEATURES, 40)).astype(np.float32)
    one, other = (compile_network(net).play(heard) for net in (lowered(networks), read))
    np.testing.assert_allclose(one, other, atol=1e-6)
    deploy(networks, tmp_path / "mine", "Again", {})
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == sorted([file.name, CARD])


# --- the command


def shell(*words: str):
    return CliRunner().invoke(command, ["pulse", *words])


@needs_data
def test_the_command_learns_a_network_and_tells_of_it(tmp_path: Path, monkeypatch: Any):
    def kept(folder: Path, of: Any, scenes: int, *more: Any) -> list[Heard]:
        assert of.takes and of.trios and scenes in (12, 72)
        return [learnable(scenes)]

    monkeypatch.setattr("models.pulse.follower.material.shards", kept)  # rendering takes long
    monkeypatch.setattr("models.pulse.rendering.check", lambda fonts: "fluidsynth")
    monkeypatch.setenv("TARAF_JOBS", str(tmp_path / "jobs"))
    monkeypatch.setattr("engine.jobs.record._OURS", [])
    record = make(["train", "pulse"], "train", "pulse")
    monkeypatch.setenv("TARAF_JOB", str(record.folder))
    words = ["--data", str(DATA), "--minutes", "0.02", "--scenes", "12", "--threads", "1"]
    words += ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path), "--json"]
    done = shell(*words)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert read_network(Path(told["network"]))
    assert told["scenes"] == 12 and told["steps"] >= 1
    assert (told["members"], told["stopped"], told["written"]) == (2, "budget", True)
    assert np.isfinite(told["beat_entropy"])
    done = [row["done"] for row in map(json.loads, (record.folder / "events.jsonl").open())
            if "done" in row]  # fmt: skip
    assert done == sorted(done) and done[0] < 0.6 <= done[-1]


@needs_data
def test_ctrl_c_leaves_a_network_that_is_there_as_it_was(tmp_path: Path, monkeypatch: Any):
    def stopped(*given: Any, **more: Any):
        given[-1].append(True)  # as Ctrl-C does
        return stepped(tmp_path / "member")

    monkeypatch.setattr("models.pulse.follower.material.shards", lambda *_: [short()])
    monkeypatch.setattr("models.pulse.follower.training.train", stopped)
    monkeypatch.setattr("models.pulse.rendering.check", lambda fonts: "fluidsynth")
    words = ["--data", str(DATA), "--runs", str(tmp_path / "runs"), "--out", str(tmp_path)]
    first = shell(*words, "--json")
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    assert (told["members"], told["stopped"], told["written"]) == (1, "interrupted", True)
    Path(told["network"]).write_bytes(b"the network of a whole night")
    second = shell(*words)
    assert second.exit_code == 0 and "stopped in member 1 of 2" in second.stdout
    assert "kept as it was; --resume goes on" in second.stdout
    assert Path(told["network"]).read_bytes() == b"the network of a whole night"
    assert not json.loads(shell(*words, "--json").stdout)["written"]


@needs_data
@pytest.mark.parametrize("content", [None, b"", b"RIFF1234WAVE"])
def test_a_kit_that_is_no_sound_font_is_told_before_anything_is_rendered(
    tmp_path: Path, monkeypatch: Any, content: bytes | None
):
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("models.pulse.follower.material.shards", None)
    fonts = [tmp_path / "good.sf2", tmp_path / "kit.sf2"]
    fonts[0].write_bytes(b"RIFF1234sfbk")
    if content is not None:
        fonts[1].write_bytes(content)
    words = ["--data", str(DATA), "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    done = shell(*words, "--font", str(fonts[0]), "--kit", str(fonts[1]))
    assert isinstance(done.exception, PulseError) and "kit.sf2" in str(done.exception)
    assert "\n" not in str(done.exception) and not (tmp_path / "out").exists()


@needs_data
@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_a_name_that_is_no_folders_name_is_refused(tmp_path: Path, monkeypatch: Any, name: str):
    monkeypatch.setattr("models.pulse.rendering.check", lambda fonts: "fluidsynth")
    done = shell("--data", str(DATA), "--out", str(tmp_path), "--name", name)
    assert isinstance(done.exception, PulseError) and "--name" in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_the_command_tells_what_is_wrong_in_one_line(tmp_path: Path):
    done = shell("--data", str(tmp_path), "--accelerator", "tpu")
    assert isinstance(done.exception, PulseError) and "tpu" in str(done.exception)
    done = shell("--data", str(tmp_path), "--runs", str(tmp_path / "runs"))
    assert isinstance(done.exception, PulseError) and str(tmp_path) in str(done.exception)
