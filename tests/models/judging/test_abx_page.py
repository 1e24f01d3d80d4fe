"""The listening test in a real browser, its secrecy, and who is let in."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from models.judging.abx.excerpts import Material, matched
from models.judging.abx.server import Listening
from models.judging.abx.sitting import Sitting

RATE = 16_000
TRIALS = 16
Answers = Callable[[Sitting], str]


def material() -> Material:
    rng = np.random.default_rng(3)
    sound = 0.1 * rng.standard_normal((RATE // 2, 1))
    cuts = [matched(part, np.tanh(9 * part), RATE) for part in (sound, 0.5 * sound[::-1])]
    return Material("model.wav", "effect.wav", RATE, tuple(cuts))


Serve = Callable[..., Listening]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a test's server in a thread: ``serve(seed=None)`` -> Listening."""
    running: list[tuple[Listening, threading.Thread]] = []

    def start(trials: int = TRIALS, seed: int | None = None) -> Listening:
        about = material()
        listening = Listening(about, Sitting(trials, len(about.excerpts), seed))
        thread = threading.Thread(target=listening.run, daemon=True)
        thread.start()
        running.append((listening, thread))
        return listening

    yield start
    for listening, thread in running:
        listening.stop()
        thread.join(10)
        assert not thread.is_alive()


def call(
    listening: Listening, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request, as the page makes it unless ``headers`` say otherwise."""
    connection = http.client.HTTPConnection("127.0.0.1", listening.port, timeout=10)
    own = {"Host": f"127.0.0.1:{listening.port}"}
    if body is not None:
        own["Origin"] = f"http://127.0.0.1:{listening.port}"
    own.update(headers)
    sent = None if body is None else json.dumps(body)
    connection.request("GET" if body is None else "POST", path, sent, own)
    reply = connection.getresponse()
    found = reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    connection.close()
    return found


def root(listening: Listening) -> str:
    return urlsplit(listening.url).path


def wait(browser: Any, ready: str) -> None:
    ends = time.monotonic() + 20
    while browser.execute_script("return document.body.dataset.ready") != ready:
        assert time.monotonic() < ends, browser.get_log("browser")
        time.sleep(0.01)


def sit_through(browser: Any, listening: Listening, answers: Answers) -> None:
    """Listen to A, B and X by key and answer by key, until the test is over."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(listening.url)
    page = browser.find_element(By.TAG_NAME, "body")
    for number in range(TRIALS):
        wait(browser, str(number))
        page.send_keys("abx")
        button = browser.find_element(By.CSS_SELECTOR, "[data-answer=A]")
        WebDriverWait(browser, 10, 0.01).until(lambda _, b=button: b.is_enabled())
        page.send_keys("1" if answers(listening.sitting) == "A" else "2")
    wait(browser, "over")


def test_a_perfect_listener_is_believed_and_told_so(browser: Any, serve: Serve) -> None:
    listening = serve()
    sit_through(browser, listening, lambda sitting: sitting.trial.x)
    assert listening.sitting.finished and listening.sitting.correct == TRIALS
    assert listening.sitting.p_value == pytest.approx(0.5**TRIALS) and 0.5**TRIALS < 0.01
    assert f"{TRIALS} of {TRIALS} right" in browser.page_source
    assert "You can hear a difference" in browser.page_source
    severe = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert severe == []


def test_a_random_clicker_is_not_believed(browser: Any, serve: Serve) -> None:
    listening, clicks = serve(seed=11), random.Random(12)
    sit_through(browser, listening, lambda _: clicks.choice("AB"))
    assert listening.sitting.finished and listening.sitting.p_value > 0.05
    assert "does not show" in browser.page_source


def test_the_server_ends_when_the_last_answer_is_given(serve: Serve) -> None:
    listening = serve(trials=1)
    status, _, body = call(listening, root(listening) + "answer", {"number": 0, "answer": "A"})
    assert status == 200 and json.loads(body)["over"]
    ends = time.monotonic() + 10
    with pytest.raises(OSError):
        while time.monotonic() < ends:
            call(listening, root(listening))
            time.sleep(0.05)


def test_what_the_browser_is_sent_of_x_is_the_same_whichever_it_is(serve: Serve) -> None:
    """Everything but the noise in the sounds: addresses, headers, lengths, the page."""
    seen: dict[str, set[str]] = {"A": set(), "B": set()}
    listening = serve(seed=1)
    addresses: set[str] = set()
    for number in range(TRIALS):
        secret = listening.sitting.trial.x
        status, headers, body = call(listening, root(listening) + "trial")
        told = json.loads(body)
        assert status == 200
        ids = told.pop("sounds")
        assert set(ids) == {"a", "b", "x"} and not addresses & set(ids.values())
        assert {len(one) for one in ids.values()} == {24}
        addresses |= set(ids.values())
        told.pop("number")
        replies = [call(listening, f"{root(listening)}sound/{ids[name]}") for name in "abx"]
        heads = [{k: v for k, v in reply[1].items() if k != "date"} for reply in replies]
        assert heads[0] == heads[1] == heads[2]
        assert heads[0]["cache-control"] == "no-store"
        assert not {"etag", "last-modified", "content-disposition"} & set(heads[0])
        sounds = [reply[2] for reply in replies]
        assert len({len(sound) for sound in sounds}) == 1 and len(set(sounds)) == 3
        headers.pop("date", "")
        headers.pop("content-length", "")
        seen[secret].add(json.dumps([told, heads[2], headers], sort_keys=True))
        reply = call(listening, root(listening) + "answer", {"number": number, "answer": "A"})
        if number < TRIALS - 1:
            assert set(json.loads(reply[2])) == {"over", "number", "of", "names", "sounds"}
    assert seen["A"] == seen["B"] and len(seen["A"]) == 1


def test_there_is_no_way_back(serve: Serve) -> None:
    listening = serve()
    first = json.loads(call(listening, root(listening) + "trial")[2])["sounds"]
    answer = {"number": 0, "answer": "B"}
    assert call(listening, root(listening) + "answer", answer)[0] == 200
    assert call(listening, f"{root(listening)}sound/{first['x']}")[0] == 404
    assert call(listening, root(listening) + "answer", answer)[0] == 409
    assert listening.sitting.number == 1


@pytest.mark.parametrize("body", [[], {"number": "0"}, {"number": 0, "answer": "C"}, "x" * 2000])
def test_what_is_no_answer_changes_nothing(serve: Serve, body: Any) -> None:
    listening = serve()
    assert call(listening, root(listening) + "answer", body)[0] == 409
    assert listening.sitting.number == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80", "Origin": "http://evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_other_sites_are_refused(serve: Serve, headers: dict[str, str]) -> None:
    listening = serve()
    answer = {"number": 0, "answer": "A"}
    for path, body in (("", None), ("trial", None), ("answer", answer)):
        assert call(listening, root(listening) + path, body, **headers)[0] == 403
    assert listening.sitting.number == 0


def test_an_answer_without_an_origin_is_refused(serve: Serve) -> None:
    listening = serve()
    connection = http.client.HTTPConnection("127.0.0.1", listening.port, timeout=10)
    connection.request("POST", root(listening) + "answer", '{"number": 0, "answer": "A"}')
    assert connection.getresponse().status == 403
    connection.close()


def test_nothing_is_told_without_the_token(serve: Serve) -> None:
    listening = serve()
    for path in ("/", "/trial", "/wrong/", "/wrong/trial", "/wrong/abx.js"):
        status, _, body = call(listening, path)
        assert status == 404 and b"sounds" not in body


def test_a_test_that_is_ended_early_is_unfinished(browser: Any, serve: Serve) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    listening = serve()
    browser.get(listening.url)
    wait(browser, "0")
    browser.find_element(By.ID, "leave").click()
    browser.switch_to.alert.accept()
    WebDriverWait(browser, 10, 0.05).until(lambda _: listening.sitting.over)
    wait(browser, "over")
    assert not listening.sitting.finished
    assert "ended early" in browser.page_source
