"""Every benchmark runs, and prints what it promises to print; its figures are not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from engine import bench

pytestmark = pytest.mark.realtime

SHORT = {
    "callback": ["--seconds", "0.5"],
    "switch": ["--seconds", "1"],
    "start": [],
    "plugins": [],
    "roundtrip": [],
    "models": ["--seconds", "1"],  # its tests are in test_bench_models
    "stage": [],  # its tests are in test_bench_stage
}


def rows(*arguments: str) -> list[dict[str, Any]]:
    # A process of its own: PortAudio looks for servers once, and dies with one it had joined.
    program = "import sys; from engine.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "bench", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {"bench", "rows"}
    assert found["bench"] == arguments[0]
    for row in found["rows"]:
        assert set(row) == {"name", "value", "unit", "target", "holds"}
        assert (row["holds"] is None) == (row["target"] == "")
    return found["rows"]


def test_all_are_listed() -> None:
    assert set(bench.BENCHES) == set(SHORT)


@pytest.mark.parametrize("name", ["callback", "switch"])
def test_a_bench_on_the_virtual_device_prints_its_rows(name: str) -> None:
    assert len(rows(name, *SHORT[name])) >= 6


def test_the_callback_bench_contrasts_python_on_a_real_device(jackd: Any) -> None:
    jackd(64)
    found = {row["name"]: row for row in rows("callback", "--device", "JACK", "--seconds", "1")}
    python = found["for contrast: Python callback, interpreter busy"]["value"]
    assert python < found["demo rack, interpreter busy"]["value"]


@pytest.mark.parametrize("block", [64, 32])
def test_a_round_trip_is_two_blocks_exactly(jackd: Any, block: int) -> None:
    jackd(block)
    found = rows("roundtrip", "--device", "JACK", "--block", str(block), "--seconds", "2")
    (trip,) = [row for row in found if row["name"] == "round trip"]
    assert trip["value"] == 2 * block
    assert trip["holds"]


def test_the_plugins_bench_has_a_row_for_every_plugin() -> None:
    pytest.importorskip("pedalboard")
    found = {row["name"] for row in rows("plugins")}
    assert {"gain", "gate", "compressor", "eq", "cabinet", "delay", "chorus"} <= found
    assert {"reverb", "limiter", "model", "tuner", "meter", "tap"} <= found
    assert "reverb against pedalboard" in found
