"""A network on the audio thread gives what the runtime's own Python door gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from conftest import noise, rack

from engine.artefact import open_artefact
from engine.rack import Link, RackError
from engine.render import Move, Renderer, play
from engine.session import queue_latency

ONNX = Path(__file__).parents[1] / "golden" / "drive_onnx"
MODEL = Link("model", "model", {}, {"model": str(ONNX), "levels": "raw"})


def reference(sound: Any) -> Any:
    artefact = open_artefact(ONNX)
    session = onnxruntime.InferenceSession(str(artefact.network_path))
    shapes = {i.name: i.shape for i in session.get_inputs()}
    state = {name: np.zeros(shapes[name], np.float32) for name in artefact.state}
    hop, made = artefact.hop_samples, []
    for first in range(0, len(sound) // hop * hop, hop):
        feed = {"audio": sound[first : first + hop].reshape(shapes["audio"]), **state}
        names = ["audio_out", *artefact.state.values()]
        out, *new = session.run(names, feed)
        made.append(out.ravel())
        state = dict(zip(artefact.state, new, strict=True))
    return np.concatenate(made)


def test_compiled_code_and_python_run_the_same_network() -> None:
    sound = noise(6400)
    made = play(rack(MODEL), sound, 48000)
    np.testing.assert_allclose(made[:, 0], reference(sound[:, 0]), atol=1e-6)


def test_hops_and_blocks_may_disagree() -> None:
    sound = noise(9000)
    after = Link("gain", "gain", {"wet": 0.5})
    moves = [Move(2000, "a.model.input_db", 12.0), Move(4000, "a.gain.gain_db", -12.0)]
    whole = play(rack(MODEL, after), sound, 48000, 64, moves)
    for block, latency in ((32, 0), (333, 31), (4096, 0), (128, 0), (100, 28), (16, 16)):
        renderer = Renderer(rack(MODEL, after), 48000, 1, block)
        assert renderer.table.latency == latency
        np.testing.assert_array_equal(play(rack(MODEL, after), sound, 48000, block, moves), whole)


def test_latency_is_no_more_than_the_queue_needs() -> None:
    assert queue_latency(64, 64, 0) == 0
    assert queue_latency(64, 32, 0) == 32
    assert queue_latency(64, 64, 48) == 16
    assert queue_latency(128, 128, 0) == 64  # the host stops every 64 frames
    assert queue_latency(32, 64, 0) == 0
    assert queue_latency(96, 48, 0) == 80  # a rack may begin anywhere on the grid of 64
    assert queue_latency(480, 240, 0) == 464


def test_two_models_in_a_row_and_two_racks_keep_their_own_state() -> None:
    sound = noise(6400)
    twice = rack(MODEL, Link("model", "second", {}, {"model": str(ONNX)}))
    first, again = play(twice, sound, 48000), play(twice, sound, 48000)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", ["nosuch", "./nosuch", "", "/"])
def test_a_model_that_is_not_there_is_one_clear_line(name: str) -> None:
    with pytest.raises(RackError) as caught:
        play(rack(Link("model", "model", {}, {"model": name})), noise(), 48000)
    assert "\n" not in str(caught.value)


def test_a_network_that_does_not_fit_its_card_is_refused(tmp_path: Path) -> None:
    import hashlib
    import shutil

    shutil.copytree(ONNX, tmp_path / "bad")
    card = (tmp_path / "bad" / "model.toml").read_text()
    card = card.replace("hop_samples = 32", "hop_samples = 16")
    (tmp_path / "bad" / "model.toml").write_text(card)
    link = Link("model", "model", {}, {"model": str(tmp_path / "bad")})
    with pytest.raises(RackError, match="must hold 16 samples"):
        play(rack(link), noise(), 48000)
    network = tmp_path / "bad" / "model.onnx"
    network.write_bytes(b"no network")
    digest = hashlib.sha256(b"no network").hexdigest()
    old = next(line for line in card.splitlines() if line.startswith("sha256"))
    card = card.replace(old, f'sha256 = "{digest}"').replace("hop_samples = 16", "hop_samples = 32")
    (tmp_path / "bad" / "model.toml").write_text(card)
    with pytest.raises(RackError) as caught:
        play(rack(link), noise(), 48000)
    assert "\n" not in str(caught.value)
