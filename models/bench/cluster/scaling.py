"""From the costs measured here to 1,000 nodes: simulated event by event."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.bench.cluster.speed import Costs, measured
from models.cluster.ray_run import together

if TYPE_CHECKING:
    from engine.bench import Report

NODES = (1, 10, 100, 1000)
CORES = 16
HOURS_TO_FAIL = 200.0
"""Of a node, on average: rented ones that may be taken back at any time."""
BACK_S = 120.0
"""Until a node that failed is replaced."""
DETECT_S = 20.0
"""Until the cluster knows that it failed."""
HEAVY_S = 0.18
"""A pair of 5 s through a plugin that models a circuit (`costs`)."""
LONG_S = 60.0
"""A unit that trains for a minute."""


@dataclass(frozen=True)
class Simulated:
    """What came of it: units a second, of what the cores alone could do; units done twice."""

    rate: float
    efficiency: float
    again: int
    together: int


def run(report: Report) -> None:
    """Pairs and trainings on more and more nodes."""
    costs = measured(None)
    report.add("scaling: driver, a task", 1e3 * costs.task_s, "ms")
    report.add("scaling: driver, each unit in it", 1e3 * costs.unit_s, "ms")
    for name, unit_s in (("pairs of 5 s", costs.pair_s), ("pairs through a circuit", HEAVY_S)):
        for nodes in NODES:
            pairs = simulate(costs, nodes, unit_s)
            share = 100.0 * pairs.efficiency
            report.add(f"scaling: {nodes} nodes, {name}", pairs.rate, "pairs/s")
            report.add(f"scaling: {nodes} nodes, {name}, of what their cores can", share, "%")
            report.add(f"scaling: {nodes} nodes, {name}, that travel as one", pairs.together, "")
    for nodes in NODES:
        long = simulate(costs, nodes, LONG_S)
        report.add(f"scaling: {nodes} nodes, trainings of a minute, of what their cores can",
                   100.0 * long.efficiency, "%", "90 or more", long.efficiency >= 0.9)  # fmt: skip
        report.add(f"scaling: {nodes} nodes, parts done again", long.again, "")


def simulate(costs: Costs, nodes: int, unit_s: float, seed: int = 1) -> Simulated:
    """Units of ``unit_s`` on ``nodes`` machines that fail now and then, given out by one driver.

    The driver does one thing at a time: it gives a task out, and takes its outcome back. A task
    that is lost is given out again when the failure is known.
    """
    slots = nodes * CORES
    many = together(slots, unit_s, costs.task_s)
    each = costs.task_s + many * costs.unit_s
    rng = random.Random(seed)
    fails = nodes / (3600.0 * HOURS_TO_FAIL)  # a second, of all nodes
    span = max(20.0 * many * unit_s, 20.0)
    driver, done, again = 0.0, 0, 0
    free: list[float] = []  # when a slot asks for more
    next_failure = rng.expovariate(fails)
    for _ in range(slots):
        driver += each
        heapq.heappush(free, driver + many * unit_s)
    warm = driver
    while free and free[0] < warm + span:
        ready = heapq.heappop(free)
        if ready > next_failure:  # a node takes what its cores are at with it
            next_failure += rng.expovariate(fails)
            lost = [ready, *(heapq.heappop(free) for _ in range(min(CORES - 1, len(free))))]
            again += many * len(lost)
            for _ in lost:
                driver = max(driver, ready) + each
                heapq.heappush(free, driver + max(DETECT_S, BACK_S) + many * unit_s)
            continue
        driver = max(driver, ready) + each
        done += many if ready > warm else 0
        heapq.heappush(free, driver + many * unit_s)
    rate = done / span
    return Simulated(rate, rate * unit_s / slots, again, many)


__all__ = ["Simulated", "run", "simulate"]
