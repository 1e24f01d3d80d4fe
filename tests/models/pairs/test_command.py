"""taraf pairs, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from models.commands.pairs import pairs

from .folder import one_pair, phrase, save


def taraf(*arguments: object, code: int = 0) -> Any:
    done = CliRunner().invoke(pairs, [str(each) for each in arguments])
    assert done.exit_code == code, done.output
    return done.stdout


def test_from_nothing_to_checked_pairs(tmp_path: Path) -> None:
    pytest.importorskip("pedalboard")
    dry, out = tmp_path / "dry", tmp_path / "out"
    made = json.loads(taraf("make", dry, "--minutes", 0.1, "--rate", 16000, "--json"))
    assert len(made["files"]) == 11
    plugin = ("--plugin", "pedalboard:Distortion", "--grid", "drive_db=0:20:2")
    done = json.loads(taraf("render", dry, out, *plugin, "--jobs", 2, "--json"))
    assert (done["rendered"], done["failed"]) == (22, [])
    assert done["times_real_time"] > 0
    found = json.loads(taraf("check", out, "--json"))
    assert found["faults"] == []
    assert found["knobs"] == [{"name": "drive_db", "minimum": 0.0, "maximum": 20.0}]
    assert "22 were there" in taraf("render", dry, out, *plugin)


def test_faults_are_lines_and_exit_code_1(tmp_path: Path) -> None:
    folder = one_pair(tmp_path, phrase(), 0 * phrase())
    assert taraf("check", folder, code=1).splitlines() == [
        f"{tmp_path / 'wet' / 'a.wav'}: silent: nothing in it is above -100 dBFS"
    ]
    found = json.loads(taraf("check", folder, "--json", code=1))
    assert [fault["kind"] for fault in found["faults"]] == ["silent"]


def test_failed_pairs_are_exit_code_1(tmp_path: Path) -> None:
    pytest.importorskip("pedalboard")
    save(tmp_path / "a.wav", phrase(0.5))
    copy = "import sys, shutil; shutil.copy(*sys.argv[1:3]); sys.exit(int(sys.argv[3]))"
    (tmp_path / "program.py").write_text(copy)
    command = f"python {tmp_path / 'program.py'} {{in}} {{out}} {{code}}"
    arguments = ("--plugin", command, "--grid", "code=0,7,0.5", "--json")
    # 0.5 is no whole number, so the program fails on that one, too
    done = json.loads(taraf("render", tmp_path / "a.wav", tmp_path / "out", *arguments, code=1))
    assert done["rendered"] == 1
    assert len(done["failed"]) == 2


def test_the_list_names_effects_and_their_knobs() -> None:
    pytest.importorskip("pedalboard")
    there = json.loads(taraf("list", "--json"))
    assert there["pedalboard"]["Delay"] == ["delay_seconds", "feedback", "mix"]
    knobs = json.loads(taraf("list", "pedalboard:Gain", "--json"))["knobs"]
    assert [knob["knob"] for knob in knobs] == ["gain_db"]
