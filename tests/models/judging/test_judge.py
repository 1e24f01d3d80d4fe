"""A model judged on a folder of pairs: the figures, the page, what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy")

from typer.testing import CliRunner

from engine.cli import app, complaint
from engine.performance import guitar
from models.commands.judge import judge
from models.judging.abx.excerpts import material
from models.judging.judge import Judging
from models.judging.page import write_page
from models.judging.player import open_player
from models.judging.responses import attack, impulse_response, loudest

RATE = 48_000
SECONDS = 3
Write = Callable[[str, Any, Any], None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs whose effect is the model ``drive``, but for a hundredth of the clean sound."""
    place = tmp_path_factory.mktemp("pairs")
    player = open_player("drive")
    played = np.float32(guitar(RATE))[: 2 * SECONDS * RATE]
    for name, dry in zip(("one", "two"), np.split(played, 2), strict=True):
        write(place, name, dry, player.play(dry, RATE) + 0.01 * dry)
    return place


def write(place: Path, name: str, dry: Any, wet: Any, rate: int = RATE) -> None:
    for kind, sound in (("dry", dry), ("wet", wet)):
        (place / kind).mkdir(exist_ok=True)
        soundfile.write(place / kind / f"{name}.wav", sound, rate, subtype="FLOAT")


if "judge" not in [command.name for command in app.registered_commands]:
    app.command("judge")(judge)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["judge", *arguments])


def test_a_model_that_is_the_effect_is_near_it_and_the_page_stands_alone(
    folder: Path, tmp_path: Path
) -> None:
    result = run("drive", str(folder), "--out", str(tmp_path / "out"), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["model"] == "drive" and told["split"] == "validation" and len(told["each"]) == 2
    assert told["total"]["esr"]["model"] < 1e-3 < told["total"]["esr"]["clean"]
    assert all(told["total"][name]["better_db"] > 20 for name in ("esr", "mae", "mel_db"))
    assert told["alias_db"] < 0
    page = Path(told["page"])
    assert page == tmp_path / "out" / "drive.html" and list(page.parent.iterdir()) == [page]
    assert page.stat().st_size < 8e6
    check_page(page.read_text(encoding="utf-8"))


def check_page(text: str) -> None:
    """No address leads out of it, every picture has words, every player three sounds."""
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert "http://" not in text and "https://" not in text and "@import" not in text
    pictures = re.findall(r"<img [^>]*>", text)
    assert len(pictures) == 8 and all(re.search(r'alt="[^"]{20,}"', one) for one in pictures)
    sounds = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    assert [len(json.loads(one)) for one in sounds] == [3, 3]


def test_the_page_plays_three_sounds_and_switches_by_key(
    folder: Path, tmp_path: Path, browser: Any
) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    judging = Judging("drive", folder, None)
    list(judging)
    browser.get(write_page(judging.judgement(), tmp_path).as_uri())
    play = browser.find_element(By.CSS_SELECTOR, ".player .play")
    play.click()
    WebDriverWait(browser, 10, 0.05).until(lambda _: play.text == "Stop")
    for key, name in (("1", "clean"), ("3", "model"), ("2", "effect")):
        browser.find_element(By.TAG_NAME, "body").send_keys(key)
        pressed = browser.find_elements(By.CSS_SELECTOR, ".player [aria-pressed=true]")
        assert pressed[0].get_attribute("data-hear") == name
    severe = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert severe == []


def test_the_table_is_told_on_the_terminal(folder: Path, tmp_path: Path) -> None:
    result = run("drive", str(folder), "--out", str(tmp_path), "--split", "all")
    assert result.exit_code == 0, result.output
    assert "drive on 4 pairs (all, 6.0 s)" in result.stdout
    assert re.search(r"ESR +\S+ +\S+ +\+\d+\.\d dB", result.stdout)


def test_the_model_is_played_from_the_start_of_a_take_that_is_cut(folder: Path) -> None:
    """What is held out is the end of a take; before it an effect has heard the rest."""
    judging = Judging("drive", folder, "validation")
    assert all(pair.start > 0 for pair in judging.chosen)
    pair = judging.chosen[0]
    whole = judging.player.play(pair.whole.load()[0], RATE)
    np.testing.assert_array_equal(
        judging.player.play_pair(pair), whole[pair.start : pair.start + pair.frames]
    )


def test_a_model_and_the_effect_of_its_pairs_are_heard_blindly(folder: Path) -> None:
    heard = material("drive", str(folder), 0.5)
    assert heard.a == "model drive" and heard.b.startswith("effect of")
    for one in heard.excerpts:
        assert np.corrcoef(one.a[:, 0], one.b[:, 0])[0, 1] > 0.999


def test_a_pair_of_silence_is_passed_over_and_told(tmp_path: Path) -> None:
    sound = np.float32(guitar(RATE))[:RATE]
    for name in "abcd":
        write(tmp_path, name, sound, 0.5 * sound)
    write(tmp_path, "e", sound, 0 * sound)
    judging = Judging("drive", tmp_path, "all")
    assert len(list(judging)) == 5
    judgement = judging.judgement()
    assert len(judgement.heard) == 4
    assert judgement.warnings[0].startswith("e is not measured: the target is silent")


def test_another_rate_is_played_at_the_models_own_and_told(tmp_path: Path) -> None:
    sound = 0.1 * np.sin(2 * np.pi * 220 * np.arange(44_100) / 44_100)
    player = open_player("drive")
    made = player.play(np.float32(sound), 44_100)
    assert len(made) == 44_100 and "44100 Hz" in player.warnings[0]
    times = np.arange(RATE) / RATE
    expected = player.play(np.float32(0.1 * np.sin(2 * np.pi * 220 * times)), RATE)
    levels = [np.sqrt(np.mean(np.square(one[len(one) // 2 :]))) for one in (made, expected)]
    assert levels[0] == pytest.approx(levels[1], rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nosuch", "{folder}"), "no model is called 'nosuch'"),
        (("drive", "{folder}/none"), "there is no such folder"),
        (("drive", "{folder}", "--split", "rest"), "--split 'rest' is not one of test"),
        (("drive", "{folder}", "--split", "test"), "no pair is of the split 'test'"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(*(one.format(folder=folder) for one in arguments))
    assert isinstance(result.exception, ValueError)
    line = complaint(result.exception)
    assert line is not None and said in line and "\n" not in line


def test_the_impulse_response_of_a_filter_is_found() -> None:
    rng = np.random.default_rng(0)
    dry, impulse = rng.standard_normal(2 * RATE), rng.standard_normal(64) / 8
    found = impulse_response(dry, np.convolve(dry, impulse)[: len(dry)], 64, 10)
    np.testing.assert_allclose(found[10:], impulse, atol=5e-3)
    np.testing.assert_allclose(found[:10], 0.0, atol=5e-3)


def test_the_loudest_place_and_the_sharpest_attack_are_found() -> None:
    sound = np.zeros(RATE)
    sound[20_000:30_000] = 0.5
    assert loudest(sound, 10_000) == 20_000
    assert abs(attack(sound, RATE) - 20_000) <= 480
