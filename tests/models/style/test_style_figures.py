"""What is told of a result: what is kept, reached, copied; the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("librosa")

from models.style.figures import Listener, correlation, figures, rhythm_apart, sdr_db
from models.style.page import Shown, page_beside, page_in
from models.style.settings import Settings
from models.style.sound import recording
from models.style.transfer import transfer

from .style_sounds import RATE, content, plucked, style


def test_the_content_itself_keeps_all_and_reaches_nothing():
    given = content(3.0)
    found = figures(given, style(3.0), given)
    assert found.onsets > 0.999 and found.pitch > 0.999
    assert found.reached == pytest.approx(0.0, abs=1e-6) and not found.holds


def test_the_style_itself_is_reached_and_is_a_copy():
    given = recording(plucked(4.0, partials=8, seed=3), RATE)
    found = figures(content(4.0), given, given)
    assert found.reached > 0.99 and found.copied_s > 3.0 and not found.holds
    assert found.pitch < 0.5  # another tune; its attacks are where the content has them


def test_a_rhythm_is_apart_from_one_of_another_pace_and_not_from_itself():
    slow, same, fast = (
        Listener(recording(plucked(6.0, gap_s=gap, seed=seed), RATE))
        for gap, seed in ((0.5, 0), (0.5, 1), (0.125, 2))
    )
    assert rhythm_apart(slow, slow) < 1e-9
    assert rhythm_apart(slow, same) < 0.3 < rhythm_apart(slow, fast) <= 1.0


def test_a_constant_correlates_with_nothing():
    assert correlation(np.ones(5), np.arange(5.0)) == 0.0
    assert correlation(np.arange(6.0), np.arange(5.0)) == pytest.approx(1.0)


def test_the_sdr_of_a_tenth_off_is_20_db():
    stem = plucked(1.0)
    assert sdr_db(stem, 0.9 * stem) == pytest.approx(20.0, abs=1e-3)


def test_a_page_needs_nothing_else_and_escapes_names(tmp_path: Path):
    result = transfer(content(), [style()], Settings(iterations=2, device="cpu"))
    sounds = [Shown("content", "<b>.wav", content()), Shown("result", "r\udcff", result.sound)]
    found = {"s": {"onsets": 0.9, "pitch": 0.7, "reached": 0.86, "copied_s": 0.0}}
    path = page_beside(tmp_path / "out.wav", sounds, result, {"harmony": 1.0}, found)
    text = path.read_text()
    assert path.name == "out.html" and "&lt;b&gt;.wav" in text and "<b>.wav" not in text
    assert "0.86" in text and 'src="data:audio/flac' in text and "://" not in text
    stems = page_in(tmp_path, sounds, [2.0, 1.0])
    assert stems.name == "stems.html" and "1 iterations" in stems.read_text()
