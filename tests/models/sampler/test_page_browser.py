"""The page of trainings in a real browser: filled in, started, watched, heard and stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("selenium")

from browsing import one, size

from models.sampler.folder import add_line
from models.sampler.page import trainings
from models.sampler.page.server import SamplerPage

from .page_stage import apprentice, made_up, page_in, wait_for


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SamplerPage]:
    monkeypatch.setattr(trainings, "_started", apprentice)
    with page_in(tmp_path) as found:
        made_up(found.trainings.runs, "earlier")
        yield found


@pytest.fixture
def seen(browser: Any, page: SamplerPage) -> Iterator[Any]:
    """The page as a user opens it; afterwards the browser's console must be empty."""
    browser.get_log("browser")
    size(browser, "laptop")
    browser.get(page.url)
    assert wait_for(lambda: bool(of(browser, "checked") and of(browser, "looked")))
    yield browser
    complaints = browser.get_log("browser")
    browser.get("about:blank")
    assert complaints == []


def of(browser: Any, name: str) -> Any:
    return browser.execute_script("return document.body.dataset[arguments[0]]", name)


def text(browser: Any, css: str) -> str:
    script = "const e = document.querySelector(arguments[0]); return e ? e.textContent : ''"
    return str(browser.execute_script(script, css))


def type_in(browser: Any, values: dict[str, str]) -> None:
    """Type, or choose, as hands do; folded groups are opened first."""
    from selenium.webdriver.support.ui import Select

    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true })")
    for name, value in values.items():
        field = one(browser, f"[data-value={name}] [name={name}]")
        if field.tag_name == "select":
            Select(field).select_by_value(value)
        else:
            field.clear()
            field.send_keys(value)


def test_a_training_is_filled_in_corrected_started_watched_and_stopped(
    seen: Any, page: SamplerPage
) -> None:
    type_in(seen, {"hidden": "many"})
    wrong = "[data-value=hidden] .wrong"
    assert wait_for(lambda: text(seen, wrong).startswith("hidden = many is not a whole number"))
    one(seen, "#launch").click()
    assert wait_for(lambda: "hidden = many" in text(seen, "#wrong"))
    refused = [line["message"] for line in seen.get_log("browser")]  # Chrome tells of it too
    assert len(refused) == 1 and "400" in refused[0]
    type_in(seen, {"hidden": "16", "source": "tones.wav", "minutes": "5"})
    assert wait_for(lambda: text(seen, wrong) == "")
    assert wait_for(lambda: one(seen, "#name").get_attribute("placeholder") == "tones-spectrum")
    one(seen, "#launch").click()
    assert wait_for(lambda: text(seen, "#detail h3") == "tones-spectrum")
    assert wait_for(lambda: text(seen, "#detail .state") == "learning")
    points = "return document.querySelector('.curve .raw').getAttribute('points').split(' ').length"
    assert wait_for(lambda: "<polyline" in one(seen, ".curve").get_attribute("innerHTML"))
    before = seen.execute_script(points)
    assert wait_for(lambda: seen.execute_script(points) > before)
    folder = page.trainings.runs / "tones-spectrum"
    add_line(folder / "previews.jsonl", {"file": "step-00000007.wav", "step": 7, "best": True})
    assert wait_for(lambda: "step 7" in text(seen, "#dreams li .when"))
    one(seen, "#stop").click()
    assert wait_for(lambda: text(seen, "#detail .state") == "stopped")
    assert one(seen, "#resume").is_displayed() and not one(seen, "#stop").is_displayed()


def test_previews_play_with_their_grades_and_nothing_in_a_job_is_markup(
    seen: Any, page: SamplerPage
) -> None:
    assert text(seen, "#detail h3") == "earlier" and "<b>tones.wav" in text(seen, "#detail .note")
    assert wait_for(lambda: "resembles the source: Low" in text(seen, "#dreams .grade.Low"))
    assert text(seen, "#dreams li.best .when") == "0:10, step 200"
    script = "const a = document.querySelector('#dreams audio'); a.preload = 'auto'; a.load()"
    seen.execute_script(script)
    length = "return document.querySelector('#dreams audio').duration"
    assert wait_for(lambda: seen.execute_script(length) == pytest.approx(0.5, abs=0.01))
    one(seen, "#copy").click()
    assert wait_for(lambda: one(seen, "#value-seg_len").get_attribute("value") == "64")
    one(seen, "#resume").click()
    assert wait_for(lambda: "needs more of them" in text(seen, "#said"))
    seen.get_log("browser")  # that the server refused it


def test_the_job_is_downloaded(seen: Any, page: SamplerPage, tmp_path: Path) -> None:
    where = tmp_path / "downloads"
    where.mkdir()
    how = {"behavior": "allow", "downloadPath": str(where)}
    seen.execute_cdp_cmd("Browser.setDownloadBehavior", how)
    one(seen, "#download").click()
    assert wait_for(lambda: (where / "earlier.json").is_file())
    assert json.loads((where / "earlier.json").read_text())["seg_len"] == 64


def test_a_recording_is_uploaded_and_chosen(seen: Any, page: SamplerPage, tmp_path: Path) -> None:
    given = tmp_path / "elsewhere" / "my own.wav"
    given.parent.mkdir()
    shutil.copy(tmp_path / "tones.wav", given)
    one(seen, "#file").send_keys(str(given))
    chosen = "return document.querySelector('#source').value"
    assert wait_for(lambda: seen.execute_script(chosen) == "uploaded: my own.wav")


@pytest.mark.parametrize("name", ["phone", "laptop"])
def test_it_fits_the_screen_and_every_target_is_large_enough(
    seen: Any, page: SamplerPage, name: str
) -> None:
    size(seen, name)
    type_in(seen, {})
    wide = seen.execute_script("return document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    small = seen.execute_script(
        "return [...document.querySelectorAll('button, input, select, summary, .button')]"
        ".filter(e => e.type !== 'checkbox' && e.type !== 'file')"
        ".map(e => [e, e.getBoundingClientRect()])"
        ".filter(([e, r]) => r.width && (r.height < 43.5 || r.width < 30))"
        ".map(([e]) => e.outerHTML.slice(0, 90))"
    )
    assert small == []
    unnamed = seen.execute_script(
        "return [...document.querySelectorAll('button, input, select, audio, progress')]"
        ".filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length))"
        ".map(e => e.outerHTML.slice(0, 90))"
    )
    assert unnamed == []


def test_a_lost_server_is_told_of(seen: Any, page: SamplerPage) -> None:
    page.close()
    assert wait_for(lambda: one(seen, "#lost").is_displayed())
    seen.get_log("browser")  # that the connection was refused
