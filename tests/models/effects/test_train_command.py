"""taraf train effect, as it is typed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
from engine.cli import main
from models.judging.player import open_player

from ..pairs.folder import phrase, save
from .conftest import RATE, bent, fir

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of one's own to train in."""
    monkeypatch.setenv("TARAF_MODELS", str(tmp_path / "mine"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def taraf(*arguments):
    return main(["train", "effect", *map(str, arguments)])


def complaint(capsys, *arguments):
    """The one line that is told, with nothing left behind."""
    capsys.readouterr()
    assert taraf(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("taraf: ") and told.err.count("\n") == 1
    assert not list(Path("mine").glob("*")) and not Path("runs").exists()
    return told.err


def test_from_pairs_to_a_model_that_opens_by_its_name(pairs_of, capsys):
    folder = pairs_of("My EQ", fir)
    assert taraf(folder, "--minutes", 0.01, "--json") == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert told.out.count("\n") == 1
    assert (found["name"], found["architecture"]) == ("my-eq", "linear")
    assert found["esr"] < 1e-6 < found["clean_esr"] and found["mel_db"] < found["clean_mel_db"]
    assert found["tried"][0]["name"] == "linear"
    assert found["why"] and any(note.startswith("echo: ") for note in found["notes"])
    assert Path(found["model"]) == Path(os.environ["TARAF_MODELS"]) / "my-eq"
    assert "is it linear?" in told.err and "Traceback" not in told.err
    dry = phrase(0.3)
    played = open_player("my-eq").play(dry, RATE)
    np.testing.assert_allclose(played, fir(dry), atol=1e-3)


@pytest.mark.usefixtures("small_networks")
def test_a_network_leaves_a_model_a_checkpoint_and_a_table(pairs_of, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    folder = pairs_of("fuzz", bent)
    given = (folder, "--arch", "lstm-tiny", "--minutes", 0.02, "--threads", 1, "--about", "Fuzz")
    assert taraf(*given, "--accelerator", "cpu", "--out", "out", "--name", "My \U0001f3b8") == 0
    shown = capsys.readouterr().out
    assert "lstm-tiny" in shown and "out/my" in shown.replace("\n", "")
    assert max(map(len, shown.splitlines()[:4])) <= 30
    assert (Path("runs") / "my" / "checkpoint.pt").is_file()
    assert open_player("out/my").architecture.startswith("LSTM")


def wrong(here, kind):
    """A folder of pairs that cannot be learnt from."""
    dry, wet = phrase(2.0), 0.5 * phrase(2.0)
    if kind == "lengths":
        wet = wet[:-500]
    elif kind == "nan":
        wet[1000] = np.nan
    elif kind == "silent":
        wet[:] = 0.0
    elif kind == "misaligned":
        wet = np.roll(wet, 800)
    save(here / "pairs" / "dry" / "a.wav", dry)
    save(here / "pairs" / "wet" / "a.wav", wet)
    return "pairs"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("lengths", "frames, its dry file a.wav has"),
        ("nan", "not finite: frame 1000 is nan"),
        ("silent", "silent: nothing in it"),
        ("misaligned", "misaligned: 0.050 s"),
    ],
)
def test_pairs_that_cannot_be_learnt_from_are_one_line(here, kind, said, capsys):
    assert f"pairs/wet/a.wav: {'' if kind == 'lengths' else said}" in complaint(
        capsys, wrong(here, kind)
    ) and said in complaint(capsys, "pairs")


def test_what_is_asked_wrongly_is_one_line(here, pairs_of, capsys):
    folder = pairs_of("eq", fir)
    for options, said in (
        (("none",), "none: there is no such folder"),
        ((folder, "--arch", "kazoo"), "no architecture is called kazoo; there are auto, grey"),
        ((folder, "--loss", "kazoo=1"), "loss: kazoo is no term"),
        ((folder, "--loss", "esr=x"), "loss: esr = x is no number"),
        ((folder, "--loss", "stft=1,esr=0,emphasised=0"), "nothing in it looks at the waveform"),
        ((folder, "--minutes", 0), "--minutes"),
        ((folder, "--seed", -1), "--seed"),
        ((folder, "--allow", "noise"), "'noise' cannot be allowed"),
        ((folder, "--out", here), "eq: holds dry, which is no model; it is not replaced"),
    ):
        assert said in complaint(capsys, *options)


def test_ctrl_c_while_boxes_are_asked_leaves_nothing(here, pairs_of):
    folder = pairs_of("fuzz", bent, 20.0)
    command = [sys.executable, "-c", "import sys; from engine.cli import main; sys.exit(main())"]
    process = subprocess.Popen([*command, "train", "effect", str(folder), "--json"], cwd=here,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert process.stderr is not None
    first = process.stderr.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert first.startswith("is it ")
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert not list((here / "mine").glob("*")) and not (here / "runs").exists()
