"""Ten thousand files that are not quite models: each opens, or is refused in one line."""

import copy
import json
import random
import re
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from modelfiles import namb_writer, samples
from modelfiles.interpreter import render

from engine.modelfiles import ModelFileError, open_model

COUNT = 10_000
MEBIBYTE = 1 << 20
NAN, INFINITE = float("nan"), float("inf")
ODD = [
    None, True, False, 0, 1, 2, 3, -1, 7, 0.5, -2.5, 16, 4096, 4097, 65_536, 1 << 20, 1 << 31,
    10**25, 10**400, NAN, INFINITE, -INFINITE, 1e39, 1e-320, "", "Tanh", "gated", "LSTM", "1.5",
    "\n\x1b[31m\u202e\ud800", "x" * 5000, [], {}, [[]], [1], [1, 2, 3], [None], ["a", 1.5],
    [[[[1.0]]]], {"type": "PReLU"}, {"active": True}, {"a": {"a": {"a": {}}}}, list(range(300)),
]  # fmt: skip


def places(value, path=()):
    """Every place in a document but those of single weights, which would be nearly all."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(min(len(value), 4)):
            yield from places(value[index], (*path, index))


def replaced(rng, document):
    """Replace, remove, double or wrap what stands at one place."""
    document = copy.deepcopy(document)
    path = rng.choice([path for path in places(document) if path])
    owner = document
    for key in path[:-1]:
        owner = owner[key]
    how = rng.randrange(4)
    if how == 0:
        del owner[path[-1]]
    elif how == 1 and isinstance(owner, list):
        owner.insert(path[-1], copy.deepcopy(owner[path[-1]]))
    elif how == 2:
        owner[path[-1]] = [owner[path[-1]]]
    else:
        owner[path[-1]] = rng.choice(ODD)
    return document


def damaged(rng, document):
    """Return the bytes of a document that was changed at a few places."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
        document = replaced(rng, document)
    data = bytearray(json.dumps(document).encode())
    how = rng.randrange(6)
    if how == 0:
        del data[rng.randrange(len(data)) :]
    elif how == 1:
        for _ in range(rng.randrange(1, 9)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif how == 2:
        at = rng.randrange(len(data))
        data[at : at + rng.randrange(60)] = b""
    return bytes(data)


def damaged_binary(rng, data):
    """Return a ``.namb`` with wrong bytes, most of them under a checksum that is right."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        data[rng.randrange(len(data) if rng.random() < 0.3 else 200)] = rng.randrange(256)
    if rng.random() < 0.2:
        del data[rng.randrange(len(data)) :]
    if rng.random() < 0.9 and len(data) > 32:
        data[:6] = struct.pack("<IH", 0x4E414D42, 1)
        data[8:12] = struct.pack("<I", len(data))
        data[24:28] = struct.pack("<I", zlib.crc32(data[28:], zlib.crc32(data[:24])))
    return bytes(data)


def tried(path):
    """Open a file: return the model, or None if it was refused as it should be."""
    try:
        return open_model(path)
    except ModelFileError as error:
        line = str(error)
        assert line.isprintable() and path.name in line, repr(line)
        assert len(line) < 500 + len(str(path))
        return None


@pytest.mark.filterwarnings("error")
def test_every_damaged_file_opens_or_is_refused_in_one_line(tmp_path):
    rng, path = random.Random(20_25), tmp_path / "damaged model.nam"
    documents = [make() for make in samples.EVERY_KIND.values()]
    documents += [samples.parametric("ConcatWaveNet"), samples.guitarml("GRU")]
    binaries = [namb_writer.write(d) for d in (samples.wavenet(), namb_writer.modulated())]
    binaries += [namb_writer.write(make()) for make in (samples.lstm, samples.convnet)]
    opened, slowest = 0, 0.0
    for _ in range(COUNT):
        if rng.random() < 0.15:
            data = damaged_binary(rng, rng.choice(binaries))
        else:
            data = damaged(rng, rng.choice(documents))
        path.write_bytes(data)
        start = time.perf_counter()
        model = tried(path)
        slowest = max(slowest, time.perf_counter() - start)
        if model is None:
            continue
        opened += 1
        assert model.name.isprintable() and model.network.shape_key
        if opened % 20 == 0 and model.network.receptive_field < 10_000:
            with np.errstate(all="ignore"):
                knobs = [knob.default for knob in model.knobs]
                assert len(render(model.network, np.ones(10), knobs=knobs)) == 10
    assert COUNT // 20 < opened < COUNT // 2
    assert slowest < 3  # 0.01 s on an idle machine


def numbers(number, count):
    """The bytes of an LSTM whose weights are one number again and again."""
    return b'{"architecture":"LSTM","config":{"hidden_size":8},"weights":[%s1]}' % (number * count)


def fitting(hidden):
    count = 4 * hidden * (1 + hidden) + 7 * hidden + 1
    return json.dumps(samples.nam("LSTM", {"hidden_size": hidden}, [0.1] * count)).encode()


HUGE = {
    "64 MB of JSON": lambda: b'{"x":[' + b"1.5," * (16 << 20) + b"1]}",
    "short numbers": lambda: numbers(b"300,", (4 << 20) - 50),
    "many numbers": lambda: numbers(b"1.5123456,", 1_490_000),
    "as many weights as there may be": lambda: fitting(490),
    "empty lists": lambda: b'{"layers":[' + b"[]," * 190_000 + b"[]]}",
    "empty objects": lambda: b'{"layers":[' + b"{}," * 90_000 + b"{}]}",
    "short texts": lambda: b'{"variables":[' + b'"ab",' * 990_000 + b'"a"]}',
    "wide characters": lambda: ('{"x":"' + "\U0001f600" * (4 * MEBIBYTE - 9) + '"}').encode(),
    "brackets": lambda: b"[" * 200_000,
    "braces": lambda: b'{"a":' * 90_000,
    "nested in weights": lambda: numbers(b"[" * 5000 + b"]" * 5000 + b",", 10),
    "digits": lambda: b'{"version":' + b"1" * (15 * MEBIBYTE) + b"}",
    "zeros": lambda: bytes(10 * MEBIBYTE),
    "spaces": lambda: b" " * (16 * MEBIBYTE - 2) + b"{}",
    "a text of a line each": lambda: json.dumps({"architecture": "a\nb" * MEBIBYTE}).encode(),
}


@pytest.mark.parametrize("kind", HUGE)
def test_no_file_takes_much_memory_or_time(tmp_path, kind):
    path = tmp_path / "huge.nam"
    path.write_bytes(HUGE[kind]())
    start = time.perf_counter()
    model = tried(path)
    assert time.perf_counter() - start < 3  # 0.15 s on an idle machine
    assert (model is not None) == (kind == "as many weights as there may be")
    del model
    tracemalloc.start()
    try:
        tried(path)
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        ({"channels": 4096, "kernel_size": 65_536}, "this architecture needs"),
        ({"dilations": [1] * 1001}, "dilations has 1001 items, must have 1 to 1000"),
        ({"kernel_size": 1000, "dilations": [1 << 20]}, "a model may reach"),
    ],
)
def test_a_few_bytes_cannot_ask_for_much(tmp_path, array, complaint):
    array = {**samples.layer_array(channels=1, dilations=[1]), **array}
    config = {"layers": [array], "head_scale": 1.0}
    taps = array["kernel_size"] if array["channels"] == 1 else 0
    document = samples.nam("WaveNet", config, 1 + taps + 1 + 1 + 2 + 2 + 1)
    path = samples.save(tmp_path / "a.nam", document)
    with pytest.raises(ModelFileError, match=complaint):
        open_model(path)


def test_many_channels_with_slopes_of_their_own_are_not_blended(tmp_path):
    """Each such layer would take 128 MB: a file of 3 MB has room for fifty."""
    half, slopes = 4096, {"type": "PReLU", "negative_slopes": [0.5] * 4096}
    blended = {"activation": slopes, "gating_mode": "blended", "bottleneck": half}
    array = samples.layer_array(channels=1, dilations=[1], kernel_size=1)
    config = {"layers": [{**array, **blended, "head_size": 1}], "head_scale": 1.0}
    count = 1 + 7 * half + 1 + half + array.get("head_bias", False) + 1
    path = samples.save(tmp_path / "a.nam", samples.nam("WaveNet", config, count))
    with pytest.raises(ModelFileError, match="4096 channels with slopes of their own"):
        open_model(path)


def test_what_is_no_file_is_told(tmp_path):
    (tmp_path / "folder.nam").mkdir()
    for name, complaint in {
        "folder.nam": "is a folder",
        "none.nam": "no such file",
        "a\0b": "no such file|cannot be read",
        "n" * 300: "File name too long",
        "new\nline": "no such file",
    }.items():
        with pytest.raises(ModelFileError, match=complaint) as caught:
            open_model(tmp_path / name)
        assert str(caught.value).isprintable()


def test_a_byte_order_mark_is_no_harm(tmp_path):
    path = tmp_path / "a.nam"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(samples.lstm()).encode())
    assert open_model(str(path)).format == "nam"


def test_importing_the_readers_is_cheap():
    code = "import engine.modelfiles, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "engine.modelfiles.nam" in loaded
    assert not re.search(r"\b(torch|numba|onnxruntime|scipy|llvmlite)\b", loaded)
