"""Model folders: what fits is opened whole, what does not is refused in one line."""

import contextlib
import hashlib
import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from modelfiles import samples

from engine.artefact import ArtefactError, ModelKnob, open_artefact
from engine.modelfiles import Knob

CARD = """\
format = 1
name = "box"
about = "A box"
architecture = "LSTM-2"
sample_rate = 48000
hop_samples = 64
latency_samples = 0
tolerance = 1e-5
loudness_db = -18.5
licence = "GPL-3.0-or-later"
sha256 = "{sha256}"

[state]
h_in = "h_out"

[[knobs]]
name = "drive_db"
minimum = 0.0
maximum = 24
default = 12.0
help = "Gain"

[trained]
esr = 0.004
"""
NETWORK = b"not opened here"
TEXT = CARD.format(sha256=hashlib.sha256(NETWORK).hexdigest())


def write(folder, text=TEXT, network=NETWORK, name="model.onnx"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(network)
    (folder / "model.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    sound = np.zeros(128, np.float32)
    knobs = np.full((1, 1), 12.0, np.float32)
    np.savez(folder / "golden.npz", audio=sound, audio_out=sound, knobs=knobs)
    return folder


def any_block(network, knobs=False):
    """A card for a network of our own kernels: no hops, no state, its knob only if it has one."""
    text = re.sub(r"hop_samples = 64\n|\[state\]\nh_in = .*\n\n", "", CARD)
    if not knobs:
        text = re.sub(r"\[\[knobs\]\](\n.+)+\n", "", text)
    return text.format(sha256=hashlib.sha256(network).hexdigest())


@pytest.fixture
def box(tmp_path):
    return write(tmp_path / "box")


def refused(path):
    with pytest.raises(ArtefactError) as caught:
        open_artefact(path)
    message = str(caught.value)
    assert message.isprintable()
    return message


def test_a_folder_opens_with_all_that_its_card_says(box):
    artefact = open_artefact(box)
    assert artefact.path == box
    assert artefact.name == "box"
    assert artefact.sample_rate == 48_000
    assert artefact.hop_samples == 64
    assert artefact.state == {"h_in": "h_out"}
    assert artefact.knobs == (ModelKnob("drive_db", 0.0, 24.0, 12.0, "Gain"),)
    assert artefact.loudness_db == -18.5
    assert artefact.trained == {"esr": 0.004}
    assert isinstance(artefact.golden()["audio"], np.ndarray)


@pytest.mark.parametrize("name", ["model.onnx", "model.toml", "golden.npz"])
def test_a_file_of_the_folder_opens_the_folder(box, name):
    assert open_artefact(str(box / name)) == open_artefact(box)


def test_what_is_optional_may_be_missing(tmp_path):
    lines = TEXT.split("[state]")[0].splitlines()
    optional = ("about", "architecture", "loudness_db", "licence")
    short = "\n".join(line for line in lines if not line.startswith(optional))
    artefact = open_artefact(write(tmp_path / "box", short))
    assert artefact.state == {}
    assert artefact.knobs == ()
    assert artefact.loudness_db is None


def test_unknown_keys_are_ignored(tmp_path):
    text = 'colour = "red"\n' + TEXT + "\n[future]\nx = 1\n"
    assert open_artefact(write(tmp_path / "box", text)).name == "box"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("format = 1", "format = 2", "format = 2 is not supported; supported: 1"),
        ("format = 1", "", "format is missing"),
        ("format = 1", "format = true", "format = True is not a whole number"),
        ("hop_samples = 64", "", "hop_samples is missing"),
        ("hop_samples = 64", "hop_samples = 0", "hop_samples = 0 is outside 1 to 65536"),
        ("hop_samples = 64", "hop_samples = 1000000000", "is outside 1 to 65536"),
        ("hop_samples = 64", 'hop_samples = "64"', "hop_samples = '64' is not a whole number"),
        ("hop_samples = 64", "hop_samples = 64.0", "is not a whole number"),
        ("sample_rate = 48000", "sample_rate = 1", "is outside 8000 to 384000"),
        ("latency_samples = 0", "latency_samples = -1", "latency_samples = -1 is outside"),
        ("tolerance = 1e-5", "tolerance = nan", "tolerance = nan is outside"),
        ("tolerance = 1e-5", "tolerance = inf", "tolerance = inf is outside"),
        ("tolerance = 1e-5", "tolerance = []", "tolerance = [] is not a number"),
        ("tolerance = 1e-5", "tolerance = 1e-5 1", "not TOML"),
        ("loudness_db = -18.5", "loudness_db = nan", "loudness_db = nan is outside"),
        ('name = "box"', "name = 3", "name = 3 is not a text"),
        ('name = "box"', 'name = ""', "is not one line of text"),
        ('name = "box"', 'name = "a\\nb"', "is not one line of text"),
        ('h_in = "h_out"', "h_in = 1", "state.h_in = 1 is not a text"),
        ('h_in = "h_out"', 'audio = "h_out"', "is not a state"),
        ('h_in = "h_out"', 'h_in = "audio_out"', "is not a state"),
        ('h_in = "h_out"', 'h_in = "h"\nc_in = "h"', "one output feeds two inputs"),
        ("maximum = 24", "maximum = -1", "knobs[0].maximum = -1.0 is not above minimum = 0.0"),
        ("default = 12.0", "default = 25", "knobs[0].default = 25 is outside 0.0 to 24.0"),
        ('name = "drive_db"', 'name = "Drive!"', "is not a name like drive_db"),
        ("minimum = 0.0\n", "", "knobs[0].minimum is missing"),
        ("[[knobs]]", "[knobs]", "is not a list of tables"),
        ('sha256 = "', 'sha256 = "z', "is not 64 hexadecimal digits"),
        ("[trained]\nesr = 0.004", "[[trained]]", "is not a table"),
    ],
)
def test_a_card_is_refused_with_what_was_given_and_what_is_allowed(tmp_path, old, new, complaint):
    assert old in TEXT
    message = refused(write(tmp_path / "box", TEXT.replace(old, new, 1)))
    assert message.startswith(str(tmp_path / "box" / "model.toml"))
    assert complaint in message


def test_a_swapped_network_is_refused(box):
    (box / "model.onnx").write_bytes(b"another")
    assert re.search(r"model\.onnx: sha256 is [0-9a-f]{64}, the card says", refused(box))


def test_a_missing_card_is_named(box):
    (box / "model.toml").unlink()
    assert refused(box) == f"{box / 'model.toml'}: no such file"


def test_a_missing_network_is_told_with_what_it_may_be(box):
    (box / "model.onnx").unlink()
    assert refused(box) == f"{box}: no network; needs one of model.json, model.nam, model.onnx"


def test_two_networks_are_one_too_many(box):
    (box / "model.nam").write_bytes(NETWORK)
    assert refused(box) == f"{box}: model.nam and model.onnx; a model has one network"


@pytest.mark.parametrize("name", ["model.onnx", "model.toml"])
def test_a_folder_where_a_file_belongs_is_named(box, name):
    (box / name).unlink()
    (box / name).mkdir()
    assert refused(box) == f"{box / name}: a folder where a file is expected"


def test_a_missing_folder_is_named(tmp_path):
    assert refused(tmp_path / "none") == f"{tmp_path / 'none'}: no such folder"
    assert refused(tmp_path / "none" / "model.onnx") == f"{tmp_path / 'none'}: no such folder"


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    assert "not a folder" in refused(tmp_path / "song.wav")


def test_a_path_that_no_system_takes_is_refused():
    assert "no such folder" in refused("a\0b")
    assert "no such folder" in refused("a" * 5000)


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe",
        b"x = " + b"[" * 100_000,
        b"x = " + b"9" * 10_000,
        b"a" * (1 << 21),
        b"",
        b"\0",
    ],
)
def test_a_card_that_is_no_toml_is_refused(tmp_path, text):
    assert "model.toml: " in refused(write(tmp_path / "box", text))


def test_a_huge_number_is_refused_in_a_short_line(tmp_path):
    text = TEXT.replace("hop_samples = 64", "hop_samples = 0x" + "f" * 50_000)
    assert len(refused(write(tmp_path / "box", text))) < 400


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"audio": np.zeros(128)}, "must hold the arrays audio, audio_out, knobs"),
        ({"audio": np.zeros(128), "audio_out": np.zeros(64)}, "are not both (frames,)"),
        ({"audio": np.zeros(100), "audio_out": np.zeros(100)}, "a multiple of hop_samples = 64"),
        ({"audio": np.zeros(64), "audio_out": np.full(64, np.nan)}, "not finite"),
        ({"audio": np.zeros(64), "audio_out": np.zeros(64), "knobs": np.zeros((1, 2))}, "(1, 1)"),
        ({"audio": np.array(["a"]), "audio_out": np.array(["b"])}, "not a golden take"),
    ],
)
def test_a_golden_take_that_cannot_be_replayed_is_refused(box, arrays, complaint):
    if len(arrays) == 2:
        arrays = arrays | {"knobs": np.zeros((1, 1))}
    np.savez(box / "golden.npz", **arrays)
    with pytest.raises(ArtefactError) as caught:
        open_artefact(box).golden()
    assert complaint in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x93NUMPY", b"\x80\x04."])
def test_a_golden_file_that_is_none_is_refused(box, content):
    (box / "golden.npz").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"golden\.npz: not a golden take"):
        open_artefact(box).golden()


# -- networks of our own kernels ----------------------------------------------------------


@pytest.mark.parametrize("name", ["model.json", "model.nam"])
def test_what_takes_any_block_needs_no_hops(tmp_path, name):
    text = any_block(NETWORK)
    folder = write(tmp_path / "box", text, name=name)
    artefact = open_artefact(folder / name)
    assert artefact == open_artefact(folder)
    assert (artefact.network_path, artefact.is_onnx) == (folder / name, False)
    assert (artefact.hop_samples, artefact.state) == (1, {})
    told = text.replace("latency_samples", "hop_samples = 1\nlatency_samples")
    assert open_artefact(write(tmp_path / "told", told, name=name)).hop_samples == 1


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("latency_", "hop_samples = 32\nlatency_", "32: model.json takes any block; leave it out"),
        ("[trained]", '[state]\nh_in = "h_out"\n[trained]', "model.json keeps its own; leave out"),
    ],
)
def test_what_takes_any_block_has_neither_hops_nor_state(tmp_path, old, new, complaint):
    text = any_block(NETWORK).replace(old, new, 1)
    assert complaint in refused(write(tmp_path / "box", text, name="model.json"))


@pytest.mark.parametrize("name", ["model.json", "model.nam", "model.onnx"])
def test_a_card_with_another_digest_is_refused(tmp_path, name):
    text = any_block(b"another").replace("latency_", "hop_samples = 1\nlatency_")
    line = refused(write(tmp_path / "box", text, name=name))
    assert re.search(rf"{name}: sha256 is [0-9a-f]{{64}}, the card says", line)


def opened(folder, document, knobs=False):
    data = json.dumps(document).encode()
    return open_artefact(write(folder, any_block(data, knobs), data, "model.json")).open_network()


def test_the_name_the_rate_and_the_knobs_are_the_cards(tmp_path):
    document = {**samples.guitarml(inputs=2), "sample_rate": 96_000, "metadata": {"name": "file"}}
    model = opened(tmp_path / "box", document, knobs=True)
    assert (model.name, model.sample_rate, model.architecture) == ("box", 48_000, "LSTM 2x4")
    assert model.knobs == (Knob("drive_db", 0.0, 24.0, 12.0, 0.0, 1.0),)


@pytest.mark.parametrize(
    ("inputs", "knobs", "complaint"),
    [(1, True, "has 1 knobs, the network 0"), (2, False, "has 0 knobs, the network 1")],
)
def test_knobs_of_card_and_network_are_as_many(tmp_path, inputs, knobs, complaint):
    with pytest.raises(ArtefactError, match=complaint):
        opened(tmp_path / "box", samples.guitarml(inputs=inputs), knobs)


def test_a_network_that_is_none_is_refused_when_it_is_opened(tmp_path):
    with pytest.raises(ArtefactError, match=r"model\.json: is no model that we know"):
        opened(tmp_path / "box", {})


def test_a_network_that_was_swapped_since_is_refused(tmp_path):
    data = json.dumps(samples.guitarml()).encode()
    artefact = open_artefact(write(tmp_path / "box", any_block(data), data, "model.json"))
    artefact.network_path.write_text(json.dumps(samples.guitarml(skip=0)))
    with pytest.raises(ArtefactError, match="sha256 is"):
        artefact.open_network()


def test_onnx_is_not_opened_for_our_kernels(box):
    with pytest.raises(ArtefactError, match="is played by ONNX Runtime"):
        open_artefact(box).open_network()


# -- mangled cards ------------------------------------------------------------------------

KEYS = [line.split(" = ")[0] for line in TEXT.splitlines() if " = " in line]
ODD_VALUES = st.one_of(
    st.sampled_from(["nan", "-inf", "true", "[]", "{}", "''", "1979-05-27", "0", "-1", "1e400"]),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=20),
    st.text(alphabet="abc_\\\"'\n\u2028\x7f", max_size=9).map(lambda text: f'"{text}"'),
)


def opens_or_is_refused_in_one_line(folder):
    try:
        artefact = open_artefact(folder)
    except ArtefactError as error:
        message = str(error)
        assert message.isprintable()
        assert len(message) < 600
    else:
        assert 1 <= artefact.hop_samples <= 65_536
        assert np.isfinite(artefact.tolerance)


MANGLING = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@seed(12)
@MANGLING
@given(key=st.sampled_from(KEYS), value=ODD_VALUES)
def test_a_card_with_any_odd_value_opens_or_is_refused_in_one_line(tmp_path, key, value):
    text = re.sub(rf"^{key} = .*$", lambda _: f"{key} = {value}", TEXT, flags=re.MULTILINE)
    encoded = text.encode("utf-8", "surrogatepass")
    opens_or_is_refused_in_one_line(write(tmp_path / "box", encoded))


@seed(34)
@MANGLING
@given(place=st.integers(0, len(TEXT)), length=st.integers(0, 40), patch=st.binary(max_size=12))
def test_a_card_with_any_damage_opens_or_is_refused_in_one_line(tmp_path, place, length, patch):
    whole = TEXT.encode()
    damaged = whole[:place] + patch + whole[place + length :]
    opens_or_is_refused_in_one_line(write(tmp_path / "box", damaged))


@seed(56)
@MANGLING
@given(place=st.integers(0, 900), length=st.integers(0, 40), patch=st.binary(max_size=12))
def test_a_golden_file_with_any_damage_reads_or_is_refused(tmp_path, place, length, patch):
    path = write(tmp_path / "box") / "golden.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + patch + whole[place + length :])
    with contextlib.suppress(ArtefactError):
        golden = open_artefact(tmp_path / "box").golden()
        assert golden["audio"].shape == golden["audio_out"].shape
