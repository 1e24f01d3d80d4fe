"""The page of trainings, by the requests its script makes: what it tells, takes and refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from engine.control.web.serving import WebError
from engine.sampler.errors import SamplerError
from models.sampler.folder import add_line
from models.sampler.job import PRESETS, read_job
from models.sampler.page import trainings
from models.sampler.page.note import Note
from models.sampler.page.server import SamplerPage
from models.sampler.page.tail import Tail
from models.sampler.values import VALUES

from .page_stage import FORM, apprentice, call, complaint, made_up, page_in, state, told, wait_for


@pytest.fixture
def page(tmp_path: Path) -> Iterator[SamplerPage]:
    with page_in(tmp_path) as found:
        yield found


@pytest.fixture
def still(page: SamplerPage, monkeypatch: pytest.MonkeyPatch) -> SamplerPage:
    """A page on which nothing begins: what is started waits."""
    monkeypatch.setattr(page.trainings, "tend", lambda: None)
    return page


def checked(page: SamplerPage, **changes: str) -> Any:
    return told(page, "/api/check", {"values": {**FORM, **changes}})


def test_the_address_opens_the_page_and_leaves_no_token_behind(page: SamplerPage) -> None:
    path = page.url.split(str(page.port), 1)[1]
    status, headers, _ = call(page, path, Cookie="", Sec_Fetch_Site="")
    assert (status, headers["location"]) == (303, "/")
    assert "HttpOnly" in headers["set-cookie"] and page.tokens.play in headers["set-cookie"]
    status, headers, body = call(page, "/")
    assert status == 200 and b'<script type="module" src="main.js">' in body
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    for name in ("main.js", "form.js", "detail.js", "curve.js", "base.js", "page.css"):
        assert call(page, f"/{name}")[0] == 200, name


@pytest.mark.parametrize("path", ["/", "/main.js", "/api/form", "/api/trainings"])
def test_who_has_no_token_or_comes_from_another_site_gets_nothing(
    page: SamplerPage, path: str
) -> None:
    assert call(page, path, Cookie="")[0] == 401
    assert call(page, path, Cookie=f"taraf-sampler-{page.port}={page.tokens.watch}")[0] == 401
    assert call(page, path, Host="evil.example:80")[0] == 403
    assert call(page, path, Origin="http://evil.example")[0] == 403
    assert call(page, path, Sec_Fetch_Site="cross-site")[0] == 403


def test_another_site_cannot_start_or_upload_anything(page: SamplerPage) -> None:
    start = {"values": FORM}
    for origin in ("http://evil.example", "null", ""):
        assert call(page, "/api/trainings", start, Origin=origin)[0] == 403
        assert call(page, "/api/sources?name=a.wav", b"RIFF", Origin=origin)[0] == 403
    assert told(page, "/api/trainings")["trainings"] == []


def test_the_form_has_every_value_and_preset(page: SamplerPage) -> None:
    form = told(page, "/api/form")
    grouped = [name for names in form["groups"].values() for name in names]
    assert sorted(grouped) == sorted(set(form["values"]) - {"source"})
    assert set(VALUES) <= set(form["values"]) and set(form["presets"]) == set(PRESETS)
    for name, value in VALUES.items():
        assert form["values"][name]["help"] == value.help
        assert form["values"][name]["allowed"] == value.allowed


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_preset_typed_in_is_that_preset(page: SamplerPage, preset: str) -> None:
    values = told(page, "/api/form")["presets"][preset]
    answer = told(page, "/api/check", {"values": values})
    assert answer["errors"] == {} and answer["error"] == ""
    told_of = json.dumps(PRESETS[preset].as_json()["label_shape"])
    assert f"[{answer['usual']['label_shape']}]" == told_of


def test_what_is_usual_follows_what_is_typed(page: SamplerPage) -> None:
    answer = checked(page, seg_len="128", label_shape="")
    assert answer["usual"]["label_shape"] == "1, 128"
    assert answer["usual"]["label_offset"] == "128"
    assert answer["name"] == "tones-vector"


def test_a_wrong_value_is_told_beside_it_as_on_the_command_line(page: SamplerPage) -> None:
    answer = checked(page, lr="fast", minutes="-1", threads="0", source="../../etc/passwd")
    assert answer["errors"]["lr"] == f"lr = fast is not {VALUES['lr'].allowed}"
    assert answer["errors"]["minutes"] == f"minutes = -1 is not {VALUES['minutes'].allowed}"
    assert answer["errors"]["threads"] == "threads = 0 is not a whole number, 1 to 256"
    assert "there is no such file" in answer["errors"]["source"]
    answer = checked(page, use_fft="true")
    assert "approach = vector and use_fft = true do not agree" in answer["error"]
    assert answer["error"] in answer["errors"].values()
    assert "did you mean hidden" in checked(page, hiden="3")["errors"]["hiden"]


def test_recordings_are_listed_uploaded_and_no_other_file_is_reached(
    page: SamplerPage, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a b.FLAC").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no sound")
    assert told(page, "/api/sources")["sources"] == ["tones.wav", "more/a b.FLAC"]
    sound = (tmp_path / "tones.wav").read_bytes()
    names = [told(page, "/api/sources?name=..%2F..%2Fmy%20tune.wav", sound) for _ in range(2)]
    assert [one["source"] for one in names] == [
        "uploaded: my tune.wav", "uploaded: my tune-2.wav",
    ]  # fmt: skip
    assert checked(page, source="uploaded: my tune.wav")["errors"] == {}
    for other in ("/etc/passwd", "uploaded: ../../tones.wav", "..", "a\0b", "more"):
        assert "no such file" in checked(page, source=other)["errors"]["source"]
    refused = complaint(page, "/api/sources?name=song.wav", b"this is no sound")
    assert refused.startswith("song.wav:") and "part" not in refused
    assert "is no sound file by its name" in complaint(page, "/api/sources?name=x.exe", b"MZ")
    uploads = sorted(p.name for p in (tmp_path / "runs" / "recordings").iterdir())
    assert uploads == ["my tune-2.wav", "my tune.wav"]


def test_trainings_wait_in_turn_and_are_taken_back(still: SamplerPage) -> None:
    names = [told(still, "/api/trainings", {"values": FORM})["name"] for _ in range(2)]
    names += [told(still, "/api/trainings", {"values": FORM, "name": "mine"})["name"]]
    assert names == ["tones-vector", "tones-vector-2", "mine"]
    rows = told(still, "/api/trainings")["trainings"]
    assert [row["name"] for row in rows] == names[::-1]
    assert {row["state"] for row in rows} == {"waiting"} and rows[0]["run"]["threads"] == 1
    told(still, "/api/trainings/mine/stop", {})
    assert state(still, "mine") == "stopped"
    told(still, "/api/trainings/mine/remove", {})
    assert "there is no such training" in complaint(still, "/api/trainings/mine")
    job = read_job(still.trainings.runs / "tones-vector" / "job.json")
    assert (job.hidden, job.label_shape, Path(job.source).name) == (16, (1, 32), "tones.wav")


@pytest.mark.parametrize(
    ("changes", "name", "line"),
    [
        ({"source": ""}, "", "source: no recording is given; a sound file is wanted"),
        ({"source": "gone.wav"}, "", "there is no such file"),
        ({"lr": "2"}, "", "lr = 2 is not a number above 0, at most 1"),
        ({"seg_len": "8000"}, "", "are too short for vector"),
        ({}, "../up", "name = ../up: allowed are letters"),
        ({}, "taken", "is taken"),
    ],
)
def test_what_cannot_be_started_is_told_in_one_line(
    still: SamplerPage, changes: dict[str, str], name: str, line: str
) -> None:
    made_up(still.trainings.runs, "taken")
    values = {**FORM, "label_shape": "", "ext_cursor_inc": "", **changes}
    assert line in complaint(still, "/api/trainings", {"values": values, "name": name})
    assert len(told(still, "/api/trainings")["trainings"]) == 1


def test_a_training_from_the_command_line_shows_alike(page: SamplerPage) -> None:
    folder = made_up(page.trainings.runs, "clair")
    shown = told(page, "/api/trainings/clair?epoch=0&since=0")
    assert (shown["state"], shown["step"], shown["rows"]) == ("done", 400, 40)
    assert shown["curve"][0] == [0.5, 10.0, 2.0, 1.0] and shown["source"] == "<b>tones.wav"
    assert [dream["best"] for dream in shown["dreams"]] == [True, False]
    assert shown["best"]["merit"] == 0.8 and shown["dreams"][0]["grades"]["C2"] == "Low"
    row = {"step": 410, "seconds": 20.5, "done": 1.0, "loss": 0.01, "missed": 0.02}
    add_line(folder / "history.jsonl", row)
    more = told(page, f"/api/trainings/clair?epoch={shown['epoch']}&since=40")
    assert more["curve"] == [[20.5, 410.0, 0.01, 0.02]] and more["since"] == 40


def test_one_that_the_command_line_runs_is_neither_stopped_nor_doubled(page: SamplerPage) -> None:
    made_up(page.trainings.runs, "busy", done=0.5)
    assert state(page, "busy") == "elsewhere"
    assert "Ctrl-C there stops it" in complaint(page, "/api/trainings/busy/stop", {})
    assert "stop it first" in complaint(page, "/api/trainings/busy/resume", {})
    told(page, "/api/trainings", {"values": FORM})
    time.sleep(0.7)
    assert state(page, "tones-vector") == "waiting"
    told(page, "/api/trainings/tones-vector/stop", {})


def test_files_of_a_training_are_sent_and_no_others(page: SamplerPage, tmp_path: Path) -> None:
    folder = made_up(page.trainings.runs, "clair")
    at = "/api/trainings/clair"
    status, headers, body = call(page, f"{at}/job.json")
    assert status == 200 and "clair.json" in headers["content-disposition"]
    (tmp_path / "downloaded.json").write_bytes(body)
    assert read_job(tmp_path / "downloaded.json") == read_job(folder / "job.json")
    dream = f"{at}/previews/step-00000200.wav"
    status, headers, body = call(page, dream, Range="bytes=0-3")
    assert (status, body, headers["content-type"][:6]) == (206, b"RIFF", "audio/")
    for path in ("previews/..%2Fjob.json", "previews/step-9.wav", "previews/x.wav", "page.json"):
        assert call(page, f"{at}/{path}")[0] in (400, 404), path
    for name in ("..", "%2e%2e", ".hidden", "clair%2F..%2Fclair", "nobody"):
        assert call(page, f"/api/trainings/{name}/job.json")[0] in (400, 404), name


def test_damaged_files_do_not_break_the_page(page: SamplerPage) -> None:
    folder = made_up(page.trainings.runs, "torn")
    (folder / "job.json").write_text('{"lr": ')
    (folder / "page.json").write_text('{"state": "running", "pid": "x", "run": {"threads": "a"}}')
    (folder / "history.jsonl").write_bytes(b'{"step": "a", "loss": NaN}\n{"st\xff')
    (folder / "previews.jsonl").write_text('{"file": 3, "grades": 4, "score": []}\n7\n')
    told(page, "/api/trainings")
    shown = told(page, "/api/trainings/torn")
    assert shown["curve"] == [[0.0, 0.0, 0.0, 0.0]] and shown["job"] == {}
    assert call(page, "/api/trainings", b"[1]")[0] == 400
    assert call(page, "/api/trainings", b"{" * 70_000)[0] == 400
    assert complaint(page, "/api/check", {"values": 3}).startswith("values:")


def test_a_second_page_on_the_same_folder_is_refused(page: SamplerPage, tmp_path: Path) -> None:
    with pytest.raises(SamplerError, match="another page is open on this folder"):
        SamplerPage(page.trainings.runs, tmp_path, port=0)
    with pytest.raises(WebError, match=f"--port {page.port}: .*; 0 takes any port"):
        SamplerPage(tmp_path / "other", tmp_path, port=page.port)


def test_the_command_serves_until_ctrl_c_and_tells_of_a_port_that_is_taken(
    page: SamplerPage, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-P",
        "-c",
        "import sys; from engine.cli import main; sys.exit(main())",
    ]
    command += ["sampler", "page", "--runs", str(tmp_path / "others"), "--port"]
    taken = subprocess.run([*command, str(page.port)], capture_output=True, text=True, timeout=60)
    assert taken.returncode != 0 and taken.stdout == ""
    assert "Traceback" not in taken.stderr and f"--port {page.port}:" in taken.stderr
    with subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, text=True) as served:
        try:
            assert served.stdout is not None
            assert served.stdout.readline().startswith("http://127.0.0.1:")
            served.send_signal(signal.SIGINT)
            assert served.wait(30) == 0
        finally:
            served.kill()


def test_growing_lines_are_read_once_and_a_replaced_file_anew(tmp_path: Path) -> None:
    path, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    tail = Tail(path)
    assert tail.read() == []
    path.write_text('{"a": 1}\n{"a": ')
    assert tail.read() == [{"a": 1}]
    with path.open("a") as file:
        file.write('2}\nbroken\n{"a": 3}\n')
    assert [row["a"] for row in tail.read()] == [1, 2, 3] and tail.epoch == 0
    other.write_text('{"a": 9}\n')
    os.replace(other, path)
    assert tail.read() == [{"a": 9}] and tail.epoch == 1


def test_one_runs_at_a_time_and_stop_kill_and_resume_leave_nothing_lost(
    page: SamplerPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainings, "_started", apprentice)
    for name in ("a", "b"):
        told(page, "/api/trainings", {"values": FORM, "name": name})
    assert wait_for(lambda: state(page, "a") == "running") and state(page, "b") == "waiting"
    assert "stop it first" in complaint(page, "/api/trainings/a/resume", {})
    told(page, "/api/trainings/a/stop", {})
    assert wait_for(lambda: state(page, "a") == "stopped")
    assert wait_for(lambda: state(page, "b") == "running")
    told(page, "/api/trainings/a/resume", {"minutes": "7"})
    assert state(page, "a") == "waiting"
    assert read_job(page.trainings.runs / "a" / "job.json").minutes == 7.0
    os.kill(Note.read(page.trainings.runs / "b").pid, signal.SIGKILL)
    assert wait_for(lambda: state(page, "b") == "broken")
    assert wait_for(lambda: state(page, "a") == "running")
    told(page, "/api/trainings/b/resume", {})
    told(page, "/api/trainings/a/stop", {})
    assert wait_for(lambda: state(page, "b") == "running")
    told(page, "/api/trainings/b/stop", {})
    assert wait_for(lambda: state(page, "b") == "stopped")
    told(page, "/api/trainings/b/resume", {})  # at once: its process has not ended yet
    assert wait_for(lambda: state(page, "b") == "running", 20.0)
    told(page, "/api/trainings/b/stop", {})
    assert wait_for(lambda: state(page, "b") == "stopped")
    assert "holds a training" in complaint(page, "/api/trainings/b/remove", {})
    assert "minutes = soon is not" in complaint(
        page, "/api/trainings/b/resume", {"minutes": "soon"}
    )


def test_a_process_that_cannot_begin_is_told_of(
    page: SamplerPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    monkeypatch.setattr(trainings, "_started", fails)
    told(page, "/api/trainings", {"values": FORM, "name": "a"})
    assert wait_for(lambda: state(page, "a") == "failed")
    assert "could not be started (status 3)" in told(page, "/api/trainings/a")["error"]


def test_a_real_training_runs_apart_outlives_the_page_and_survives_a_kill(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("librosa")
    with page_in(tmp_path) as page:
        runs = page.trainings.runs
        told(page, "/api/trainings", {"values": FORM, "name": "a"})
        shown: Any = {}

        def learns() -> bool:
            shown.update(told(page, "/api/trainings/a"))
            return shown["state"] == "running" and shown["rows"] > 0

        assert wait_for(learns), shown
        assert shown["loss"] > 0 and shown["resumable"]
        page.close()
        later = SamplerPage(runs, tmp_path, port=0)  # one that is opened later
        later.start()
        try:
            assert state(later, "a") == "running"
            os.kill(Note.read(runs / "a").pid, signal.SIGKILL)
            assert wait_for(lambda: state(later, "a") == "broken")
            assert told(later, "/api/trainings/a")["resumable"]
        finally:
            later.close()
