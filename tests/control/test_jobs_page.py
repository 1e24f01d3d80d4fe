"""Jobs on a page beside the rack: what they tell, stop, resume, and a model that is played."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")

from browsing import one, size
from control.web_stage import racks, stage, wait_for

from engine.control.deploying import deployed
from engine.control.desk import Desk
from engine.control.web.door import Door
from engine.control.web.jobs import JobsPage
from engine.control.web.server import Web
from engine.jobs import Record, find, make
from engine.pulse.file import read_network
from engine.rack import Lane, Link, Rack, RackError

DRIVE = Path(__file__).parents[2] / "models" / "zoo" / "drive"


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Desk, Web]]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TARAF_JOBS", str(tmp_path / "jobs"))
    with stage(tmp_path / "takes") as both:
        yield both


def training(tmp_path: Path, title: str = "effect fuzz") -> Record:
    """A job that runs in this very process and has made a model."""
    record = make(["train", "effect", "pairs/fuzz"], "train", title)
    record.running()
    record.progress(0.4, "a step of it")
    for second in range(1, 6):
        record.point("validation_esr", second, 1.0 / second)
    soundfile.write(tmp_path / "a.wav", 0.1 * np.ones(4800, np.float32), 48000)
    record.preview(tmp_path / "a.wav", "model")
    shutil.copytree(DRIVE, tmp_path / "mine", dirs_exist_ok=True)
    record.made(tmp_path / "mine", "model", {"esr": 0.01})
    return record


def asked(
    port: int, token: str, path: str, given: Any = None, **headers: str
) -> tuple[int, Any, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    what = {"cookie": f"taraf-{port}={token}; taraf-jobs-{port}={token}", **headers}
    if given is None:
        connection.request("GET", path, headers=what)
    else:
        what.setdefault("origin", f"http://127.0.0.1:{port}")
        connection.request("POST", path, json.dumps(given), what)
    answer = connection.getresponse()
    kind, body = answer.headers.get("content-type", ""), answer.read()
    connection.close()
    return answer.status, json.loads(body) if "json" in kind else body, kind


def test_a_score_that_is_no_number_breaks_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARAF_JOBS", str(tmp_path))
    record = make(["train", "effect", "pairs"], "train", "effect")
    record.made(tmp_path, "model", {"esr": float("nan"), "seconds": float("inf"), "steps": 3})
    rows = find(record.name).row()
    assert rows["scores"] == {"steps": 3}


def test_the_page_tells_jobs_plays_previews_and_refuses_strangers(
    shown: tuple[Desk, Web], tmp_path: Path
) -> None:
    web, record = shown[1], training(tmp_path)

    def get(path: str) -> tuple[int, Any, str]:
        return asked(web.port, web.tokens.watch, path)

    listed = get("/jobs/api/jobs")[1]
    assert [(job["title"], job["state"], job["done"]) for job in listed["jobs"]] == [
        ("effect fuzz", "running", 0.4)
    ]
    assert (listed["rack"], listed["may"]) == ("One", False)
    details = get(f"/jobs/api/jobs/{record.name}")[1]
    assert details["curves"]["validation_esr"][-1] == [5.0, 0.2]
    assert details["models"] == [{"name": "mine", "plays": "model", "scores": {"esr": 0.01}}]
    status, sound, kind = get(f"/jobs/api/jobs/{record.name}/preview/0")
    assert (status, sound, kind) == (200, (tmp_path / "a.wav").read_bytes(), "audio/x-wav")
    assert get("/jobs/")[2].startswith("text/html")
    assert get("/jobs/jobs.js")[2].startswith("text/javascript")

    for path in ("/jobs/", "/jobs/api/jobs", f"/jobs/api/jobs/{record.name}/preview/0"):
        assert asked(web.port, "stranger", path)[0] == 401
    status, told, _ = get(f"/jobs/api/jobs/{record.name}/preview/7")
    assert (status, told["error"]) == (400, f"{record.name}: there are 1 previews, counted from 0")
    status, told, _ = get("/jobs/api/jobs/..%2f..%2fetc")
    assert status in (400, 404)
    watcher = asked(web.port, web.tokens.watch, f"/jobs/api/jobs/{record.name}/stop", {})
    assert watcher[1] == {"error": "this page may only watch"}
    player = (web.port, web.tokens.play, f"/jobs/api/jobs/{record.name}/stop", {})
    assert asked(*player, origin="http://elsewhere")[0] == 403
    assert not record.asked_to_stop


def test_a_model_is_put_into_the_rack_that_sounds_with_one_click(
    shown: tuple[Desk, Web], tmp_path: Path
) -> None:
    desk, web = shown
    record = training(tmp_path)
    path = f"/jobs/api/jobs/{record.name}/deploy"
    status, told, _ = asked(web.port, web.tokens.play, path, {})
    assert (status, told) == (200, {"preset": "mine in One"})
    assert (desk.at, desk.rack.name) == (3, "mine in One")
    first = desk.rack.lanes[0].chain[0]
    assert (first.use, first.settings["model"]) == ("model", str(tmp_path / "mine"))
    assert wait_for(lambda: desk.host.rack.name == "mine in One")
    desk.select(0)  # and one step goes back
    assert desk.rack.name == "One"
    shutil.rmtree(tmp_path / "mine")
    status, told, _ = asked(web.port, web.tokens.play, path, {})
    assert (status, told["error"]) == (400, f"{tmp_path / 'mine'}: is not there any more")


def test_a_deploy_that_takes_longer_than_a_connection_is_told_to_its_end(
    shown: tuple[Desk, Web], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, web = shown
    monkeypatch.setattr(Door, "longest_seconds", 1.5)
    monkeypatch.setattr("engine.control.web.jobs.ANSWER_SECONDS", 0.5)
    let, shelve = threading.Event(), desk.host.shelve

    def slowly(*args: Any, **more: Any) -> list[str]:
        let.wait(30.0)
        return shelve(*args, **more)

    monkeypatch.setattr(desk.host, "shelve", slowly)
    path = f"/jobs/api/jobs/{training(tmp_path).name}/deploy"
    player = (web.port, web.tokens.play)
    number = asked(*player, path, {})[1]["deploying"]
    for _ in range(4):
        assert asked(*player, f"/jobs/api/deploys/{number}")[:2] == (200, {"deploying": number})
    assert "already" in asked(*player, path, {})[1]["error"]
    let.set()
    told: dict[str, Any] = {"deploying": number}
    until = time.monotonic() + 60.0
    while "deploying" in told and time.monotonic() < until:
        told = asked(*player, f"/jobs/api/deploys/{number}")[1]
    assert told == {"preset": "mine in One"}
    assert desk.rack.name == "mine in One"
    assert asked(*player, f"/jobs/api/deploys/{number + 1}")[0] == 400


def test_a_model_takes_the_place_of_one_and_what_nothing_plays_is_told(tmp_path: Path) -> None:
    rack = deployed(racks()[0][0], tmp_path / "a", "model")
    again = deployed(rack, tmp_path / "b", "model")
    chains = [[link.use for link in one.lanes[0].chain] for one in (rack, again)]
    assert chains == [["model", "tuner", "gain", "delay"]] * 2
    assert again.lanes[0].chain[0].settings["model"] == str(tmp_path / "b")
    with pytest.raises(RackError, match="preset One has no plugin sampler"):
        deployed(racks()[0][0], tmp_path / "a", "sampler")


def test_of_a_pulse_its_folders_network_is_played() -> None:
    listening = Rack("One", "", (Lane("a", "left", (Link("pulse", "pulse"),)),))
    rack = deployed(listening, DRIVE.with_name("pulse"), "pulse")
    assert rack.name == "pulse in One"
    assert read_network(Path(str(rack.lanes[0].chain[0].settings["network"])))


def test_jobs_have_a_page_of_their_own_where_nothing_sounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARAF_JOBS", str(tmp_path / "jobs"))
    record = training(tmp_path)
    page = JobsPage(port=0)
    page.start()
    try:
        assert asked(page.port, page.tokens.play, "/api/jobs")[1]["rack"] == ""
        deploy = asked(page.port, page.tokens.play, f"/api/jobs/{record.name}/deploy", {})
        assert "taraf live --web" in deploy[1]["error"]
        record.ended("failed", "no more pairs")
        row = asked(page.port, page.tokens.play, "/api/jobs")[1]["jobs"][0]
        assert (row["state"], row["error"]) == ("failed", "no more pairs")
    finally:
        page.close()


def test_in_a_browser_a_job_is_seen_compared_stopped_and_played(
    browser: Any, shown: tuple[Desk, Web], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.control.web.jobs.ANSWER_SECONDS", 0.01)  # so the page asks again
    desk, web = shown
    other = training(tmp_path, "effect drive")
    other.ended("done")
    time.sleep(1.1)  # names begin with the second
    record = training(tmp_path)
    for kind in ("phone", "laptop"):
        size(browser, kind)
        browser.get_log("browser")
        browser.get(web.url)
        browser.get(f"http://127.0.0.1:{web.port}/jobs/")
        assert wait_for(lambda: len(lines(browser)) == 1)
        wide = "return document.documentElement.scrollWidth - innerWidth"
        assert browser.execute_script(wide) <= 0
    assert one(browser, "#one-title").text == "effect fuzz"
    assert one(browser, "#state").text.startswith("running")
    assert one(browser, "#previews audio").get_attribute("src").endswith("/preview/0")
    one(browser, f"[aria-label='Compare {other.name}']").click()
    assert wait_for(lambda: len(lines(browser)) == 2)
    one(browser, "#deploy").click()
    assert wait_for(lambda: desk.rack.name == "mine in One")
    assert wait_for(lambda: one(browser, "#rack").text == "mine in One sounds")
    assert wait_for(lambda: one(browser, "#said").text == "mine in One sounds")
    (record.folder / "stop").touch()  # pressed, it would interrupt this very process
    assert wait_for(lambda: one(browser, "#state").text.startswith("stopping"))
    record.ended("stopped")
    assert wait_for(lambda: one(browser, "#resume").is_enabled())
    assert not one(browser, "#stop").is_enabled()
    assert find(record.name).state == "stopped"
    assert browser.get_log("browser") == []


def lines(browser: Any) -> Any:
    return browser.execute_script("return document.querySelectorAll('#plot polyline')")
