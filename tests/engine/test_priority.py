"""What is asked of the system before sound is made."""

import os
import sys

import pytest

from engine import priority
from engine.host import Host, Order
from engine.rack import Lane, Rack
from engine.stream import DeviceChoice


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets us ask")
@pytest.mark.parametrize(("governor", "most"), [("haltpoll", 0), ("menu", 10)])
def test_processors_are_asked_to_wake_in_time_while_this_process_lives(
    monkeypatch, tmp_path, governor, most
):
    waking = tmp_path / "cpu_dma_latency"
    monkeypatch.setattr(priority, "WAKING", waking)
    monkeypatch.setattr(priority, "GOVERNOR", tmp_path / "governor")
    monkeypatch.setattr(priority, "_held", held := [])
    assert "refused" in priority.stay_awake()
    waking.touch()
    (tmp_path / "governor").write_text(f"{governor}\n")
    assert priority.stay_awake() == f"wake within {most} us"
    assert waking.read_bytes() == most.to_bytes(4, sys.byteorder)
    assert os.fstat(held[0]).st_ino == waking.stat().st_ino  # still open
    os.close(held[0])


@pytest.mark.parametrize(("fast", "said"), [(True, "not asked"), (False, "")])
def test_only_sound_that_must_be_in_time_asks(fast, said):
    order = Order(DeviceChoice("virtual"), frames=4800, fast=fast)
    host = Host(order, Rack("r", lanes=(Lane("a"),)))
    try:
        assert said in host.report()["processors"]
        assert fast or "not asked" not in host.report()["processors"]
    finally:
        host.stop()
