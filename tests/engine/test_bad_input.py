"""Bad files of every kind through `taraf render`: one line that names the file, and no output."""

import contextlib
import hashlib
import io
import os
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import catalogue
from engine.cli import main
from engine.plugin import PluginError

RATE = 48_000
EIGHTY = settings(max_examples=80, deadline=None)
SIXTY = settings(max_examples=60, deadline=None)
FOLDER, MISSING = "folder", "missing"
NOT_A_FILE = st.sampled_from([FOLDER, MISSING])
JUNK = st.one_of(
    st.just(b""),
    st.binary(max_size=2000),
    st.text(max_size=500).map(str.encode),
    st.binary(max_size=500).map(lambda data: b"RIFF" + data),
    st.just(bytes(3_000_000)),
)


def loads(name):
    try:
        return bool(catalogue.find(name))
    except PluginError:
        return False


needs = {
    name: pytest.mark.skipif(not loads(name), reason=f"needs the plugin {name}")
    for name in ("cabinet", "model")
}


def run(*arguments):
    """Exit code, standard output and standard error of one command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="bad-") as name:
        yield Path(name).resolve()


def place(path, content):
    """Put what a case says at ``path``."""
    if content == FOLDER:
        path.mkdir()
    elif content != MISSING:
        path.write_bytes(content)


def sound_bytes(sound=None, kind="WAV", subtype="FLOAT"):
    file = io.BytesIO()
    sound = 0.1 * np.ones((2000, 1), np.float32) if sound is None else sound
    soundfile.write(file, sound, RATE, subtype, format=kind)
    return file.getvalue()


GOOD_WAV = sound_bytes()
NOISE = (0.1 * np.random.default_rng(0).standard_normal((2000, 1))).astype(np.float32)
GOOD_FLAC = sound_bytes(NOISE, "FLAC", "PCM_24")
GOOD_PRESET = '[[lane]]\nname = "guitar"\n'


def refused(arguments, bad, here):
    """Check that ``render`` refuses ``bad`` in one line, and makes nothing; returns the line."""
    before = set(here.rglob("*"))
    (here / "kept.wav").write_bytes(b"kept")
    code, out, err = run("render", *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("taraf: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert len(err) < 1000
    assert "Traceback" not in err
    assert str(bad) in err
    assert (here / "kept.wav").read_bytes() == b"kept"
    assert set(here.rglob("*")) == before | {here / "kept.wav"}
    return err


def cut(data, share):
    return data[: max(1, int(share * len(data)))]


def with_value(value, frame):
    sound = np.zeros((2000, 1), np.float32)
    sound[frame] = value
    return sound_bytes(sound)


def with_header(rate, channels):
    """A wav of which only the header is wrong."""
    kind = struct.pack("<HHIIHH", 1, channels, rate, 0, 2 * channels, 16)
    return b"RIFF\x00\x10\0\0WAVEfmt \x10\0\0\0" + kind + b"data\x00\x08\0\0" + bytes(2048)


BAD_SOUNDS = st.one_of(
    NOT_A_FILE,
    JUNK,
    st.floats(0.0, 0.99).map(lambda share: cut(GOOD_FLAC, share)),
    st.builds(with_value, st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 1999)),
    st.sampled_from([with_header(0, 1), with_header(RATE, 0), with_header(4_000_000_000, 1)]),
)
TRUNCATED_WAVS = st.floats(0.0, 0.99).map(lambda share: cut(GOOD_WAV, share))


@given(
    content=st.one_of(BAD_SOUNDS, TRUNCATED_WAVS), suffix=st.sampled_from(["wav", "flac", "mp3"])
)
@EIGHTY
def test_a_bad_sound_is_refused(content, suffix):
    with folder() as here:
        bad, preset = here / f"in.{suffix}", here / "p.toml"
        place(bad, content)
        preset.write_text(GOOD_PRESET)
        refused([bad, here / "kept.wav", "--preset", preset], bad, here)


@given(content=BAD_SOUNDS)
@SIXTY
def test_a_bad_sound_among_good_ones_stops_all_before_any_is_made(content):
    with folder() as here:
        bad, preset = here / "bad.flac", here / "p.toml"
        good = here / "good.wav"
        good.write_bytes(GOOD_WAV)
        # what only shows when it is read to its end is found too late for this
        place(bad, content if isinstance(content, str) else content[:40])
        preset.write_text(GOOD_PRESET)
        refused([good, bad, here / "made", "--preset", preset], bad, here)


def link(use, **values):
    lines = [f"{key} = {value}" for key, value in values.items()]
    return "\n".join(['[[lane]]\nname = "a"\n[[lane.plugin]]', f'use = "{use}"', *lines]).encode()


@st.composite
def values_out_of_range(draw):
    """A preset with one value that its parameter does not allow."""
    use = draw(st.sampled_from([name for name in catalogue.entries() if loads(name)]))
    key, param = draw(st.sampled_from(list(catalogue.find(use).params.items())))
    beyond = st.floats(1e-3, 1e6)
    value = draw(
        st.one_of(
            beyond.map(lambda extra: repr(param.maximum + extra)),
            beyond.map(lambda extra: repr(param.minimum - extra)),
            st.sampled_from(["nan", "inf", "-inf", '"a word"', "[1]", "{}", "2020-01-01"]),
        )
    )
    return link(use, **{key: value})


BAD_PRESETS = st.one_of(
    NOT_A_FILE,
    JUNK.filter(lambda data: b"[[lane" not in data),
    values_out_of_range(),
    st.text("abcxyz", min_size=9, max_size=40).map(link),
    st.integers(0, len(GOOD_PRESET) - 2).map(lambda n: GOOD_PRESET[:n].encode() + b"[["),
    st.sampled_from(
        [
            b"x = " + b"[" * 5000,
            b"[[lane]]\n" * 200,
            link("gain") + b"\n[[lane.plugin]]\nuse = 'gain'" * 40,
            b"[[lane]]\ngain_db = 1" + b"0" * 1000,
            b"[[lane]]\nname = '" + b"a" * 5000 + b"'",
            b"\xef\xbb\xbf[[lane]]",
            b"#" * (1 << 20) + b"\n[[lane]]",
        ]
    ),
)


@given(content=BAD_PRESETS)
@EIGHTY
def test_a_bad_preset_is_refused(content):
    with folder() as here:
        bad, sound = here / "p.toml", here / "in.wav"
        place(bad, content)
        sound.write_bytes(GOOD_WAV)
        refused([sound, here / "kept.wav", "--preset", bad], bad, here)


def through(use, setting, value, bad, here):
    """Refuse a preset whose plugin opens ``value``."""
    sound, preset = here / "in.wav", here / "p.toml"
    sound.write_bytes(GOOD_WAV)
    preset.write_bytes(link(use, **{setting: f'"{value}"'}))
    refused([sound, here / "kept.wav", "--preset", preset], bad, here)


@needs["cabinet"]
@given(content=BAD_SOUNDS)
@SIXTY
def test_a_bad_impulse_response_is_refused(content):
    with folder() as here:
        bad = here / "ir.wav"
        place(bad, content)
        through("cabinet", "ir", "ir.wav", bad, here)


@pytest.fixture(scope="module")
def good_model():
    path = Path(__file__).parents[1] / "golden" / "drive_onnx"
    return {name: (path / name).read_bytes() for name in ("model.toml", "model.onnx")}


def sworn(card, network):
    """The card, saying that ``network`` is the one it was written for."""
    digest = hashlib.sha256(network).hexdigest().encode()
    lines = [b'sha256 = "' + digest + b'"' if x.startswith(b"sha256") else x for x in card]
    return b"\n".join(lines)


CARDS = ["nothing", "junk", "cut", "huge", "nan", "folder"]
NETWORKS = ["nothing", "empty", "junk", "cut", "sworn junk", "sworn cut", "folder"]


def spoil(here, good, which, how, share, junk):
    """A model's folder in which one file is not what it should be."""
    card, network = good["model.toml"], good["model.onnx"]
    required = card.index(b"sha256")
    changed = {
        "junk": junk,
        "empty": b"",
        "huge": card + b"#" * (1 << 20),
        "nan": card.replace(b"tolerance = ", b"tolerance = nan #"),
        "sworn junk": junk,
        "cut": card[: int(share * required)] if which == "card" else cut(network, share),
        "sworn cut": cut(network, share),
    }.get(how)
    if how.startswith("sworn"):
        card = sworn(card.split(b"\n"), changed)
    files = {"model.toml": card, "model.onnx": network}
    name = "model.toml" if which == "card" else "model.onnx"
    del files[name]
    if how == "folder":
        (here / name).mkdir()
    elif changed is not None:
        files[name] = changed
    for name, data in files.items():
        (here / name).write_bytes(data)


@needs["model"]
@given(
    spoilt=st.one_of(
        st.tuples(st.just("card"), st.sampled_from(CARDS)),
        st.tuples(st.just("network"), st.sampled_from(NETWORKS)),
    ),
    share=st.floats(0.0, 0.95),
    junk=st.binary(min_size=1, max_size=1000),
)
@SIXTY
def test_a_bad_model_is_refused(good_model, spoilt, share, junk):
    with folder() as here:
        (here / "net").mkdir()
        spoil(here / "net", good_model, *spoilt, share, junk)
        through("model", "model", "./net", here / "net", here)


@needs["model"]
@pytest.mark.parametrize("content", [FOLDER, MISSING, b"", b"x" * 1000, GOOD_WAV])
def test_a_model_that_is_no_folder_with_a_card_is_refused(content):
    with folder() as here:
        place(here / "net", content)
        through("model", "model", "./net", here / "net", here)


@given(
    content=st.one_of(
        NOT_A_FILE,
        st.binary(min_size=1, max_size=300).map(lambda data: b"MThd" + data),
        st.text("0123456789.,:\n abc", min_size=1, max_size=100).map(lambda t: f"x,{t}".encode()),
    )
)
@SIXTY
def test_bad_automation_is_refused(content):
    with folder() as here:
        bad, preset, sound = here / "a.csv", here / "p.toml", here / "in.wav"
        place(bad, content)
        preset.write_text(GOOD_PRESET)
        sound.write_bytes(GOOD_WAV)
        arguments = [sound, here / "kept.wav", "--preset", preset, "--automation", bad]
        refused([*arguments, "--cc", "20=guitar.pan"], bad, here)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may read everything"
)
@pytest.mark.parametrize("name", ["in.wav", "p.toml"])
def test_a_file_that_may_not_be_read_is_named(name):
    with folder() as here:
        (here / "in.wav").write_bytes(GOOD_WAV)
        (here / "p.toml").write_text(GOOD_PRESET)
        (here / name).chmod(0)
        arguments = [here / "in.wav", here / "kept.wav", "--preset", here / "p.toml"]
        refused(arguments, here / name, here)


def test_these_checks_would_fail_on_good_files():
    with folder() as here:
        (here / "in.wav").write_bytes(GOOD_WAV)
        (here / "p.toml").write_text(GOOD_PRESET)
        arguments = [here / "in.wav", here / "kept.wav", "--preset", here / "p.toml"]
        with pytest.raises(AssertionError):
            refused(arguments, here, here)
