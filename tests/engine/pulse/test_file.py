"""The file of a pulse network: there and back, and what is none is told in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.modelfiles import ModelFileError
from engine.neural.compiled import compile_network
from engine.neural.network import Conv, Network, Signal, Term
from engine.pulse.bands import FEATURES
from engine.pulse.file import read_network, shipped, write_network
from engine.pulse.follower import OUTPUTS


def small(inputs: int = FEATURES, outputs: int = OUTPUTS) -> Network:
    """A network of one layer that looks three hops back."""
    rng = np.random.default_rng(7)
    heard, told = Signal(inputs), Signal(outputs)
    weights = (0.1 * rng.standard_normal((outputs, inputs, 3))).astype(np.float32)
    bias = rng.standard_normal(outputs).astype(np.float32)
    made = Network(heard, told, [Conv(told, (Term(heard, weights),), bias)])
    made.check()
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.json"
    write_network(path, small(), "mine")
    return path


def refused(path: Path) -> str:
    """The one line that says why it is not read."""
    with pytest.raises(ModelFileError) as caught:
        read_network(path)
    line = str(caught.value)
    assert path.name in line and "\n" not in line and len(line) < 400
    return line


def test_a_network_is_read_as_it_was_written(file: Path):
    heard = np.random.default_rng(1).standard_normal((FEATURES, 50)).astype(np.float32)
    before, after = (compile_network(net).play(heard) for net in (small(), read_network(file)))
    np.testing.assert_array_equal(before, after)
    assert json.loads(file.read_bytes())["name"] == "mine"


def test_the_one_that_comes_with_taraf_can_be_read():
    network = read_network(shipped())
    assert (network.input.channels, network.output.channels) == (FEATURES, OUTPUTS)


def test_writing_it_again_gives_the_same_bytes(file: Path, tmp_path: Path):
    again = tmp_path / "again.json"
    write_network(again, read_network(file), "mine")
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("keep", [0, 1, 20, 1000, -1])
def test_a_file_cut_short_is_told(file: Path, keep: int):
    file.write_bytes(file.read_bytes()[:keep])
    refused(file)


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("format", "taraf-model", "no pulse network"),
        ("format", None, "no pulse network"),
        ("version", 2, "version"),
        ("version", "1", "version"),
        ("input", FEATURES + 1, "input"),
        ("input", 1, "input"),
        ("signals", [], ""),
        ("signals", "x", ""),
        ("ops", [], ""),
        ("ops", [{"op": "box"}], ""),
        ("output", 99, ""),
        ("output", -1, ""),
    ],
)
def test_a_value_that_cannot_be_is_told(file: Path, key: str, value: Any, word: str):
    root = json.loads(file.read_bytes())
    root[key] = value
    file.write_text(json.dumps(root))
    assert word in refused(file)
    del root[key]
    file.write_text(json.dumps(root))
    refused(file)


def test_one_that_tells_something_else_is_told_and_nothing_is_left_of_it(tmp_path: Path):
    for number, network in enumerate((small(outputs=OUTPUTS - 1), small(inputs=FEATURES - 1))):
        path = tmp_path / f"other{number}.json"
        with pytest.raises(ModelFileError, match=path.name):
            write_network(path, network, "other")


def test_what_is_no_network_at_all_is_told(tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "folder" in refused(folder)
    assert "no such file" in refused(tmp_path / "nothing.json")
    for name, data in (("bytes", bytes(range(256))), ("list", b"[1, 2]"), ("word", b"null")):
        path = tmp_path / name
        path.write_bytes(data)
        refused(path)


def test_weights_that_are_no_numbers_are_told(file: Path):
    text = file.read_text()
    first = text.index('"weight') if '"weight' in text else text.index("0.")
    at = next(k for k in range(first, len(text)) if text[k].isdigit())
    end = next(k for k in range(at, len(text)) if text[k] in ",]")
    for bad in ("NaN", "1e999", '"a"', "null", "[]"):
        file.write_text(text[:at] + bad + text[end:])
        refused(file)
