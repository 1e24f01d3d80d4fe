"""A sampler's file: what was written is read, and nothing else is taken for one."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.sampler.errors import SamplerError
from engine.sampler.file import read_sampler, write_sampler

STORAGES = ["float32", "bfloat16", "int8"]


def same(a, b):
    for (name, x, _), (_, y, _) in zip(a.arrays(), b.arrays(), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=name)
    plain = ("approach", "rate", "residual", "squash", "log", "storage", "learns_spread")
    numbers = ("input_dropout", "output_dropout", "taps_bias", "job")
    for name in plain + numbers:
        assert getattr(a, name) == getattr(b, name)


@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_written_is_read(each_approach, tmp_path, storage):
    for name, model in each_approach.items():
        told = replace(model, input_dropout=0.5, spread=np.full(model.outputs, 0.1, np.float32))
        kept = write_sampler(tmp_path / f"{name}.npz", told, storage)
        same(kept, read_sampler(tmp_path / f"{name}.npz"))
        same(kept, write_sampler(tmp_path / "again.npz", kept, storage))


def test_rounding_is_as_fine_as_it_says(make_model, tmp_path):
    model = make_model("column")
    for storage, most in (("float32", 0.0), ("bfloat16", 2.0**-8), ("int8", 0.5 / 127)):
        kept = write_sampler(tmp_path / "a.npz", model, storage)
        for old, new in zip(model.layers, kept.layers, strict=True):
            largest = np.maximum(np.abs(old.kernel).max(1), np.abs(old.recurrent).max(1))[:, None]
            unit = np.abs(old.kernel) if storage == "bfloat16" else largest
            assert (np.abs(new.kernel - old.kernel) <= most * unit * 1.0001).all()


def test_smaller_storage_is_a_smaller_file(make_model, tmp_path):
    sizes = []
    for storage in STORAGES:
        write_sampler(tmp_path / "a.npz", make_model("column", 256, 64), storage)
        sizes.append((tmp_path / "a.npz").stat().st_size)
    assert sizes[0] > 1.8 * sizes[1] > 3.0 * sizes[2]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    storage=st.sampled_from(STORAGES), cut=st.floats(0.0, 1.0),
    changes=st.lists(st.tuples(st.floats(0.0, 0.9999), st.integers(0, 255)), max_size=6),
)  # fmt: skip
def test_a_damaged_file_is_one_clear_line_or_still_a_sampler(
    tmp_path, make_model, storage, cut, changes
):
    path = tmp_path / "whole.npz"
    if not (tmp_path / storage).exists():
        write_sampler(tmp_path / storage, make_model("column"), storage)
    data = bytearray((tmp_path / storage).read_bytes())
    for place, value in changes:
        data[int(place * len(data))] = value
    path.write_bytes(data[: int(cut * len(data))] if cut < 0.9 else data)
    try:
        read_sampler(path).check()
    except SamplerError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)


def test_what_is_no_sampler_is_told_so(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "zip.npz").write_bytes(b"PK\x03\x04hello")
    (tmp_path / "folder.npz").mkdir()
    told = {
        "other.npz": "is no sampler: it has no header", "folder.npz": "is a folder",
        "none.npz": "no such file", "no\0ne.npz": "no such file",
    }  # fmt: skip
    for name in ("objects.npz", "one.npy", "text.npz", "empty.npz", "zip.npz"):
        told[name] = "is damaged, or no sampler; wanted is an .npz that a training of a sampler "
    for name, line in told.items():
        with pytest.raises(SamplerError) as caught:
            read_sampler(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: {line}".replace("\0", " "))


def test_what_can_not_be_written_is_one_line(make_model, tmp_path):
    (tmp_path / "folder").mkdir()
    for name, told in (("folder", "Is a directory"), ("none/a.npz", "No such file"),
                       ("a\0b.npz", "is no name of a file")):  # fmt: skip
        with pytest.raises(SamplerError, match=f"cannot be written: {told}"):
            write_sampler(tmp_path / name, make_model("column"))
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]


def test_a_full_disk_leaves_the_old_file(make_model, tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    kept = write_sampler(path, make_model("column"))

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SamplerError, match="No space left"):
        write_sampler(path, make_model("column", number=1))
    monkeypatch.undo()
    same(kept, read_sampler(path))
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"approach": "rows"}, "approach"), ({"rate": 10}, "rate"), ({"squash": "relu"}, "squash"),
        ({"input_dropout": 0.0}, "input_dropout"), ({"taps": np.ones(3, np.float32)}, "taps"),
        ({"output_scale": np.zeros(1, np.float32)}, "scale"),
        ({"input_mean": np.float32([np.nan])}, "finite"), ({"layers": ()}, "layers"),
    ],
)  # fmt: skip
def test_what_can_not_be_played_is_not_written(make_model, tmp_path, wrong, told):
    with pytest.raises(SamplerError, match=told):
        write_sampler(tmp_path / "a.npz", replace(make_model("column"), **wrong))
    assert not list(tmp_path.iterdir())


def test_taps_reach_back_no_further_than_there_is_memory(make_model):
    taps = np.ones(4096, np.float32)
    with pytest.raises(SamplerError, match="4096 taps 8192 samples apart reach 33554432 samples"):
        make_model("transpose", 8192, 1, layers=1, taps=taps).check()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"learns_spread": True}, "outputs = 0 is outside 1 to 65536"),
        ({"taps_bias": float("inf")}, "taps_bias = inf is not finite"),
        ({"taps_bias": 10**400}, "in its header is no float"),
    ],
)
def test_odd_values_in_a_header_are_one_line(make_model, tmp_path, change, told):
    path = tmp_path / "odd.npz"
    write_sampler(path, make_model("column"))
    with np.load(path) as held:
        arrays = dict(held)
    header = json.loads(arrays.pop("header").tobytes()) | change
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    with pytest.raises(SamplerError) as caught:
        read_sampler(path)
    assert str(caught.value).startswith(str(path)) and told in str(caught.value)


def test_numbers_count_however_small_they_are_kept(make_model, tmp_path, monkeypatch):
    path = tmp_path / "small.npz"
    write_sampler(path, make_model("column"), "int8")
    monkeypatch.setattr("engine.sampler.file.MOST_NUMBERS", path.stat().st_size // 4)
    with pytest.raises(SamplerError, match=r"small.npz: holds more than \d+ numbers"):
        read_sampler(path)
