"""A morph's file: what was written is read, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.morph.errors import MorphError
from engine.morph.file import read_morph, write_morph
from engine.morph.grid import Grid
from engine.morph.model import Note


def same(a, b):
    for name in ("grid", "latents", "conditions", "storage", "job"):
        assert getattr(a, name) == getattr(b, name)
    for (_, one, *_), (_, other, *_) in zip(a.networks(), b.networks(), strict=True):
        for x, y in zip(one, other, strict=True):
            np.testing.assert_array_equal(x.kernel, y.kernel)
            np.testing.assert_array_equal(x.bias, y.bias)
            assert (x.activation, x.joined, x.residual) == (y.activation, y.joined, y.residual)
    for x, y in zip(a.notes, b.notes, strict=True):
        for name in Note.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(x, name), getattr(y, name), err_msg=name)
            assert type(getattr(x, name)) is type(getattr(y, name))


@pytest.mark.parametrize("storage", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", [np.uint8, np.float16])
def test_what_is_written_is_read(make_morph, tmp_path, storage, kind):
    kept = write_morph(tmp_path / "a.npz", make_morph("notes", kind=kind), storage)
    same(kept, read_morph(tmp_path / "a.npz"))
    same(kept, write_morph(tmp_path / "b.npz", kept, storage))


def test_a_morph_without_notes_is_one(make_morph, tmp_path):
    same(write_morph(tmp_path / "a.npz", make_morph(notes=0)), read_morph(tmp_path / "a.npz"))


def test_paths_are_numbers_from_0_to_1(make_morph):
    for kind in (np.uint8, np.float16):
        note = make_morph(kind=kind).notes[1]
        assert note.path.dtype == np.float32 and note.path.shape == (note.frames, 8)
        assert note.path.min() >= 0.0 and 0.5 < note.path.max() <= 1.0


def one_line(error, path):
    told = str(error.value)
    assert "\n" not in told and path.name in told and len(told) <= 500
    return told


BAD = [
    (lambda m: replace(m, grid=Grid(500, 32)), "size = 500"),
    (lambda m: replace(m, latents=9), "the encoder makes 8 numbers; 9"),
    (lambda m: replace(m, latents=0), "latents = 0"),
    (lambda m: replace(m, conditions="none"), "conditions = 'none'"),
    (lambda m: replace(m, decoder=()), "layers of the decoder = 0"),
    (lambda m: replace(m, decoder=m.decoder[:-1]), "makes 130 numbers; 129 are wanted"),
    (lambda m: replace(m, encoder=(replace(m.encoder[0], activation="x"),)), "activation of"),
    (lambda m: replace(m, encoder=(replace(m.encoder[0], residual=True),)), "residual"),
    (lambda m: replace(m, notes=(replace(m.notes[0], pitch=128),)), "pitch of note 0"),
    (lambda m: replace(m, notes=(replace(m.notes[0], loop_end=99),)), "not in order"),
    (lambda m: replace(m, notes=(replace(m.notes[0], gain_db=np.zeros(3)),)), "gain_db of note 0"),
    (lambda m: replace(m, notes=(replace(m.notes[0], latents=np.zeros(3)),)), "latents of note 0"),
    (lambda m: replace(m, job={"a": float("nan")}), "job"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), BAD)
def test_what_can_not_be_played_is_not_written(make_morph, tmp_path, change, told):
    path = tmp_path / "a.npz"
    with pytest.raises(MorphError) as error:
        write_morph(path, change(make_morph()))
    assert told in one_line(error, path)
    assert not list(tmp_path.iterdir())


def test_a_place_that_can_not_be_written_is_told(make_morph, tmp_path):
    with pytest.raises(MorphError, match="cannot be written"):
        write_morph(tmp_path / "none" / "a.npz", make_morph())
    with pytest.raises(MorphError, match="storage = 'int8'"):
        write_morph(tmp_path / "a.npz", make_morph(), "int8")


def rewritten(path, change):
    """The same file with another header or other arrays."""
    with np.load(path) as held:
        arrays = dict(held)
    header = json.loads(arrays.pop("header").tobytes())
    change(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, header=text, **arrays)


DAMAGED = [
    (lambda h, a: h.update(format="x"), "its format is not"),
    (lambda h, a: h.update(version=2), "version 2"),
    (lambda h, a: h.update(latents="many"), "latents = 'many'"),
    (lambda h, a: h.update(grid=[512]), "grid is no table"),
    (lambda h, a: h.update(decoder={}), "decoder in its header is no list"),
    (lambda h, a: h.update(decoder=[3]), "decoder0 is no table"),
    (lambda h, a: h["notes"].pop(), "the notes have"),
    (lambda h, a: h["notes"][0].update(frames=-1), "the notes have"),
    (lambda h, a: h["notes"][0].update(pitch=None), "pitch = None in note 0"),
    (lambda h, a: a.pop("decoder1"), "decoder1 is missing"),
    (lambda h, a: a.pop("latents"), "latents is missing"),
    (lambda h, a: a.update(encoder0=a["encoder0"][:, :-1]), "kernel of layer 0 of the encoder"),
    (lambda h, a: a["decoder0_bias"].__setitem__(0, np.nan), "not finite"),
]


@pytest.mark.parametrize(("change", "told"), DAMAGED)
def test_a_damaged_file_is_one_line(make_morph, tmp_path, change, told):
    path = tmp_path / "a.npz"
    write_morph(path, make_morph())
    rewritten(path, change)
    with pytest.raises(MorphError) as error:
        read_morph(path)
    assert told in one_line(error, path)


def test_paths_take_no_more_memory_than_there_is(make_morph, tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    write_morph(path, make_morph())
    monkeypatch.setattr("engine.morph.model.MOST_PLACES", 38 * 9)
    with pytest.raises(MorphError) as error:
        read_morph(path)
    assert "frames = 39 is outside 0 to 38" in one_line(error, path)


def test_other_files_are_one_line(tmp_path):
    with pytest.raises(MorphError, match="is a folder"):
        read_morph(tmp_path)
    with pytest.raises(MorphError, match="no such file"):
        read_morph(tmp_path / "none.npz")
    for name, data in {"a": b"", "b": b"PK\x03\x04", "c": b"RIFF" * 30}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MorphError) as error:
            read_morph(tmp_path / name)
        one_line(error, tmp_path / name)
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    for name in ("one.npy", "other.npz"):
        with pytest.raises(MorphError):
            read_morph(tmp_path / name)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cut=st.floats(0.0, 1.0),
    changes=st.lists(st.tuples(st.floats(0.0, 0.9999), st.integers(0, 255)), max_size=6),
)
def test_nothing_in_a_file_is_worse_than_one_line(make_morph, tmp_path, cut, changes):
    path, held = tmp_path / "a.npz", tmp_path / "whole.npz"
    if not held.exists():
        write_morph(held, make_morph())
    data = bytearray(held.read_bytes())
    for place, value in changes:
        data[int(place * len(data))] = value
    path.write_bytes(bytes(data[: max(1, int((1.0 - cut * (cut > 0.5)) * len(data)))]))
    try:
        read_morph(path).check()
    except MorphError as error:
        assert "\n" not in str(error)
