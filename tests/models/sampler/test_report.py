"""The page of a training: whole, safe, and it tells what the scores say."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy")
pytest.importorskip("librosa")

from engine.sampler.errors import SamplerError
from models.sampler.report import Dream, History, report_training, write_report
from models.sampler.report.page import MOST_SHOWN, shown
from models.sampler.score import LIMITS, Scored

RATE = 11_025
JOB = {"approach": "vector", "lr": 1e-4, "use_dropout": True, "label_shape": (1, 512)}


def sound(seconds: float = 1.0, hertz: float = 330.0) -> Any:
    return 0.3 * np.sin(2 * np.pi * hertz / RATE * np.arange(round(seconds * RATE)))


def scored(**changed: float) -> Scored:
    """High everywhere but where told."""
    best = {name: limit.high for name, limit in LIMITS.items()}
    return Scored({**best, **changed}, 1.0, RATE, ("0.7 s at 7.2 s are as at 7.6 s",))


def dreams() -> list[Dream]:
    return [
        Dream("step 100", sound(hertz=200.0), RATE, scored(copy=9.0), 100, 12.0),
        Dream("step 200", sound(0.6), RATE, scored(clicks=3.0), 200, 75.0, True, "previews/2.wav"),
        Dream("step 300", None, RATE, None, 300, 90.0),
    ]


EMPTY = {"meta", "br", "img", "input", "link"}


class Tags(HTMLParser):
    """Every tag is closed, and none asks for anything outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.sounds: list[bytes] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in EMPTY:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value and "//" in value.split(",")[0]:
                self.outside.append(value[:60])
            if tag == "audio" and name == "src" and value:
                self.sounds.append(base64.b64decode(value.split(",", 1)[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open and self.open.pop() == tag, tag


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "new" / "report.html"
    history = History.of_rows([{"step": i, "loss": 3.0 / (i + 1)} for i in range(300)])
    told = ["Trained on <clair>."]
    made = write_report(path, sound(2.0), RATE, dreams(), history, JOB, title="A & B", told=told)
    assert made == path and [p.name for p in path.parent.iterdir()] == ["report.html"]
    return path.read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_else(text: str) -> None:
    tags = Tags()
    tags.feed(text)
    assert not tags.open
    assert not tags.outside
    assert "<script" not in text


def test_source_and_dreams_can_be_heard(text: str) -> None:
    tags = Tags()
    tags.feed(text)
    lengths = [soundfile.info(io.BytesIO(data)).frames for data in tags.sounds]
    assert lengths == [2 * RATE, round(0.6 * RATE), RATE]  # the best before the others
    assert 'href="previews/2.wav"' in text


def test_grades_are_told_in_words(text: str) -> None:
    words = re.sub(r"<[^>]+>", " ", text)
    for told in ("free of artefacts", "is no literal copy", "not scored", "best", "1 min 15 s"):
        assert told in words
    assert text.count('class="grade Medium"') >= 2
    assert 'class="grade Low"' in text
    assert "passes: nothing is Low" in words


def test_the_job_and_what_is_told_are_in_it_and_escaped(text: str) -> None:
    assert "A &amp; B" in text and "&lt;clair&gt;" in text and "<clair>" not in text
    for told in ("use_dropout", "yes", "1 × 512", "0.0001"):
        assert told in text


def test_pictures_take_the_colours_of_the_page(text: str) -> None:
    assert text.count("<svg") == 5  # source, two dreams, loss, merit
    assert "var(--mark)" in text and "prefers-color-scheme: dark" in text
    assert "#010203" not in text


def test_of_many_dreams_the_best_and_some_others_are_shown() -> None:
    many = [Dream(f"{i}", sound(0.1), RATE, scored(), i, i, i == 5) for i in range(40)]
    names = [dream.name for dream in shown(many)]
    assert len(names) == MOST_SHOWN
    assert names[:2] == ["5", "39"] and names[-1] == "0"


def test_a_training_that_has_made_nothing_yet_has_a_page(tmp_path: Path) -> None:
    made = write_report(tmp_path / "r.html", sound(), RATE, [], History([], []), {})
    assert "Source and dreams" in made.read_text(encoding="utf-8")


def test_a_dream_of_silence_or_without_end_is_shown_too(tmp_path: Path) -> None:
    odd = [
        Dream("silent", np.zeros(RATE), RATE, scored(), 1, 1.0),
        Dream("nan", np.full(RATE, np.nan), RATE, scored(), 2, 2.0),
        Dream("loud", 40.0 * sound(), RATE, scored(), 3, 3.0),
    ]
    history = History([1.0, 2.0], [float("nan"), 0.5])
    made = write_report(tmp_path / "r.html", sound(), RATE, odd, history, JOB)
    assert made.read_text(encoding="utf-8").count("<audio") == 4


def test_a_folder_of_a_training_has_its_report(tmp_path: Path) -> None:
    with pytest.raises(SamplerError, match=r"source\.wav: there is no such file"):
        report_training(tmp_path)
    soundfile.write(tmp_path / "source.wav", sound(), RATE)
    (tmp_path / "previews").mkdir()
    soundfile.write(tmp_path / "previews" / "b.wav", sound(), RATE)
    odd = {**JOB, "source": "/there/clair\udcff.flac"}  # a file's name may hold any bytes
    (tmp_path / "job.json").write_text(json.dumps(odd))
    (tmp_path / "history.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo')
    rows: list[dict[str, Any]] = [
        {"file": "a.wav", "step": 10, "seconds": 1.0, "best": True, "score": scored().as_json()},
        {"file": "b.wav", "step": 20, "seconds": 2.0, "best": True, "score": scored().as_json()},
        {"file": "../../secret.wav", "step": "x", "score": 7},
    ]
    (tmp_path / "previews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = report_training(tmp_path).read_text(encoding="utf-8")
    assert "Dreams of clair?.flac" in text and "Vector approach" in text
    assert text.count("<audio") == 2
    assert text.count('<span class="tag">best') == 2  # on the sound and in the table: step 20
    assert "not scored" in text and "secret" not in text
