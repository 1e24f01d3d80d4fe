"""Ableton Link between two desks on this computer."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.control import link as links
from engine.control.clock import MusicalClock
from engine.control.link import Link, LinkError, as_set, same_tempo
from engine.control.news import Pulsing

PATIENCE_SECONDS = 10.0


class Stand:
    """What Link needs of a desk: its clock, and somewhere to say who is there."""

    def __init__(self, tempo_bpm: float) -> None:
        self.clock = MusicalClock(tempo_bpm)
        self.changes: list[str] = []
        self.clock.listen(lambda beat, source: self.changes.append(source))
        self.said: list[str] = []
        self.pulse: Any = None

    def tell(self, kind: str, source: str = "", **facts: Any) -> None:
        self.said.append(facts["text"])


def wait_for(holds: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def apart(one: Stand, other: Stand) -> float:
    """Beats between two clocks in the bar, at one moment."""
    now = time.monotonic_ns()
    beats = one.clock.beat(now) - other.clock.beat(now)
    return abs(beats - 4 * round(beats / 4))


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Stand, Stand]]:
    pytest.importorskip("aalink")
    one, other = Stand(120.0), Stand(90.0)
    first, second = Link(one), Link(other)  # type: ignore[arg-type]
    first.start()
    time.sleep(1.5)  # the elder session is the one that is joined, if it is elder by half a second
    second.start()
    if wait_for(lambda: first.peers and second.peers, 5.0):
        wait_for(lambda: other.clock.tempo_bpm == 120.0 and apart(one, other) < 0.05)
    yield one, other
    first.close()
    second.close()
    first.close()


def joined(pair: tuple[Stand, Stand]) -> tuple[Stand, Stand]:
    if not all(any("1 other in" in text for text in stand.said) for stand in pair):
        pytest.skip("Link's multicast does not reach anybody here")
    return pair


def test_who_comes_later_takes_over_tempo_and_beat(pair: tuple[Stand, Stand]) -> None:
    one, other = joined(pair)
    assert one.clock.tempo_bpm == other.clock.tempo_bpm == 120.0
    assert wait_for(lambda: apart(one, other) < 0.05)
    assert other.clock.source == "link"


def test_tempo_goes_both_ways(pair: tuple[Stand, Stand]) -> None:
    one, other = joined(pair)
    one.clock.set(133.0, source="web")
    assert wait_for(lambda: other.clock.tempo_bpm == 133.0)
    other.clock.set(71.25, source="midi")
    assert wait_for(lambda: one.clock.tempo_bpm == 71.25)
    assert wait_for(lambda: apart(one, other) < 0.05)


def test_a_beat_that_one_player_taps_is_everybodys(pair: tuple[Stand, Stand]) -> None:
    one, other = joined(pair)
    start = time.monotonic_ns()
    for beat in range(5):
        one.clock.tap(start + beat * 500_000_000)  # 120 bpm, and a beat exactly at start
    assert wait_for(lambda: apart(one, other) < 0.05)
    assert abs(one.clock.beat(start) - round(one.clock.beat(start))) < 0.05
    assert wait_for(
        lambda: abs(other.clock.beat(start) - round(other.clock.beat(start))) < 0.05
    )  # fmt: skip


def test_what_came_in_is_not_sent_back(pair: tuple[Stand, Stand]) -> None:
    one, other = joined(pair)
    one.changes.clear()
    other.changes.clear()
    one.clock.set(140.0, source="web")
    assert wait_for(lambda: other.clock.tempo_bpm == 140.0)
    time.sleep(0.3)
    assert set(other.changes) == {"link"}
    assert one.changes.count("web") == 1
    assert one.clock.tempo_bpm == other.clock.tempo_bpm == 140.0


def test_while_a_drummer_leads_the_session_goes_with_him(pair: tuple[Stand, Stand]) -> None:
    one, other = joined(pair)
    now = time.monotonic_ns()
    one.pulse = Pulsing(True, 120.0, 0.0, now, 4, 0.9, 0, 0.0)
    one.clock.set(97.0, 1.5, now, source="pulse")
    assert wait_for(lambda: other.clock.tempo_bpm == 97.0)
    assert wait_for(lambda: apart(one, other) < 0.05)
    one.changes.clear()
    other.clock.set(150.0, source="web")
    assert wait_for(lambda: other.changes[-2:] == ["web", "link"])
    assert wait_for(lambda: other.clock.tempo_bpm == 97.0)
    assert "link" not in one.changes


def test_a_closed_link_changes_nothing_any_more() -> None:
    pytest.importorskip("aalink")
    stand = Stand(100.0)
    link = Link(stand)  # type: ignore[arg-type]
    link.start()
    link.close()
    link.close()
    stand.clock.set(110.0, source="web")
    assert stand.clock.tempo_bpm == 110.0


def test_link_tempos_are_read_as_they_were_set() -> None:
    for tempo in (60.0, 71.25, 98.5, 120.0, 133.0, 174.33, 300.0):
        heard = 60e6 / round(60e6 / tempo)
        assert same_tempo(heard, tempo)
        assert as_set(heard) == tempo
    assert not same_tempo(120.0, 120.01)


def test_without_aalink_the_player_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "aalink", None)
    with pytest.raises(LinkError, match=r"pip install 'taraf\[link\]'"):
        Link(Stand(120.0))  # type: ignore[arg-type]


def test_aalink_is_not_imported_with_the_module() -> None:
    code = "import sys, engine.control.link; sys.exit('aalink' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert links.QUANTUM == 4.0
