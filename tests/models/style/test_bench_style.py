"""The style's bench: its parts, what they need, what their rows promise."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("librosa")

import torch

from engine.bench import Report
from engine.bench.parts import StageError
from models.bench.style import PARTS, gpu, gradient, key, long, pairs, robust, sources, speed, style
from models.style.figures import Figures
from models.style.frames import Ear
from models.style.sound import recording

from .style_sounds import RATE, breathy, plucked

SMALL = 24


def held(report: Report) -> dict[str, bool | None]:
    return {row.name: row.holds for row in report.rows}


def test_a_part_that_there_is_not_is_told() -> None:
    with pytest.raises(StageError, match=r"no part 'loud'; there are .*gradient"):
        style([Path("loud")])


def test_every_part_is_a_module_that_runs() -> None:
    from importlib import import_module

    for name in PARTS:
        assert callable(import_module(f"models.bench.style.{name}").run)


def test_without_recordings_a_part_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sources.whole.cache_clear()
    monkeypatch.setattr(sources, "DATA", tmp_path)
    report = style([Path("pairs"), Path("long")])
    said = capsys.readouterr().err
    assert [row.name for row in report.rows] == ["parts that ended early"]
    assert "pairs is left out: needs" in said and "long is left out: needs" in said


def test_without_a_gpu_its_part_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    style([Path("gpu")])
    assert "gpu is left out: needs a GPU" in capsys.readouterr().err


def test_the_gradient_holds() -> None:
    report = Report("style")
    gradient.run(report)
    assert list(held(report).values()) == [True]


def test_plain_filters_descend_and_are_what_the_stacked_ones_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speed, "FILTERS", SMALL)
    ear = Ear(sources_analysis())
    content = torch.from_numpy(plucked(1.0))[None]
    wanted = ear.hear(torch.from_numpy(breathy(1.0))[None])
    plain = speed.PlainFilters(ear, content, wanted.magnitudes)
    loss, slope = plain.loss(content[0])
    assert loss == pytest.approx(1.0, abs=1e-3)  # the style's is the content's own
    step = 1e-2 / float(slope.norm())
    assert plain.loss(content[0] - step * slope)[0] < loss


def sources_analysis() -> Any:
    from models.style.frames import Analysis

    return Analysis(RATE, 512, 128)


def test_pairs_that_hold_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = recording(plucked(1.0), RATE)
    good, bad = Figures(0.9, 0.7, 0.9, 0.0), Figures(0.9, 0.7, 0.8, 0.0)
    found = iter([good, bad, good, good, good, good, bad, good])
    monkeypatch.setattr(pairs, "excerpt", lambda name: sound)
    monkeypatch.setattr(pairs, "transferred", lambda *_: SimpleNamespace(sound=sound))
    monkeypatch.setattr(pairs, "Listener", lambda sound: sound)
    monkeypatch.setattr(pairs, "heard_figures", lambda *_: next(found))
    report = Report("style")
    pairs.run(report)
    assert report.rows[-1].value == 6 and report.rows[-1].holds
    assert sum(row.holds is False for row in report.rows) == 2


def test_a_tune_in_another_key_is_the_same_one_higher() -> None:
    low, high = (np.abs(np.fft.rfft(key.tune(1, key.DULL, n).samples[0][:5512])) for n in (0, 6))
    ratio = np.argmax(high) / np.argmax(low)
    assert ratio == pytest.approx(2 ** (6 / 12), rel=0.03)


def test_the_content_of_four_minutes_says_what_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long, "whole", lambda name: recording(plucked(1.0), RATE))
    with pytest.raises(StageError, match="needs 240 s of recordings; there are 5"):
        long.content()


def test_bad_input_is_of_many_kinds_and_one_is_refused_clearly(tmp_path: Path) -> None:
    cases = list(robust.bad(tmp_path))
    assert len(cases) == len({name for name, *_ in cases}) == 30
    assert robust._is_clear(cases[0], tmp_path)
    assert not robust._is_clear(("help", ("style", "--help"), "style"), tmp_path)


def test_what_ctrl_c_stops_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = recording(plucked(1.0), RATE)
    stopped = SimpleNamespace(run=lambda: SimpleNamespace(ended="stopped"))
    monkeypatch.setattr(sources, "transfer_of", lambda material: stopped)
    monkeypatch.setattr(sources, "separate", lambda *_: SimpleNamespace(ended="stopped"))
    with pytest.raises(KeyboardInterrupt):
        sources.transferred(sound, sound, sources.Settings(device="cpu"))
    with pytest.raises(KeyboardInterrupt):
        sources.separated(sound, [sound])
