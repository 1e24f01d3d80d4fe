"""Learning while playing: what is heard of a performer, what is kept, how it is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from engine import shared
from engine.dsp.resample import resample
from engine.rack import Lane, Link, Rack
from engine.render import Renderer
from engine.sampler.errors import SamplerError
from engine.shared import TAP_FRAMES
from models.sampler import folder as files
from models.sampler.export import exported
from models.sampler.live.collecting import FADE_S, HOLD_S, Collected, Converter, Gate
from models.sampler.live.ears import Ears
from models.sampler.live.learning import CYCLES_MIN, LiveTraining, cycle, learn
from models.sampler.live.ring import TapListener
from models.sampler.live.scaling import change_scale
from models.sampler.material import Material, Scale
from models.sampler.network import SamplerNetwork
from models.sampler.settings import in_silence, nothing

from .tiny import RATE, job_for, quick, two_tones

Sound = NDArray[np.float32]
LIVE = 48_000


def tone(seconds: float, rate: int = LIVE, loud: float = 0.3) -> Sound:
    t = np.arange(round(seconds * rate)) / rate
    return np.asarray(loud * np.sin(2.0 * np.pi * 330.0 * t), np.float32)


def rest(seconds: float, rate: int = LIVE) -> Sound:
    return np.zeros(round(seconds * rate), np.float32)


def in_parts(sound: Sound, *sizes: int) -> list[Sound]:
    """A sound as it comes: in parts of these sizes, again and again."""
    edges = np.cumsum(np.resize(sizes, len(sound) // min(sizes) + 1))
    return np.split(sound, edges[edges < len(sound)])


def test_silence_and_knocks_are_left_out_and_notes_are_whole() -> None:
    played = [rest(1.0), tone(0.5), rest(2.0), tone(0.02), rest(1.0), tone(0.7), rest(1.0)]
    gate = Gate(LIVE, -50.0)
    kept = np.concatenate([gate.push(part) for part in in_parts(np.concatenate(played), 997, 64)])
    assert len(kept) / LIVE == pytest.approx(1.2 + 2 * HOLD_S, abs=0.1)
    assert np.sum(np.square(kept)) == pytest.approx(1.2 * LIVE * 0.045, rel=0.02)


def test_what_is_kept_has_no_steps_although_sounds_begin_and_end_with_one() -> None:
    loud = np.full(LIVE // 2, 0.5, np.float32)
    gate = Gate(LIVE, -50.0)
    kept = gate.push(np.concatenate([rest(0.5), loud, rest(0.5), loud]))
    kept = np.concatenate([kept, gate.cut()])
    assert np.abs(kept[0]) < 0.01 and np.abs(kept[-1]) < 0.01
    inside = round((0.5 + HOLD_S) * LIVE)
    joint = np.abs(np.diff(kept[inside - 2000 : inside + 2000]))
    assert joint.max() <= 0.5  # only what he played: a step of a note's end within its rest
    assert len(np.flatnonzero(joint > 2.0 / (FADE_S * LIVE))) <= 1


def test_pieces_at_another_rate_are_the_whole_at_that_rate() -> None:
    sound = np.random.default_rng(1).standard_normal(3 * LIVE).astype(np.float32)
    converter = Converter(LIVE, RATE)
    made = np.concatenate([converter.push(part) for part in in_parts(sound, 4801, 640)])
    assert 2.0 * RATE < len(made) < 3.0 * RATE
    wanted = resample(sound[:, None], LIVE, RATE)[:, 0]
    np.testing.assert_allclose(made, wanted[: len(made)], atol=1e-5)


def test_the_last_seconds_are_kept_and_what_is_no_number_is_silence() -> None:
    collected = Collected(LIVE, 2.0, -50.0)
    collected.hear(np.full(LIVE, np.nan, np.float32), LIVE)
    assert collected.seconds == 0.0
    for loud in (0.1, 0.2, 0.4):
        collected.hear(tone(1.0, loud=loud), LIVE)
    assert collected.seconds == pytest.approx(2.0, abs=0.02)
    assert collected.count > 2.9 * LIVE
    found = collected.sound()
    assert abs(float(found.mean())) < 1e-6
    assert np.abs(found[: LIVE // 2]).max() == pytest.approx(0.2, abs=0.01)
    assert np.abs(found[-LIVE // 2 :]).max() == pytest.approx(0.4, abs=0.01)


@pytest.fixture
def tapped() -> Renderer:
    chain = (Link("tap", "tap"),)
    return Renderer(Rack("test", lanes=(Lane("you", "left", chain),)), LIVE, 1)


def noise(frames: int, seed: int = 0) -> Sound:
    return np.random.default_rng(seed).uniform(-0.4, 0.4, (frames, 1)).astype(np.float32)


def test_a_tap_is_heard_without_the_recorder(tapped: Renderer) -> None:
    listener = TapListener(tapped.shared.tap_memory(0))
    for seed in range(3):
        out = tapped.push(noise(TAP_FRAMES // 2, seed))
        frames, lost = listener.read()
        np.testing.assert_array_equal(frames, out[:, [0, 0]])
        assert not lost
    listener.close()
    tapped.push(noise(640))
    assert tapped.shared.tap(0).written == 3 * (TAP_FRAMES // 2)


def test_beside_the_recorder_both_hear_all_and_after_it_the_listener_goes_on(
    tapped: Renderer,
) -> None:
    listener, recorder = TapListener(tapped.shared.tap_memory(0)), tapped.shared.tap(0)
    before = tapped.push(noise(640))
    recorder.arm(True)
    taken, heard = [], [listener.read()[0]]
    for seed in range(8):
        tapped.push(noise(TAP_FRAMES // 4, seed))
        heard.append(listener.read()[0])
        taken.append(recorder.read())
    assert recorder.dropped == 0
    np.testing.assert_array_equal(np.concatenate(heard)[640:], np.concatenate(taken))
    np.testing.assert_array_equal(heard[0], before[:, [0, 0]])
    recorder.arm(False)
    assert not listener.read()[1]
    out = tapped.push(noise(6400))
    np.testing.assert_array_equal(listener.read()[0], out[:, [0, 0]])
    listener.close()


def test_a_take_begins_where_it_is_armed_whatever_the_listener_does_meanwhile(
    tapped: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener, recorder = TapListener(tapped.shared.tap_memory(0)), tapped.shared.tap(0)
    store, played = shared.store_release, list[Sound]()

    def slowly(where: int, value: int) -> None:
        store(where, value)
        played.append(tapped.push(noise(640, len(played))))
        listener.read()

    monkeypatch.setattr(shared, "store_release", slowly)
    recorder.arm(True)
    monkeypatch.undo()
    np.testing.assert_array_equal(recorder.read(), played[-1][:, [0, 0]])
    listener.close()


def test_what_was_missed_is_told(tapped: Renderer) -> None:
    listener = TapListener(tapped.shared.tap_memory(0))
    tapped.push(noise(TAP_FRAMES + 6400))
    assert listener.read()[1]
    out = tapped.push(noise(640))
    frames, lost = listener.read()
    np.testing.assert_array_equal(frames, out[:, [0, 0]])
    assert not lost
    listener.close()


@pytest.mark.parametrize(
    ("approach", "values"),
    [("vector", {}), ("column", {"loss": "spread"}), ("spectrum", {"num_layers": 2})],
)
def test_another_scale_changes_nothing_that_is_heard(approach: str, values: dict[str, Any]) -> None:
    torch.manual_seed(2)
    job = job_for(approach, weight_stddev=0.3, **values)
    sound = two_tones()
    before = Material(sound, job, 2)
    louder = 3.0 * sound[::-1] + 0.01 * noise(len(sound))[:, 0]
    after = Material(np.concatenate([sound, louder]), job, 2)
    network, places = SamplerNetwork(job).eval(), np.random.default_rng(1)
    heard = before.read(places, 30).heard
    models = [exported(network, job, before.scale)]
    with torch.no_grad():
        said = network(heard, network.zero_state(2))[0]
        assert change_scale(network, before.scale, after.scale)
        again = network(after.scale.on(before.scale.off(heard)), network.zero_state(2))[0]
    made = job.made
    for scale, one in ((before.scale, said), (after.scale, again)):
        one[..., :made] = scale.off(one[..., :made])
        if network.means == 2:
            one[..., made:] += torch.log(scale.scale)
    torch.testing.assert_close(again, said, rtol=0, atol=2e-5)
    models.append(exported(network, job, after.scale))
    assert not np.array_equal(*(model.head.kernel for model in models))


@pytest.mark.parametrize(
    ("approach", "values"),
    [("transpose", {}), ("vector", {"squash": "tanh"})],
)
def test_where_no_weights_do_that_the_scale_stays(approach: str, values: dict[str, Any]) -> None:
    job = job_for(approach, **values)
    network, one = SamplerNetwork(job), torch.ones(1)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    assert not change_scale(network, Scale(0 * one, one), Scale(0 * one, 2 * one))
    for name, weight in network.state_dict().items():
        torch.testing.assert_close(weight, before[name], rtol=0, atol=0)


def test_the_learning_rate_falls_again_and_again() -> None:
    ends = np.cumsum(CYCLES_MIN) * 60.0
    assert [cycle(end - 1.0) > 0.98 for end in ends] == [True] * len(ends)
    assert [cycle(end + 1.0) < 0.01 for end in ends] == [True] * len(ends)
    assert cycle(ends[-1] + 60.0 * CYCLES_MIN[-1] / 2.0) == pytest.approx(0.5)


def test_what_is_played_meanwhile_is_learnt_too_and_the_best_is_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merits = iter([0.8, 0.5, 0.6, 0.1, 0.4])
    monkeypatch.setattr("models.sampler.previews.Judge.judge", lambda *_: (next(merits), {}))
    collected = Collected(RATE, 60.0, -50.0)
    collected.hear(two_tones(), RATE)
    job = job_for("spectrum")
    training = LiveTraining(job, collected, tmp_path, quick(2), False, nothing, in_silence)
    first = training.preview()
    assert (first.merit, training.stands.best_merit) == (0.8, 0.8)
    steps, scale = training.material.steps, training.material.scale.mean
    collected.hear(0.3 * np.concatenate([two_tones(), two_tones()]), RATE)
    second = training.preview()
    assert training.material.steps > 2.5 * steps
    assert not torch.equal(training.material.scale.mean, scale)
    assert second.best and second.merit == 0.6  # the first is worth 0.5 beside what was played
    training.save()
    kept = soundfile.info(tmp_path / files.SOURCE)
    assert (kept.samplerate, kept.frames) == (RATE, len(training.sound))
    training.run(lambda: False)
    resumed = LiveTraining(job, collected, tmp_path, quick(2), True, nothing, in_silence)
    assert resumed.stands.best_merit == 0.4  # who knows what it was measured against
    torch.testing.assert_close(resumed.material.scale.mean, training.material.scale.mean)


def test_beyond_what_is_kept_the_best_is_measured_anew_and_the_scale_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[int] = []
    monkeypatch.setattr(
        "models.sampler.previews.Judge.judge", lambda *_: (judged.append(1) or 0.5, {})
    )
    collected = Collected(RATE, 10.0, -50.0)
    for _ in range(6):
        collected.hear(two_tones(), RATE)
    training = LiveTraining(
        job_for("spectrum"), collected, tmp_path, quick(2), False, nothing, in_silence
    )
    training.preview()
    assert len(judged) == 1 and collected.count > len(training.sound) == 10 * RATE
    scale = training.material.scale.mean
    for loud in (0.2, 0.2):  # two fifths of it, while it stays as long as it was
        collected.hear(loud * np.concatenate([two_tones(), two_tones()[:RATE]]), RATE)
        training.preview()
    assert len(training.sound) == 10 * RATE
    assert len(judged) == 5  # each preview and, twice, what was best before
    assert not torch.equal(training.material.scale.mean, scale)


def test_a_learning_without_end_goes_on_past_its_epochs(tmp_path: Path) -> None:
    collected = Collected(RATE, 60.0, -50.0)
    collected.hear(two_tones(), RATE)
    job = job_for("vector", num_epochs=1)
    training = LiveTraining(job, collected, tmp_path, quick(0), False, nothing, in_silence)
    training.run(lambda: training.epoch > 3.0)
    assert training.epoch > 3.0 and training.done == 0.0
    ended = LiveTraining(job, collected, tmp_path / "b", quick(4), False, nothing, in_silence)
    assert (ended.run(lambda: False).steps, ended.done) == (4, 1.0)


def test_of_a_long_learning_only_the_last_previews_and_the_best_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merits = iter([0.1, 0.9, *[0.2] * 20])
    monkeypatch.setattr("models.sampler.previews.Judge.judge", lambda *_: (next(merits), {}))
    collected = Collected(RATE, 60.0, -50.0)
    collected.hear(two_tones(), RATE)
    settings = quick(8, previews=3, preview_every_s=1e-6, preview_first_s=1e-6, preview_share=1.0)
    given = (job_for("vector"), collected, tmp_path, settings)
    training = LiveTraining(*given, False, nothing, in_silence)
    trained = training.run(lambda: False)
    steps = [2, 6, 7, 8]
    assert [preview.step for preview in trained.previews] == steps
    assert [row["step"] for row in files.lines(tmp_path / files.PREVIEWS)] == steps
    there = sorted(path.name for path in (tmp_path / files.PREVIEW_FOLDER).iterdir())
    assert there == [f"step-{step:08d}.wav" for step in steps]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"enough_s": 400.0}, "--enough 400 and --keep 300: learning begins with 400.0 s"),
        ({"enough_s": 0.001, "most_s": 0.002}, "which vector needs"),
    ],
)
def test_what_can_never_be_enough_is_said_at_the_start(
    given: dict[str, float], words: str, tmp_path: Path
) -> None:
    with pytest.raises(SamplerError, match=words):
        learn(
            job_for("vector"), tmp_path / "mine", Ears(**given), quick(1), told=nothing,
            doing=in_silence, said=in_silence, stop=lambda: False,
        )  # fmt: skip
    assert not (tmp_path / "mine").exists()


def test_a_folder_that_others_may_write_to_is_said_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime").chmod(0o777)
    monkeypatch.setenv("TARAF_RUNTIME", str(tmp_path / "runtime"))
    with pytest.raises(SamplerError, match="others may write to it"):
        learn(
            job_for("vector"), tmp_path / "mine", Ears(), quick(1), told=nothing,
            doing=in_silence, said=in_silence, stop=lambda: False,
        )  # fmt: skip


def test_without_enough_sound_nothing_is_learnt_and_what_there_is_is_kept(tmp_path: Path) -> None:
    job, said = job_for("vector"), list[str]()
    files.write_text(tmp_path / "note", "")
    soundfile.write(tmp_path / files.SOURCE, two_tones()[:RATE], RATE, subtype="FLOAT")
    times = iter([False, False, False])
    learnt = learn(
        job, tmp_path, Ears(enough_s=5.0), quick(1), told=nothing, doing=in_silence,
        said=said.append, stop=lambda: next(times, True),
    )  # fmt: skip
    assert learnt.trained is None and learnt.heard_s == pytest.approx(1.0)
    assert said == ["no taraf plays yet: `taraf live learn` in another terminal"]
    assert soundfile.info(tmp_path / files.SOURCE).frames == RATE


def test_a_taraf_that_does_not_play_is_one_line(tmp_path: Path) -> None:
    job = job_for("vector")
    with pytest.raises(SamplerError, match="pid = 1: plays nothing; there are: none"):
        learn(
            job, tmp_path, Ears(pid=1), quick(1), told=nothing, doing=in_silence,
            said=in_silence, stop=lambda: False,
        )  # fmt: skip
