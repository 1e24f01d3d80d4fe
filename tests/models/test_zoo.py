"""Every model of the zoo, and one in ONNX: its card opens and its golden take sounds again."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.artefact import open_artefact

pytest.importorskip("onnxruntime")
from models.replay import replay

ZOO = Path(__file__).parents[2] / "models" / "zoo"
GOLDEN = Path(__file__).parents[1] / "golden"
IN_ONNX, IN_JSON = GOLDEN / "drive_onnx", GOLDEN / "drive"
FOLDERS = sorted(path.parent for path in ZOO.glob("*/model.toml"))
ZOO_BYTES = 20_000_000

every_model = pytest.mark.parametrize("folder", [*FOLDERS, IN_ONNX], ids=lambda path: path.name)


def golden_error(folder):
    """Return the largest difference between the golden take and a replay of it."""
    artefact = open_artefact(folder)
    golden = artefact.golden()
    played = replay(artefact, golden["audio"], golden.get("knobs"))
    return float(np.abs(played - golden["audio_out"]).max())


def test_the_zoo_is_not_empty():
    assert FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_card_opens_and_names_its_folder(folder):
    artefact = open_artefact(folder)
    assert artefact.name == folder.name
    assert artefact.licence
    assert artefact.loudness_db is not None


@every_model
def test_the_golden_take_sounds_the_same(folder):
    assert golden_error(folder) <= open_artefact(folder).tolerance


@every_model
def test_the_golden_take_is_no_silence(folder):
    golden = open_artefact(folder).golden()
    assert np.std(golden["audio"]) > 1e-3
    assert np.std(golden["audio_out"]) > 1e-3


@every_model
def test_one_wrong_sample_in_the_golden_take_is_noticed(folder, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / folder.name))
    golden = open_artefact(copy).golden()
    golden["audio_out"][len(golden["audio"]) // 2] += 2.0 * open_artefact(copy).tolerance + 1e-4
    np.savez(copy / "golden.npz", **golden)
    assert golden_error(copy) > open_artefact(copy).tolerance


@every_model
def test_it_stays_finite_when_overdriven_and_quiet_in_silence(folder):
    artefact = open_artefact(folder)
    noise = np.random.default_rng(5).uniform(-8.0, 8.0, artefact.sample_rate // 4)
    assert np.isfinite(replay(artefact, noise.astype(np.float32))).all()
    silence = replay(artefact, np.zeros(artefact.sample_rate // 2, np.float32))
    assert np.abs(silence[len(silence) // 2 :]).max() < 10.0 ** (-40.0 / 20.0)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_networks_file_that_is_not_the_cards_is_refused(folder, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / folder.name))
    network = open_artefact(copy).network_path
    network.write_bytes(network.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(ValueError, match="the card says"):
        open_artefact(copy)


def test_the_same_weights_sound_the_same_in_onnx_and_in_our_kernels():
    golden = open_artefact(IN_ONNX).golden()
    ours = replay(open_artefact(IN_JSON), golden["audio"])
    np.testing.assert_allclose(ours, replay(open_artefact(IN_ONNX), golden["audio"]), atol=1e-6)


def test_the_zoo_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in ZOO.rglob("*") if path.is_file()) < ZOO_BYTES
