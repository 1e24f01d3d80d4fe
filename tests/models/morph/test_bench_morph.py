"""The morph's bench: its parts, what a recording tells, what its rows promise."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.bench import Report
from engine.bench.parts import Missing, StageError
from engine.morph.file import read_morph, write_morph
from engine.morph.grid import GRIDS
from models.bench.morph import (
    NAMED,
    PARTS,
    frames,
    live,
    morph,
    path,
    phase,
    robust,
    sources,
    train,
    voices,
    whole,
)
from models.bench.morph.hearing import (
    before_and_after,
    first_sound,
    half_way,
    largest_step,
    partials,
)
from models.bench.morph.unheard import Ear
from models.bench.morph.ways import METHODS, Pair
from models.bench.refusals import Bad, is_clear
from models.morph.measures.baselines import Pca
from models.morph.measures.path import PathFigures

pytest.importorskip("torch")
RATE = 48_000
HERTZ = 523.25


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A player's models, one of them a morph."""
    monkeypatch.setenv("TARAF_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TARAF_MORPHS", str(tmp_path / "kept"))
    monkeypatch.setattr(sources, "ZOO", tmp_path / "zoo")
    place = tmp_path / "models" / "morph"
    place.mkdir(parents=True)
    write_morph(place / "morph.npz", robust.small())
    return tmp_path


def held(report: Report) -> dict[str, bool | None]:
    return {row.name: row.holds for row in report.rows}


def values(report: Report) -> dict[str, float]:
    return {row.name: row.value for row in report.rows}


def test_a_part_that_does_not_exist_is_one_line():
    pytest.importorskip("librosa")
    with pytest.raises(StageError, match="no part 'pth'; there are frames, whole, phase, path"):
        morph([Path("pth")])


def test_every_part_has_a_module_and_training_is_only_done_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
):
    pytest.importorskip("librosa")
    from importlib import import_module

    ran = []
    for name in PARTS:
        module = f"models.bench.morph.{name}"
        assert callable(import_module(module).run)
        monkeypatch.setattr(f"{module}.run", lambda report, seconds, name=name: ran.append(name))
    morph(None, 1.0)
    assert ran == [name for name in PARTS if name not in NAMED]
    morph([Path("train")], 1.0)
    assert ran[-1] == "train"


def test_the_players_model_is_found_and_one_that_is_not_there_is_named(placed: Path):
    assert sources.deployed().path == placed / "models" / "morph" / "morph.npz"
    assert [found.name for found in sources.all_deployed()] == ["morph"]
    with pytest.raises(Missing, match="needs the model morph-live"):
        sources.deployed("morph-live")


def test_a_broken_model_is_missing_in_one_line(placed: Path):
    (placed / "models" / "morph" / "morph.npz").write_bytes(b"none")
    with pytest.raises(Missing) as caught:
        sources.deployed()
    assert "\n" not in str(caught.value)


def test_what_was_found_is_kept_by_what_it_depends_on(placed: Path):
    made: list[Path] = []

    def make(place: Path) -> dict[str, int]:
        made.append(place)
        return {"count": len(made)}

    assert sources.kept("a", {"n": 1}, make) == {"count": 1}
    assert sources.kept("a", {"n": 1}, make) == {"count": 1}
    assert sources.kept("a", {"n": 2}, make) == {"count": 2}


# --- notes


def notes_of(tmp_path: Path, count: int = 3) -> list[Any]:
    from models.morph.notes import read_notes

    place = robust.dataset(tmp_path / "notes", instruments=count + 2, seconds=0.6)
    return [note for note in read_notes(place) if note.pitch == 60][:count]


def test_frames_have_rows_beside_components(placed: Path, tmp_path: Path):
    report, notes = Report("test"), notes_of(tmp_path)
    frames.measured(report, "morph", robust.small(), notes, {"unseen": notes})
    found, holds = values(report), held(report)
    start = "morph, unseen, 8 latents a frame"
    alone, stored = (
        f"{start}, {how}: RMSE" for how in ("by the encoder alone", "as notes are stored")
    )
    assert found[alone] > found[stored] > found["morph, unseen, PCA 8: RMSE"]
    assert holds[alone] is False and holds[stored] is False
    assert holds["morph, unseen, PCA 8: RMSE"] is None


def test_phases_have_rows_beside_griffin_lim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("librosa")
    monkeypatch.setattr(phase, "ROUNDS", 2)
    report, notes = Report("test"), notes_of(tmp_path, 1)
    phase.measured(report, "quality", notes, notes)
    assert held(report)["phase, 512/64: convergence on exact magnitudes"]
    rounds = "phase, 512/64: of 1 notes, fast Griffin-Lim 2, which needs the whole note"
    assert values(report)[rounds] > values(report)["phase, 512/64: of 1 notes, ours"]


def test_whole_notes_are_promised_for_ours_only():
    figures = {"rmse_db": 4.4, "convergence_db": -9.0}
    found = {"unseen": figures, "learnt": figures, "other": None, "seconds": 9.0}
    report = Report("test")
    whole.rows(report, "ours", "512 numbers a note", found)
    whole.rows(report, "pca", "PCA 512", found)
    rows = held(report)
    assert rows["whole notes, unseen, 512 numbers a note: RMSE"] is True
    assert rows["whole notes, unseen, PCA 512: RMSE"] is None
    assert not any("recorded" in name for name in rows)


# --- paths


def test_a_pair_has_a_path_by_every_method(tmp_path: Path):
    one, other = notes_of(tmp_path, 2)
    ear = Ear(robust.small())
    linear = Pca.fit(np.random.default_rng(1).uniform(-80.0, 0.0, (20, ear.model.grid.bins)), 4)
    ends = (one.sound(), other.sound())
    pair = Pair.of(ear, "a to b", ends, (ear.note(one), ear.note(other)), linear)
    for method in METHODS:
        sounds = pair.path(method)
        assert len(sounds) == 9
        assert all(np.isfinite(sound).all() and sound.any() for sound in sounds)
    np.testing.assert_allclose(pair.path("cross-fade")[0], pair.recorded[0], atol=1e-7)


@pytest.mark.parametrize(
    ("field", "value", "holds"),
    [
        ("step_cv", 0.15, True), ("step_cv", 0.16, False), ("monotone", 0.98, True),
        ("monotone", 0.97, False), ("cents_median", 3.1, False), ("cents_worst", 10.0, True),
        ("cents_worst", float("nan"), False), ("endpoint", 60.0, None),
    ],
)  # fmt: skip
def test_what_is_promised_of_a_path(field: str, value: float, holds: bool | None):
    assert path.promised(field, value)[1] is holds


def test_rows_of_paths_promise_the_morph_only():
    each = [PathFigures(0.1, 1.0, 1.0, 0.1, 0.2, 9.0, 1.0, 4.0, 4.0)] * 12
    fade = [PathFigures(0.8, 1.0, 0.9, 0.3, 0.1, 0.0, 1.0, 4.0, 4.0)] * 12
    report = Report("test")
    path.rows(report, "x", {"morph": (each, each[0]), "cross-fade": (fade, fade[0])})
    rows = held(report)
    assert rows["x, morph: spread of MFCC steps"] and rows["x: pairs"] is None
    assert rows["x, cross-fade: spread of MFCC steps"] is None
    assert rows["x: that residual, of the cross-fade's"]


@pytest.mark.parametrize(("count", "holds"), [(3, False), (11, False), (12, True)])
def test_too_few_pairs_break_a_promise(count: int, holds: bool):
    each = [PathFigures(0.1, 1.0, 1.0, 0.1, 0.2, 9.0, 1.0, 4.0, 4.0)] * count
    report = Report("test")
    path.rows(report, "x", {"morph": (each, each[0])}, path.LEAST_PAIRS)
    assert held(report)["x: pairs"] is holds


# --- what a recording tells


def stepped(at_s: float, rise_s: float = 0.004) -> Any:
    """A tone whose second partial comes where the third goes, half way ``at_s`` from the middle."""
    time = np.arange(RATE) / RATE - 0.5
    share = np.clip((time - at_s) / rise_s + 0.5, 0.0, 1.0)
    tone = np.sin(2 * np.pi * HERTZ * time)
    tone += share * np.sin(4 * np.pi * HERTZ * time) + (1.0 - share) * np.sin(
        6 * np.pi * HERTZ * time
    )
    return (0.2 * tone).astype(np.float32)


@pytest.mark.parametrize("at_s", [0.004, 0.0101, 0.03])
def test_half_of_a_change_is_found_where_it_is(at_s: float):
    sizes = partials(stepped(at_s), RATE, HERTZ)
    ends = before_and_after(sizes, RATE // 2, RATE)
    assert half_way(sizes, RATE // 2, RATE, *ends) == pytest.approx(at_s, abs=2e-4)


def test_no_change_has_no_half():
    sizes = partials(stepped(10.0), RATE, HERTZ)
    assert np.isnan(half_way(sizes, RATE // 2, RATE, *before_and_after(sizes, RATE // 2, RATE)))


def test_rows_of_steps_hold_or_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "hertz_of", lambda key: HERTZ)
    for at_s, holds in ((0.008, True), (0.014, False)):
        report = Report("test")
        live.half_rows(report, "morph-live", stepped(at_s), [RATE // 2], 1)
        assert held(report)["morph-live: controller to half its effect, worst"] is holds


def test_the_first_sound_of_a_key():
    sound = np.zeros(RATE, np.float32)
    sound[1000 + 96 :] = 1e-4
    sound[1000 + 480 :] = 0.5
    first, heard = first_sound(sound, 1000, RATE, 0.5)
    assert first == pytest.approx(0.002)
    assert heard == pytest.approx(0.01)
    assert np.isnan(first_sound(np.zeros(RATE), 1000, RATE, 0.5)[0])


def test_clicks_are_steps_above_those_at_rest():
    assert largest_step(np.array([0.0, 0.1, -0.3, -0.2])) == pytest.approx(0.4)
    rests = [{"frame": n * RATE, "rests": True} for n in range(3)]
    swept = [*rests, {"frame": 3 * RATE, "rests": False}, {"frame": 4 * RATE, "rests": True}]
    tone = np.tile(stepped(10.0), 5)
    for at, holds in ((0, True), (int(3.5 * RATE), False)):
        sound = tone.copy()
        sound[at] += 0.9 if at else 0.0
        report = Report("test")
        live.click_rows(report, "x", sound, [RATE + 8], swept)
        assert held(report)["x: largest sample step in sweeps of the controller"] is holds


def test_late_blocks_and_half_the_deadline_are_told():
    counts = {"late": 0, "blocks": 9, "p50_percent": 9.0, "p99_percent": 30.0, "in_stalls": 0,
              "naps": 0, "stalled_percent": 0.0}  # fmt: skip
    assert set(told_of_voices(counts).values()) == {True, None}
    rows = told_of_voices({**counts, "late": 1, "p99_percent": 60.0})
    assert rows["x: late blocks"] is rows["x: p99"] is False
    assert rows["x: late blocks while the machine went on"] is False
    rows = told_of_voices({**counts, "late": 1, "in_stalls": 1, "naps": 3})
    assert rows["x: late blocks"] is False  # what is promised stays promised
    assert rows["x: late blocks while the machine went on"] is True
    rows = told_of_voices({**counts, "late": 1, "naps": None})
    assert not [name for name in rows if "machine" in name]


def told_of_voices(counts: dict[str, Any]) -> dict[str, Any]:
    report = Report("test")
    voices.rows(report, "x", counts, True)
    return held(report)


# --- training, what goes wrong


def test_a_record_of_a_training_is_done_again_with_other_folders(tmp_path: Path):
    command = "taraf train morph --data /old --grid live --out=/there --runs x --json --steps 9"
    found: Any = SimpleNamespace(
        name="morph", path=tmp_path, model=SimpleNamespace(job={"command": command})
    )
    again = train.command_of(found, "notes", tmp_path)
    assert again[:7] == ["taraf", "train", "morph", "--grid", "live", "--steps", "9"]
    assert again[7:9] == ["--data", "notes"] and "/there" not in " ".join(again)
    found.model.job = {}
    with pytest.raises(StageError, match="does not record"):
        train.command_of(found, "notes", tmp_path)


def test_what_it_learnt_from_is_made_by_its_cards_command(
    placed: Path, monkeypatch: pytest.MonkeyPatch
):
    from models.morph.notes import render as notes_render

    orders = []

    def render(place: Path, order: Any) -> None:
        orders.append(order)
        robust.dataset(place)

    monkeypatch.setattr(notes_render, "render", render)
    monkeypatch.setattr(sources, "FONTS", (placed / "a.sf2",))
    (placed / "a.sf2").write_bytes(b"")
    found = sources.deployed()
    card = found.path.with_name("morph.toml")
    with pytest.raises(StageError, match="does not tell what morph was trained on"):
        train.data_of(found)
    card.write_text(
        "[trained]\ndata = 'taraf notes render notes --instruments 0,40 --pitches 30-90:2 "
        "--velocities 25: two of its notes are in the file'\n"
    )
    with monkeypatch.context() as patched:
        patched.setattr(notes_render, "Order", lambda *given: given)
        notes = sources.rendered_by(train.data_of(found))
    assert len(notes) and len(orders) == 1
    _, instruments, pitches, velocities = orders[0]
    assert [each.program for each in instruments] == [0, 40]
    assert pitches == tuple(range(30, 91, 2)) and velocities == (25,)
    assert notes.folder.parent == placed / "kept"
    with pytest.raises(Missing, match="is no taraf notes render"):
        sources.rendered_by("taraf notes render notes --seconds 2")


def test_the_record_tells_how_long_it_took(tmp_path: Path):
    for seconds, holds in ((800, True), (1000, False)):
        found: Any = SimpleNamespace(name="m", model=SimpleNamespace(job={"seconds": seconds}))
        report = Report("test")
        train.told(report, found)
        assert report.rows[0].holds is holds


def test_a_bad_file_gives_one_clear_line(tmp_path: Path):
    foreign = next(case for case in robust.files(tmp_path) if case.name == "foreign.npz")
    assert is_clear(foreign, print)
    assert not is_clear(Bad("x", foreign.command, ("words that are not there",)), print)


def test_bad_datasets_are_of_every_kind(tmp_path: Path):
    names = {case.name for case in robust.datasets(tmp_path)}
    assert {"missing audio", "another rate than is told", "notes of no length", "broken JSON",
            "one instrument only"} <= names  # fmt: skip


def test_the_small_morph_is_one(tmp_path: Path):
    write_morph(tmp_path / "small.npz", robust.small())
    read, meant = read_morph(tmp_path / "small.npz"), robust.small()
    assert (read.grid, read.latents) == (GRIDS["live"], meant.latents)
    assert [one.name for one in read.notes] == [one.name for one in meant.notes]
