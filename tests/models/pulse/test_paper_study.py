"""taraf pulse study, as it is typed, and the bench's table."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")
pytest.importorskip("librosa")
from engine.cli import main
from models.pulse.paper import work
from models.pulse.paper.material import SHORTEST_S, Material, Recording, from_takes, split
from models.pulse.paper.study import Order, Study
from models.pulse.paper.symbols import representation
from models.pulse.paper.table import figures
from models.pulse.paper.training import PLANS, Training
from models.pulse.takes import groove

DRUMS = Path(__file__).parents[4] / "shared" / "data" / "drums"
needs_takes = pytest.mark.skipif(
    not (DRUMS / "gmd").is_dir() or shutil.which("fluidsynth") is None,
    reason="needs the takes in ../shared/data/drums and fluidsynth",
)
PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drummer(seconds, bpm=120.0, seed=1, rate=22050):
    """Bursts of noise on beats and swung off-beats."""
    rng = np.random.default_rng(seed)
    sound = 1e-3 * rng.standard_normal(round(seconds * rate))
    burst = rng.standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    for beat in np.arange(0.5, seconds - 1.0, 60.0 / bpm):
        for late, level in ((0.0, 1.0), (2 / 3, rng.choice([0.0, 0.4]))):
            at = round((beat + late * 60.0 / bpm + rng.normal(0.0, 0.006)) * rate)
            sound[at : at + 2000] += level * burst
    return (0.2 * sound).astype(np.float32)


def saved(name, seconds=30.0, **more):
    soundfile.write(name, drummer(seconds, **more), 22050)
    return name


def study(capsys, *arguments):
    capsys.readouterr()
    code = main(["pulse", "study", *map(str, arguments)])
    return code, capsys.readouterr()


SHORT = ("--minutes", 1, "--epochs", 1, "--seeds", 4, "--frames", 60)


def test_a_recording_of_ones_own_gives_table_pictures_and_checkpoints(capsys):
    saved("one.wav")
    saved("two.wav", bpm=100.0, seed=2)
    networks = ("--networks", "lstm-stateful,clockwork-stateful")
    code, told = study(capsys, "one.wav", "two.wav", *SHORT, *networks, "--json")
    assert code == 0 and told.out.count("\n") == 1
    found = json.loads(told.out)
    assert found == json.loads(Path("runs/pulse/study.json").read_text())
    assert [r["name"] for r in found["recordings"]] == ["one", "two"]
    assert found["recordings"][0]["tempo_bpm"] == pytest.approx(120.0, abs=2.0)
    rows = {row["name"]: row for row in found["studies"][0]["rows"]}
    counted = ["majority", "repeat-last", "markov-1", "4-gram", "8-gram"]
    assert list(rows) == [*counted, "lstm-stateful", "clockwork-stateful"]
    for row in rows.values():
        assert 0.0 <= row["accuracy"] <= 1.0 and row["bits"] > 0.0
    assert rows["majority"]["onset_f1"] == 0.0 and rows["4-gram"]["sampled"]["dead"] < 1.0
    network = rows["clockwork-stateful"]
    assert network["parameters"] == 18059 and network["reference_difference"] < 1e-6
    assert found["feel"]["learnt from"]["onsets"] > 80 and not found["stopped"]
    for name in ("losses-peaks.png", "densities-peaks.png", "feel.png"):
        assert Path("runs/pulse", name).read_bytes().startswith(PNG)
    assert sorted(p.name for p in Path("runs/pulse/peaks").iterdir()) == [
        "clockwork-stateful.pt", "lstm-stateful.pt",
    ]  # fmt: skip


def test_a_study_goes_on_where_it_was(capsys):
    saved("one.wav")
    given = ("one.wav", *SHORT[:2], *SHORT[4:], "--networks", "clockwork-stateful", "--json")
    assert study(capsys, *given, "--epochs", 1)[0] == 0
    code, told = study(capsys, *given, "--epochs", 2, "--resume")
    row = json.loads(told.out)["studies"][0]["rows"][-1]
    assert code == 0 and row["epochs"] == 2


def test_the_table_is_told_in_words_too(capsys):
    saved("one.wav")
    code, told = study(capsys, "one.wav", *SHORT, "--networks", "lstm-stateful")
    assert code == 0
    for word in ("majority", "repeat-last", "8-gram", "lstm-stateful", "bits", "feel, learnt from"):
        assert word in told.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    (
        ((), "nothing to study: tell recordings, or --data"),
        (("none.wav",), "none.wav: no such file or folder"),
        (("short.wav",), "short.wav: lasts 3.0 s; 10 s or more are needed"),
        (("empty",), "empty: holds no recording"),
        (("text.wav",), "text.wav: is not audio"),
        (("one.wav", "--data", "x"), "it is either recordings or takes"),
        (("--data", "x"), "x/gmd/info.csv: no such file"),
        (("one.wav", "--representation", "tens"), "tens is none of binary, peaks, envelope"),
        (("one.wav", "--networks", "gru"), "networks = gru is none of lstm, clockwork"),
        (("one.wav", "--window", 500), "window = 500 frames: for train"),
    ),
)
def test_mistakes_are_told_in_one_line(arguments, line, capsys):
    saved("one.wav", 12.0)
    saved("short.wav", 3.0)
    Path("empty").mkdir()
    Path("text.wav").write_text("not a sound at all")
    code, told = study(capsys, *arguments)
    assert code == 2 and told.out == "" and told.err.count("\n") == 1
    assert told.err.startswith("taraf: ") and line in told.err


def test_what_is_listed_twice_is_studied_once_and_all_among_others_is_all():
    assert [plan.name for plan in work.plans("lstm, all")] == list(PLANS)
    assert [plan.name for plan in work.plans("lstm,clockwork,lstm")] == ["lstm", "clockwork"]
    assert [kind.name for kind in work.kinds("peaks,binary,peaks")] == ["peaks", "binary"]


def recordings(count=2, seconds=30.0):
    from models.pulse.paper.material import recording

    return tuple(
        recording(f"r{k}", "me", drummer(seconds, 110.0 + 10.0 * k, k), 22050) for k in range(count)
    )


def test_ctrl_c_keeps_what_there_is(here):
    plans = (PLANS["clockwork-stateful"], PLANS["lstm-stateful"])
    order = Order(representation("binary"), plans, Training(epochs=9), seeds=4, frames=40)
    given = (Material(recordings()), [order, order], here / "out")
    result = work.run(*given, tell=lambda done, text: signal.raise_signal(signal.SIGINT))
    assert result.stopped and len(result.findings) == 1
    told = json.loads((here / "out" / "study.json").read_text())
    assert told["judged_on"].startswith("the last tenth")
    rows = told["studies"][0]["rows"]
    assert [row["name"] for row in rows][-1] == "clockwork-stateful" and len(rows) == 6
    assert rows[-1]["epochs"] == 1 and (here / "out" / "losses-binary.png").is_file()


def test_without_unheard_players_the_last_tenth_is_judged_and_chosen_by_the_one_before():
    one = Recording("r", "", np.random.default_rng(1).random(1000))
    assert "whose players were learnt from" in Material((one,)).judged_on
    parts = split(Material((one,)), representation("binary"))
    whole = one.symbols(representation("binary"))
    np.testing.assert_array_equal(
        np.concatenate([*parts.train, *parts.validation, *parts.test]), whole
    )
    assert (len(parts.train[0]), len(parts.validation[0]), len(parts.test[0])) == (810, 90, 100)


@needs_takes
def test_nothing_is_learnt_from_drummers_who_are_held_out():
    takes = work.takes(DRUMS, "jazz")
    some = [t for t in takes if t.held_out][:1] + [t for t in takes if not t.held_out][:1]
    material = from_takes(some, seconds=40.0)
    assert [r.player for r in material.learnt] == ["drummer1"]
    assert all(r.player in {"drummer4", "drummer10"} for r in material.unheard)
    assert len(material.unheard) == 1
    assert material.judged_on == f"{material.unheard[0].player}, who were not learnt from"
    dance = [t for t in work.takes(DRUMS, "dance") if t.seconds >= SHORTEST_S]
    assert not any(t.held_out for t in dance)  # so that it can only be said
    parts = split(material, representation("peaks"))
    np.testing.assert_array_equal(
        parts.test[0], material.unheard[0].symbols(representation("peaks"))
    )


@needs_takes
def test_styles_are_chosen_and_a_wrong_one_is_told(capsys):
    assert {t.style for t in work.takes(DRUMS, "jazz,funk")} == {"jazz", "funk"}
    assert len(work.takes(DRUMS, "all")) == sum(not t.fill for t in groove(DRUMS / "gmd"))
    code, told = study(capsys, "--data", DRUMS, "--style", "polka")
    assert code == 2 and "style = polka is none of afrobeat, " in told.err


def test_the_bench_gets_a_row_for_every_promise():
    plans = (PLANS["clockwork-stateful"],)
    order = Order(representation("peaks"), plans, Training(epochs=1), seeds=4, frames=40)
    rows = {row.name: row for row in figures(Study(Material(recordings()), order).run())}
    assert rows["clockwork-stateful: off the literal reference"].holds
    assert rows["next frame, majority: accuracy"].holds is None
    best = rows["next frame, best network: bits"]
    assert best.target.startswith("below the best n-gram's") and best.holds in (True, False)
