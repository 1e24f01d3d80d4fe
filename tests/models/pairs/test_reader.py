"""Folders of pairs, with a manifest and without, as trainers open them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA

from models.pairs import PairsError, manifest, open_pairs
from models.pairs.manifest import Entry, Header
from models.pairs.wav import wav_bytes, write_whole

from .folder import RATE, one_pair, phrase, save


def with_manifest(folder: Path, *entries: Entry, rate: int = RATE) -> Path:
    for entry in entries:
        save(folder / entry.dry, phrase(0.5))
        save(folder / entry.wet, 0.5 * phrase(0.5))
    manifest.rewrite(folder, Header(rate, {"name": "half"}), list(entries))
    return folder


def entry(name: str, split: str = "train", **knobs: float) -> Entry:
    return Entry(name, f"dry/{name}.wav", f"wet/{name}.wav", split, knobs, RATE // 2)


def test_a_manifest_gives_splits_knobs_and_the_sound(tmp_path: Path) -> None:
    with_manifest(
        tmp_path, entry("a", drive=0.0, tone=1.0), entry("b", "validation", drive=4.0, tone=1.0)
    )
    pairs = open_pairs(tmp_path)
    assert pairs.sample_rate == RATE
    assert pairs.effect == {"name": "half"}
    assert [(k.name, k.minimum, k.maximum) for k in pairs.knobs] == [("drive", 0.0, 4.0)]
    assert pairs.knobs[0].position(1.0) == 0.25
    assert [pair.name for pair in pairs.split("train")] == ["a"]
    assert pairs.split("validation")[0].knobs == {"drive": 4.0, "tone": 1.0}
    dry, wet = pairs.pairs[0].load()
    assert dry.dtype == wet.dtype == np.float32
    np.testing.assert_array_equal(wet, 0.5 * dry)
    assert pairs.pairs[0].control.shape == (0, len(dry))


def test_a_torn_last_line_is_dropped_and_mended(tmp_path: Path) -> None:
    with_manifest(tmp_path, entry("a"))
    path = tmp_path / manifest.NAME
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id": "b", "dry"')
    assert len(open_pairs(tmp_path).pairs) == 1
    manifest.mend(tmp_path)
    assert path.read_bytes() == whole


def test_the_last_line_about_a_pair_counts(tmp_path: Path) -> None:
    with_manifest(tmp_path, entry("a"))
    manifest.append(tmp_path, entry("a", "test"))
    assert [pair.split for pair in open_pairs(tmp_path).pairs] == ["test"]


def test_without_a_split_the_last_fifth_of_the_time_validates(tmp_path: Path) -> None:
    dry = phrase(1.0)
    pairs = open_pairs(one_pair(tmp_path, dry, -dry))
    (train,), (held,) = pairs.split("train"), pairs.split("validation")
    assert (train.frames, held.frames, held.start) == (RATE * 4 // 5, RATE // 5, RATE * 4 // 5)
    np.testing.assert_array_equal(np.concatenate((train.load()[0], held.load()[0])), dry)
    assert held.whole.frames == RATE


def test_of_many_dry_files_the_last_are_held_out_whole_at_every_setting(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / f"in_{number}.wav", phrase(0.2, number))
        for gain in (0, 50, 100):
            save(tmp_path / f"gain{gain}_{number}.wav", phrase(0.2, number))
    pairs = open_pairs(tmp_path)
    assert [(k.name, k.minimum, k.maximum) for k in pairs.knobs] == [("gain", 0.0, 1.0)]
    assert {pair.dry.name for pair in pairs.split("validation")} == {"in_8.wav", "in_9.wav"}
    assert len(pairs.split("validation")) == 6


@pytest.mark.parametrize(
    ("dry", "wet"),
    [
        ("input.wav", "output.wav"),
        ("input.wav", "target.wav"),
        ("Strat-input.wav", "Strat-target.wav"),
        ("dry/x.wav", "wet/x.wav"),
        ("io1_input_L.wav", "io1_target_L.wav"),
    ],
)
def test_the_usual_names_are_known(dry: str, wet: str, tmp_path: Path) -> None:
    save(tmp_path / dry, phrase(0.5))
    save(tmp_path / wet, 0.5 * phrase(0.5))
    save((tmp_path / wet).with_name("testoutput.wav"), phrase(0.5))
    pairs = open_pairs(tmp_path)
    assert [p.frames for p in pairs.pairs] == [RATE * 2 // 5, RATE // 10]
    assert [path.name for path in pairs.ignored] == ["testoutput.wav"]


def test_a_second_channel_of_the_input_is_what_was_measured_beside_it(tmp_path: Path) -> None:
    dry, lfo = phrase(0.5), np.linspace(-1, 1, RATE // 2, dtype=np.float32)
    write_whole(tmp_path / "x-input.wav", wav_bytes(np.stack((dry, lfo), axis=1), RATE))
    save(tmp_path / "x-target.wav", dry)
    train, held = open_pairs(tmp_path).pairs
    np.testing.assert_array_equal(np.concatenate((train.control[0], held.control[0])), lfo)
    np.testing.assert_array_equal(train.load()[0], dry[: train.frames])


def test_twice_the_same_channel_was_not_measured(tmp_path: Path) -> None:
    dry = phrase(0.5)
    write_whole(tmp_path / "input.wav", wav_bytes(np.stack((dry, dry), axis=1), RATE))
    save(tmp_path / "output.wav", dry)
    assert open_pairs(tmp_path).pairs[0].control.shape[0] == 0


def spoil(folder: Path, number: int, **change: object) -> None:
    path = folder / manifest.NAME
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[number].update(change)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("number", "change", "said"),
    [
        (0, {"format": "x"}, "line 1 is no header"),
        (0, {"version": 9}, "version 9"),
        (0, {"sample_rate": 44100}, "the manifest says 44100 Hz"),
        (1, {"split": "mine"}, "line 2: split = 'mine'"),
        (1, {"dry": "dry/none.wav"}, "none.wav: there is no such file"),
        (1, {"wet": ""}, "line 2: wet"),
        (1, {"knobs": {}}, "pair a: knob drive is missing"),
        (2, {"knobs": {"drive": "loud"}}, "line 3: knob drive = 'loud'"),
        (2, {"knobs": {"drive": 10**400}}, "line 3: knob drive = 1000"),
        (2, {"knobs": {"drive": float("nan")}}, "line 3: knob drive = nan"),
        (1, {"frames": "many"}, "line 2: frames = 'many'"),
    ],
)
def test_a_wrong_manifest_is_one_line(
    number: int, change: dict[str, object], said: str, tmp_path: Path
) -> None:
    with_manifest(tmp_path, entry("a", drive=1.0), entry("b", drive=2.0))
    spoil(tmp_path, number, **change)
    with pytest.raises(PairsError, match=said) as caught:
        open_pairs(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_no_pairs_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="no such folder"):
        open_pairs(tmp_path / "none")
    with pytest.raises(PairsError, match=r"pairs\.jsonl, dry/X\.wav"):
        open_pairs(tmp_path)
    (tmp_path / "dry").mkdir()
    (tmp_path / "wet").mkdir()
    (tmp_path / "dry" / "a.wav").write_bytes(b"no sound")
    (tmp_path / "wet" / "a.wav").write_bytes(b"no sound")
    with pytest.raises(PairsError, match=r"a\.wav: it is no sound file"):
        open_pairs(tmp_path)


def shared(name: str) -> Path:
    if not (DATA / "pairs" / name).is_dir():
        pytest.skip("needs the real recordings in ../shared/data")
    return DATA / "pairs" / name


def test_a_real_flanger_comes_with_its_measured_lfo() -> None:
    pairs = open_pairs(shared("donner_flanger_wright"))
    assert len(pairs.pairs) == 2
    assert pairs.split("train")[0].control.shape == (1, 352800)
    assert [path.name for path in pairs.ignored] == ["testoutput.wav"]


def test_a_real_amp_has_three_gains() -> None:
    pairs = open_pairs(shared("panama_amp_3knob"))
    assert [knob.name for knob in pairs.knobs] == ["gain"]
    assert {pair.knobs["gain"] for pair in pairs.split("train")} == {0.0, 0.5, 1.0}


def test_a_real_gain_stage_has_five_gains_and_forty_snippets() -> None:
    pairs = open_pairs(shared("klon_gainstage_spice"))
    assert {pair.knobs["gain"] for pair in pairs.pairs} == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert (len(pairs.split("train")), len(pairs.split("validation"))) == (160, 40)


def test_a_real_tape_recorder_has_two_takes() -> None:
    pairs = open_pairs(shared("tape_akai_maxell"))
    assert [pair.wet.name for pair in pairs.split("train")] == [
        "io1_target_L.wav",
        "io2_target_L.wav",
    ]
