"""taraf morph: what is in a model, its map, the way from one sound to another."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from browsing import one

from engine.cli import main
from engine.morph.file import write_morph
from engine.morph.grid import Grid
from engine.morph.model import CONDITIONS, Dense, MorphModel, Note
from engine.morph.sounds import sounds_of
from models.morph.map.layout import HEIGHT, LETTER, LINE, WIDTH, labels
from models.morph.map.route import route

FAMILIES = ("brass", "flute")
RATE = 16_000


def rows_of(harmonics: float) -> np.ndarray:
    """A frame's levels, 0 to 1: harmonics of middle C that fall by so many dB each."""
    grid = Grid(256, 32)
    hertz = np.arange(grid.bins) * RATE / grid.size
    made = np.zeros(grid.bins)
    for k in range(1, 20):
        near = np.exp(-0.5 * ((hertz - 261.63 * k) / 40.0) ** 2)
        made = np.maximum(made, near * max(0.0, 1.0 - harmonics * (k - 1) / 80.0))
    return made


def model() -> MorphModel:
    """Two latents: of a dark and a bright spectrum; four sounds of two notes between them."""
    grid, more = Grid(256, 32), CONDITIONS["chroma"]
    kernel = np.zeros((grid.bins, 2 + more), np.float32)
    kernel[:, 0], kernel[:, 1] = rows_of(12.0), rows_of(2.0)
    decoder = (Dense(kernel, np.zeros(grid.bins, np.float32)),)
    encoder = (Dense(np.zeros((2, grid.bins + more), np.float32), np.zeros(2, np.float32)),)
    notes = tuple(
        Note(
            f"{family}_acoustic_{k:03}-{pitch:03}-100", family, pitch, 100,
            np.tile(np.array([[1.0 - bright, bright]], np.float16), (200, 1)),
            np.full(200, -20.0, np.float16), 4, 50, 150, 160,
        )
        for family, k, bright in (
            ("flute", 73, 0.0), ("flute", 74, 0.2), ("brass", 56, 1.0), ("brass", 57, 0.8),
        )
        for pitch in (48, 60)
    )  # fmt: skip
    scores = [{"name": "network", "split": "test", "dims": 16, "rmse_db": 6.123456}]
    return MorphModel(grid, 2, "chroma", encoder, decoder, notes, job={"scores": scores})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.npz"
    write_morph(path, model())
    return path


def run(*words: object) -> int:
    try:
        return main([str(word) for word in words]) or 0
    except SystemExit as stopped:
        return int(stopped.code or 0)


def told(capsys: pytest.CaptureFixture[str], *words: object) -> dict:
    assert run(*words, "--json") == 0
    return dict(json.loads(capsys.readouterr().out))


def complaint(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert run(*words) != 0
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_what_is_in_a_model_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "morph", "show", file)
    assert found["grid"] == {"size": 256, "hop": 32, "rate": RATE} and found["latents"] == 2
    assert found["bytes"] == file.stat().st_size and found["notes"] == 8
    assert [one["name"] for one in found["sounds"]] == [
        "brass_acoustic_056", "brass_acoustic_057", "flute_acoustic_073", "flute_acoustic_074",
    ]  # fmt: skip
    assert found["sounds"][2]["pitches"] == [48, 60] and found["sounds"][2]["number"] == 2
    assert run("morph", "show", file) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        "flute acoustic 073" in shown and "rmse db 6.123" in shown and "16 ms every 2 ms" in shown
    )


def test_a_picture_and_a_page_of_the_map(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "morph", "map", file, "--out", tmp_path / "new" / "map.png")
    assert Path(found["out"]).read_bytes().startswith(b"\x89PNG")
    assert [one["family"] for one in found["sounds"]] == ["brass", "brass", "flute", "flute"]
    across = [one["x"] for one in found["sounds"]]
    assert sorted(across) in (sorted(across[:2]) + sorted(across[2:]),
                              sorted(across[2:]) + sorted(across[:2]))  # fmt: skip
    assert run("morph", "map", file, "--out", tmp_path / "map.html") == 0
    assert "4 sounds" in capsys.readouterr().out
    text = (tmp_path / "map.html").read_text("utf-8")
    seen = Seen()
    seen.feed(text)
    assert seen.numbers == ["0", "1", "2", "3"] and seen.rows == 5
    assert "src=" not in text and "href=" not in text  # it needs nothing else


class Seen(HTMLParser):
    """The sounds that a page lets one choose, and the rows of its table."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[str | None] = []
        self.rows = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("class") == "sound":
            self.numbers.append(given["data-number"])
        self.rows += tag == "tr"


def brightness(sound: np.ndarray) -> float:
    sizes = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float((np.arange(len(sizes)) * sizes).sum() / sizes.sum() * RATE / len(sound))


def test_a_way_begins_as_one_sound_and_ends_as_the_other(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "way.wav"
    given = ("morph", "path", file, "flute", "0", "--seconds", "2", "--out", out)
    found = told(capsys, *given)
    sound, rate = soundfile.read(out)
    assert rate == RATE and len(sound) / rate == pytest.approx(2.0, abs=0.02)
    assert np.isfinite(sound).all() and 0.05 < np.abs(sound).max() <= 1.0
    assert Path(found["picture"]).read_bytes().startswith(b"\x89PNG")
    assert [end["number"] for end in found["ends"]] == [2, 0]
    assert found["ends"][1]["note"] == "brass_acoustic_056-060-100"
    steps = [brightness(part) for part in np.array_split(sound[2000:-2500], 5)]
    assert steps == sorted(steps) and steps[-1] > 1.5 * steps[0]
    assert found["table"][0] == 0.0 and found["table"][-1] == 1.0
    straight = told(capsys, *given, "--straight")
    assert straight["table"] == pytest.approx(np.linspace(0, 1, len(found["table"])), abs=1e-3)
    assert main(list(map(str, given))) == 0
    assert capsys.readouterr().out.rstrip().endswith(found["picture"])


def test_a_way_is_the_same_every_time_and_as_long_as_asked() -> None:
    known = model()
    one, other = sounds_of(known)[0], sounds_of(known)[2]
    first = route(known, one, other, 64, 80, 0.5)
    assert np.array_equal(first.sound, route(known, one, other, 64, 80, 0.5).sound)
    assert first.ends[0].pitch == 60
    assert len(route(known, one, one, 60, 100, 9.0).sound) == pytest.approx(9 * RATE, abs=300)


def test_mistakes_are_told_in_one_line(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wav = tmp_path / "x.wav"
    for words, wanted in (
        (("show", tmp_path / "none.npz"), "no such file"),
        (("show", "nobody"), "no morph is called 'nobody'"),
        (("show", tmp_path), "is a folder"),
        (("map", file, "--out", tmp_path / "map.gif"), "allowed are .png and .html"),
        (("map", file, "--out", file / "map.png"), "cannot be written"),
        (("path", file, "4", "0", "--out", wav), "there is no sound 4; the last"),
        (("path", file, "kazoo", "0", "--out", wav), "no sound is called 'kazoo'"),
        (("path", file, "0", "1", "--out", tmp_path / "no" / "x.wav"), "there is no folder"),
    ):
        assert wanted in complaint(capsys, "morph", *words), words
    assert not wav.exists()
    write_morph(tmp_path / "empty.npz", MorphModel(**{**vars(model()), "notes": ()}))
    assert "has no notes" in complaint(capsys, "morph", "show", tmp_path / "empty.npz")
    (tmp_path / "text.npz").write_text("not a morph")
    assert "text.npz" in complaint(capsys, "morph", "show", tmp_path / "text.npz")


def test_names_stand_free_of_each_other() -> None:
    rng = np.random.default_rng(3)
    places = [(float(x), float(y)) for x, y in rng.random((60, 2)) * (WIDTH, HEIGHT)]
    names = [f"{k} name" for k in range(60)]
    boxes = []
    for label, name in zip(labels(places, names), names, strict=True):
        if label is not None:
            wide = LETTER * len(name)
            left = label.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor] * wide
            boxes.append((left, label.y - LINE / 2, left + wide, label.y + LINE / 2))
    assert len(boxes) > 40
    for k, a in enumerate(boxes):
        for b in boxes[:k]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_help_has_an_example_and_is_quick_to_import(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("show", "map", "path"):
        assert run("morph", name, "--help") == 0
        assert f"Example: taraf morph {name}" in " ".join(capsys.readouterr().out.split())


def test_two_taps_on_the_page_choose_two_ends(browser: Any, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.html"
    assert run("morph", "map", file, "--out", out) == 0
    browser.get_log("browser")
    browser.get(out.as_uri())
    one(browser, "[data-number='2']").click()
    one(browser, "[data-number='0']").send_keys("\ue007")  # Enter
    told = one(browser, "#chosen").text
    assert "A: 2 flute acoustic 073, flute" in told and "B: 0 brass acoustic 056, brass" in told
    assert f"taraf morph path {file} 2 0 --out morph.wav" in told
    complaints = browser.get_log("browser")
    browser.get("about:blank")
    assert complaints == []
