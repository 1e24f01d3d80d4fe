"""The bench of the stage: its rows come out, short; its figures are not judged here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from control.midi_stage import SilentHost

from engine.bench import Report, stage
from engine.bench.stage import (
    clock,
    control,
    page,
    presets,
    set_list,
    soak,
    sound_server,
    spilling,
    storm,
    telling,
)
from engine.cli import main
from engine.control.desk import Desk
from engine.control.midi import Midi

pytestmark = pytest.mark.realtime

pytest.importorskip("rtmidi")


@pytest.fixture
def jack() -> None:
    """A JACK server can run here, and JACK-Client is installed."""
    pytest.importorskip("jack")
    try:
        with sound_server.running():
            pass
    except telling.Missing as error:
        pytest.skip(str(error))


def rows(run: Any, *given: Any) -> dict[str, Any]:
    """What a part adds, by name; it leaves no process behind."""
    report = Report("stage")
    run(report, *given)
    assert not [one for one in psutil.Process().children() if one.name().startswith("jackd")]
    for row in report.rows:
        assert (row.holds is None) == (row.target == "")
    return {row.name: row for row in report.rows}


def test_a_part_that_is_not_there_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "stage", "drums"]) != 0
    assert capsys.readouterr().err == (
        "taraf: bench stage has no part 'drums'; "
        "there are control, clock, set-list, page, vst, soak\n"
    )


def test_without_jack_its_parts_are_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    before = dict(os.environ)
    report = stage.run([Path("clock")])
    assert dict(os.environ) == before
    assert [row.name for row in report.rows] == ["parts that ended early"]
    assert "clock is left out: needs jackd" in capsys.readouterr().err


def test_what_the_storm_says_is_where_the_knobs_end(tmp_path: Path) -> None:
    (tmp_path / "midi.toml").write_text(storm.mappings(*storm.KNOBS))
    desk = Desk(SilentHost(storm.RACK), [(storm.RACK, None)])  # type: ignore[arg-type]
    midi = Midi(desk, (), virtual="", programs=False, file=tmp_path / "midi.toml")
    sent = storm.messages(1, 2000)
    for message in sent:
        midi.hear(bytes(message), time.monotonic_ns())
    wanted = storm.positions(sent)
    assert wanted.keys() == set(storm.KNOBS)
    for address, position in wanted.items():
        assert desk.position(address) == pytest.approx(position)


def test_a_controller_is_found_in_the_sound(jack: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "TURNS", 5)
    monkeypatch.setattr(control, "MESSAGES", 300)
    found = rows(control.run)
    assert found["controller messages found in the sound"].value == 5
    assert found["mixed messages sent"].value == 300
    assert found["knobs are where the last message says"].value == 1
    assert found["controller to first changed sample p50"].value > 0


def test_the_clock_is_followed_and_sent(jack: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "TEMPOS", (180.0,))
    monkeypatch.setattr(clock, "OUT_SECONDS", 1.0)
    found = rows(clock.run)
    assert found["clock out: ticks heard"].value > 24
    assert "clock in: phase off after 4 beats, worst of three tempos" in found


def test_every_switch_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "COUNT", 3)
    monkeypatch.setattr(set_list, "SWITCHES", 4)
    monkeypatch.setattr(set_list, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(spilling, "SECONDS", 2)
    found = rows(set_list.run)
    assert found["presets on the shelf"].value == 3
    assert found["switches heard"].value == 4
    assert "tail after a switch, against none" in found


def test_pages_are_opened_and_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("websockets")
    monkeypatch.setattr(page, "ROUNDS", 1)
    monkeypatch.setattr(page, "SLICE_SECONDS", 0.3)
    found = rows(page.run)
    assert found["updates a second that each page got"].value > 0


def test_the_soak_counts_what_is_sent_and_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "HOUR_SECONDS", 120)
    found = rows(soak.run, 2.0)
    assert found["fast-forward: sound played"].value == 120
    assert found["fast-forward: messages not acted on"].value == 0
    assert found["traffic: messages from MIDI and OSC"].value > 50
    assert found["traffic: commands from pages"].value > 5


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_nothing_behind(jack: None) -> None:
    program = "import sys; from engine.cli import main; sys.exit(main(['bench', 'stage', 'clock']))"
    bench = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    assert bench.stderr is not None
    for line in bench.stderr:
        if "four beats" in line:
            break
    started = psutil.Process(bench.pid).children(recursive=True)
    assert any(one.name().startswith("jackd") for one in started)
    bench.send_signal(signal.SIGINT)
    assert bench.wait(20.0) == 130
    assert psutil.wait_procs(started, 5.0)[1] == []
    bench.stderr.close()


def test_hosted_plugins_have_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pedalboard")
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    bench = pytest.importorskip("plugins.vst.bench")
    from plugins.vst.bench import live
    from plugins.vst.errors import VstError

    try:
        some = live.installed()[:2]
    except VstError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(live, "installed", lambda: some)
    found = {row.name: row.value for row in bench.vst().rows}
    assert found["plug-ins found"] == found["plug-ins that load and play live"] == 2
    assert found["broken plug-ins survived, listed with the reason"] == 6
    assert found["the other lane meanwhile, bit-equal to a render"] == 1
