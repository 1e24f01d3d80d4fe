"""The listening test without a browser: the order, the sounds, the results, the command."""

from __future__ import annotations

import csv
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy")

from models.judging.abx import excerpts, results
from models.judging.abx.sitting import Sitting
from models.judging.errors import JudgeError

RATE = 16_000
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a sound file: ``make("a.wav", sound, rate=16000)``."""

    def written(name: str, sound: Any, rate: int = RATE) -> Path:
        soundfile.write(tmp_path / name, sound, rate, subtype="FLOAT")
        return tmp_path / name

    return written


def noise(seconds: float = 3.0, seed: int = 0) -> Any:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def in_db(sound: Any) -> float:
    return float(10 * np.log10(np.mean(np.square(sound))))


def test_the_order_is_new_each_time_and_known_from_a_seed() -> None:
    orders = {tuple(trial.x for trial in Sitting(64, 3).trials) for _ in range(4)}
    assert len(orders) == 4
    assert Sitting(64, 3, 7).trials == Sitting(64, 3, 7).trials
    counts = sum(trial.x == "A" for trial in Sitting(200, 1, 7).trials)
    assert 70 < counts < 130


def test_every_excerpt_is_asked_before_one_comes_again() -> None:
    asked = [trial.excerpt for trial in Sitting(12, 4).trials]
    assert sorted(asked[:4]) == sorted(asked[4:8]) == sorted(asked[8:]) == [0, 1, 2, 3]


@pytest.mark.parametrize(("right", "p"), [(16, 0.5**16), (12, 0.038406), (8, 0.598190), (0, 1.0)])
def test_the_p_value_is_the_binomial_one(right: int, p: float) -> None:
    sitting = Sitting(16, 1)
    for number in range(16):
        x = sitting.trial.x
        sitting.answer(number, x if number < right else "AB".replace(x, ""))
    assert sitting.finished and sitting.correct == right
    assert sitting.p_value == pytest.approx(p, rel=1e-4)


def test_excerpts_are_as_loud_as_each_other_and_begin_together(make: Make) -> None:
    sound = noise()
    a = make("a.wav", sound)
    b = make("b.wav", 4.0 * np.tanh(np.concatenate([np.zeros(37), sound])))
    material = excerpts.material(str(a), str(b), 1.0)
    assert len(material.excerpts) == 3 and (material.a, material.b) == ("a.wav", "b.wav")
    for one in material.excerpts:
        assert abs(in_db(one.a) - in_db(one.b)) < excerpts.MATCHED_DB
        assert one.a.shape == one.b.shape == (RATE, 1)
        assert np.corrcoef(one.a[:, 0], one.b[:, 0])[0, 1] > 0.99
        assert np.abs(one.a).max() <= 1.0 and np.abs(one.b).max() <= 1.0


def test_a_file_of_another_rate_or_in_stereo_is_made_to_fit(make: Make) -> None:
    sound = noise()
    a = make("a.wav", np.tanh(3 * sound))
    b = make("b.wav", np.stack([np.repeat(sound, 2)] * 2, axis=1), 2 * RATE)
    material = excerpts.material(str(a), str(b), 1.0)
    assert material.sample_rate == RATE
    assert material.excerpts[0].a.shape == material.excerpts[0].b.shape == (RATE, 1)


def test_two_files_of_one_sound_differ_in_bytes_and_not_in_length() -> None:
    sound, rng = noise(0.5)[:, None], np.random.default_rng(0)
    first, second = (excerpts.as_wav(sound, RATE, rng) for _ in range(2))
    assert len(first) == len(second) and first != second


def test_the_wav_files_hold_the_sound(tmp_path: Path) -> None:
    sound = noise(0.5)[:, None]
    (tmp_path / "x.wav").write_bytes(excerpts.as_wav(sound, RATE, np.random.default_rng(0)))
    read, rate = soundfile.read(tmp_path / "x.wav", always_2d=True)
    assert rate == RATE
    np.testing.assert_allclose(read, sound, atol=2.1 / 32768)


@pytest.mark.parametrize(
    ("a", "b", "seconds", "said"),
    [
        (noise(), noise(), 1.0, "are the same sound"),
        (noise(), 0 * noise(), 1.0, "every excerpt is silent"),
        (noise(0.1), noise(0.1, 1), 1.0, "shorter than 0.5 s"),
        (noise(), noise(3, 1), 0.1, "--seconds 0.1 is outside 0.5 to 30"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    make: Make, a: Any, b: Any, seconds: float, said: str
) -> None:
    with pytest.raises(JudgeError, match=said):
        excerpts.material(str(make("a.wav", a)), str(make("b.wav", b)), seconds)


def test_a_folder_that_is_missing_is_what_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="none: there is no such file or folder"):
        excerpts.material("fuzz", str(tmp_path / "none"), 1.0)


def test_a_model_that_makes_no_numbers_is_told_and_not_asked_about() -> None:
    broken = noise()[:, None]
    broken[20_000] = np.nan
    with pytest.raises(JudgeError, match=r"a sound is not finite after 1\.0 s"):
        excerpts.excerpts([(noise(3, 1)[:, None], broken)], RATE, 1.0)


def answered(count: int, of: int = 4) -> Sitting:
    sitting = Sitting(of, 1, 5)
    for number in range(count):
        sitting.answer(number, "A")
    sitting.stop()
    return sitting


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_results_are_added_whole_and_say_what_is_unfinished(tmp_path: Path) -> None:
    path = tmp_path / "abx.csv"
    results.append(path, "Ana", "a, b.wav", "=b.wav", answered(4))
    results.append(path, "Ben", "a.wav", "b.wav", answered(2))
    results.append(path, "Cem", "a.wav", "b.wav", answered(0))
    found = rows(path)
    assert [row["listener"] for row in found] == ["Ana"] * 4 + ["Ben"] * 2
    assert [row["state"] for row in found] == ["finished"] * 4 + ["unfinished"] * 2
    assert [row["trial"] for row in found] == ["1", "2", "3", "4", "1", "2"]
    assert found[0]["a"] == "a, b.wav" and found[0]["b"] == "'=b.wav" and found[0]["of"] == "4"
    for row, trial in zip(found[:4], Sitting(4, 1, 5).trials, strict=True):
        assert row["x"] == trial.x and row["answer"] == "A"
        assert row["correct"] == ("yes" if trial.x == "A" else "no")


def test_a_torn_last_line_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "abx.csv"
    path.write_text(",".join(results.COLUMNS) + "\nAna,2026")
    results.append(path, "Ben", "a", "b", answered(1))
    assert [row["listener"] for row in rows(path)] == ["Ana", "Ben"]


def test_a_file_of_something_else_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("one,two\n1,2\n")
    with pytest.raises(JudgeError, match=r"other\.csv: is no file of results"):
        results.check_file(path)
    with pytest.raises(JudgeError, match="cannot be written there"):
        results.check_file(tmp_path / "no" / "abx.csv")
    with pytest.raises(JudgeError, match="is no name"):
        results.check_listener("=cmd()")


COMMAND = """
import sys
from engine import cli
from models.commands.abx import abx
if "abx" not in [command.name for command in cli.app.registered_commands]:
    cli.app.command("abx")(abx)
sys.exit(cli.main(["abx", *sys.argv[1:]]))
"""


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments, "--no-open"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def answer(url: str, number: int) -> None:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    body = json.dumps({"number": number, "answer": "A"})
    connection.request("POST", f"/{path}answer", body, {"Origin": f"http://{host}"})
    assert connection.getresponse().read()
    connection.close()


def begun(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    found = re.search(r"http://\S+", line := process.stderr.readline())
    assert found, line
    return found[0]


def test_the_command_asks_writes_and_ends(make: Make, tmp_path: Path) -> None:
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    files = str(make("a.wav", noise())), str(make("b.wav", np.tanh(5 * noise())))
    path = tmp_path / "r.csv"
    process = command(*files, "--trials", "3", "--results", str(path), "--name", "Ana", "--json")
    url = begun(process)
    for number in range(3):
        answer(url, number)
    out, error = process.communicate(timeout=20)
    assert process.returncode == 0 and not error
    told = json.loads(out)
    assert told["finished"] and told["trials"] == 3 and told["listener"] == "Ana"
    assert told["correct"] == sum(row["correct"] == "yes" for row in rows(path))


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("ended", [signal.SIGINT, signal.SIGTERM])
def test_a_test_that_is_broken_off_keeps_its_answers(
    make: Make, tmp_path: Path, ended: signal.Signals
) -> None:
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    files = str(make("a.wav", noise())), str(make("b.wav", np.tanh(5 * noise())))
    path = tmp_path / "r.csv"
    process = command(*files, "--trials", "3", "--results", str(path))
    answer(begun(process), 0)
    process.send_signal(ended)
    out, error = process.communicate(timeout=20)
    assert process.returncode == 130 and not error
    assert out == f"ended after 1 of 3 trials; saved as unfinished in {path}\n"
    assert [row["state"] for row in rows(path)] == ["unfinished"]
