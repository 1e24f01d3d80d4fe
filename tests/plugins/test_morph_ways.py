"""The tables a morph goes by: found in what its keys play, ready before or soon after they do."""

from __future__ import annotations

import time

import numpy as np
import pytest
from morph_playing import KEY, Played, heard, note, rack
from morph_tones import BRIGHT, LOUD, tones

from plugins.morph import spaced
from plugins.morph.held import Held
from plugins.morph.spaced import ALL, EDGES, GAIN, PLACES, TILT, Spacer, Ways

DARK, CLEAR, MALLET, ORGAN = range(4)
SECOND = 500
"""Frames of ``live``."""


@pytest.fixture(scope="module")
def ways() -> Ways:
    return Ways(tones())


def test_ways_are_found_in_what_a_held_key_plays() -> None:
    one, other = Held(tones()).paths(DARK, MALLET, 60)
    assert one.shape == other.shape == (3 * SECOND, 5)
    np.testing.assert_allclose(one[:, BRIGHT], 0.2, atol=0.003)
    np.testing.assert_allclose(other[:, BRIGHT], 0.6, atol=0.003)
    assert one[SECOND:, LOUD].min() > 0.99  # a loop goes on
    assert other[SECOND - 1, LOUD] < 0.15
    assert other[-1, -1] < other[0, -1] - 50.0  # what has no loop dies away


def test_attacks_are_as_long_as_they_are_half_way() -> None:
    one, other = Held(tones()).paths(DARK, ORGAN, 60)
    assert one[SECOND // 25, LOUD] > 0.7  # its own takes a tenth of a second
    np.testing.assert_allclose(other[SECOND, BRIGHT], 0.6, atol=0.003)  # of two pitches


def test_it_is_the_same_voice_again() -> None:
    held = Held(tones())
    first = held.paths(DARK, MALLET, 60)
    held.paths(ORGAN, CLEAR, 72)
    np.testing.assert_array_equal(held.paths(DARK, MALLET, 60), first)


def test_the_way_back_is_the_same_way(ways: Ways) -> None:
    there, back = ways.between(DARK, CLEAR, 60), ways.between(CLEAR, DARK, 60)
    np.testing.assert_allclose(1.0 - back[PLACES, ::-1], there[PLACES], atol=1e-6)
    np.testing.assert_array_equal(back[TILT, ::-1], there[TILT])
    np.testing.assert_array_equal(back[GAIN, ::-1], there[GAIN])


def test_a_way_begins_and_ends_with_the_sounds_themselves(ways: Ways) -> None:
    found = ways.between(DARK, MALLET, 60)
    assert (np.diff(found[PLACES]) > 0.0).all()
    assert list(found[PLACES, [0, -1]]) == [0.0, 1.0]
    assert not found[TILT:, [0, -1]].any()
    still = ways.between(ORGAN, ORGAN, 60)
    np.testing.assert_allclose(still[PLACES], np.linspace(0.0, 1.0, still.shape[1]), atol=1e-6)
    assert not still[TILT:].any()


def test_what_is_asked_for_is_offered_and_then_its_neighbours() -> None:
    spacer = Spacer(tones(), waits=False)
    spacer.keyed[70] = ALL
    spacer.expect((DARK, CLEAR, DARK, CLEAR))
    until = time.monotonic() + 60.0
    while (spacer.ready[1, 58:83] < ALL).any() and time.monotonic() < until:
        time.sleep(0.01)
    spacer.close()
    assert int(spacer.offered[0, 0]) == 1
    assert list(np.flatnonzero(spacer.ready[1])) == list(range(58, 83))
    assert spacer.tables.shape[2] == len(EDGES)
    assert (np.diff(spacer.tables[1, 58:83, :, PLACES]) > 0.0).all()


def test_a_render_waits_once_for_what_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait for every frame of every voice would be a hundred times as many."""
    answer = Spacer.answer
    monkeypatch.setattr(spaced, "WAITS", 5000)
    monkeypatch.setattr(Spacer, "answer", lambda spacer: None)
    played = Played(rack(), [*note(KEY), *note(KEY + 5, 9600)])
    assert np.abs(played.push(9600)).max() > 0.0
    monkeypatch.setattr(Spacer, "answer", answer)
    played.push(4800)  # another key is another question, and waited for
    spacer = played.renderer.table.nodes[0].plugin._spacer  # type: ignore[attr-defined]
    assert spacer is not None and spacer.ready[1, [KEY, KEY + 5]].all()


def centroid(sound: np.ndarray) -> float:
    sizes = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.arange(len(sizes)) @ sizes / sizes.sum())


def test_brightness_goes_one_way_where_it_did_not() -> None:
    """From a mallet, bright as it begins and then dark, to a flute that is in between."""

    def steps(even: float) -> np.ndarray:
        found = [
            centroid(heard(note(KEY), 36_000, a=float(MALLET), b=float(CLEAR), x=x, even=even))
            for x in np.linspace(0.0, 1.0, 5)
        ]
        return np.diff(found)

    assert (steps(0.0) > 0.0).any()
    assert (steps(1.0) < 0.0).all()
