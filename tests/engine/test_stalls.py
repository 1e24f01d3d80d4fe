"""Which late blocks fell on moments in which the machine stood still."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bench.stage import stalls
from engine.bench.stage.stalls import Naps, Span

STOPPED_S = 0.1

moments = st.floats(0.0, 100.0)
spans = st.tuples(moments, st.floats(0.001, 5.0)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@pytest.mark.skipif(sys.platform != "linux", reason="naps keep to one processor on Linux only")
def test_who_is_stopped_while_napping_tells_when() -> None:
    with Naps() as naps:
        time.sleep(0.3)
        began = time.monotonic()
        for pid in naps.pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        for pid in naps.pids:
            os.kill(pid, signal.SIGCONT)
        ended = time.monotonic()
        time.sleep(0.1)
        found = naps.ended()
    long = [(start, stop) for start, stop in found if stop - start >= 0.9 * STOPPED_S]
    met = [span for span in long if span[0] < ended and span[1] > began]
    assert len(met) >= len(naps.pids)


@given(late=st.lists(st.tuples(spans, st.integers(1, 9))), stood=st.lists(spans))
def test_what_is_late_is_blamed_on_the_machine_only_where_it_stood_still(
    late: list[tuple[Span, int]], stood: list[Span]
) -> None:
    found = stalls.in_stalls(late, stood)
    assert 0 <= found <= sum(count for _, count in late)
    assert stalls.in_stalls(late, []) == 0
    assert stalls.in_stalls(late, [*stood, (-1.0, 200.0)]) == sum(count for _, count in late)
    assert stalls.in_stalls(late, [(start + 300.0, stop + 300.0) for start, stop in stood]) == 0


def test_a_late_block_beside_a_stall_counts_and_one_after_it_does_not() -> None:
    late = [((1.00, 1.05), 2), ((2.00, 2.05), 1)]
    assert stalls.in_stalls(late, [(1.01, 1.02)]) == 2
    assert stalls.in_stalls(late, [(1.99, 2.01)]) == 1
    assert stalls.in_stalls(late, [(1.05, 2.00)]) == 0


def test_the_share_is_of_looks_and_not_of_stalls() -> None:
    assert stalls.share([], 10.0) == 0.0
    assert stalls.share([(0.001, 0.003), (0.011, 0.013)], 10.0) == pytest.approx(0.005)
    assert stalls.share([(0.0, 10.0)], 10.0) == 1.0
