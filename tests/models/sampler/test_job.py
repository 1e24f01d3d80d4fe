"""Jobs: what is derived, what is refused in one line, what is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sampler.errors import SamplerError
from models.sampler.asking import ask, changed
from models.sampler.job import PRESETS, TABLE_4_1, VALUES, Job, job_from, read_job, write_job

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
NAMES = st.sampled_from(sorted(VALUES)) | st.text(max_size=12)


def the_line(call: Any, *given: Any) -> str:
    with pytest.raises(SamplerError) as raised:
        call(*given)
    line = str(raised.value)
    assert line and "\n" not in line and len(line) < 1000
    return line


@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_whatever_is_given_it_is_a_job_or_one_line(values: dict[str, Any]) -> None:
    try:
        job = job_from(values, "x.json")
    except SamplerError as error:
        assert str(error).startswith("x.json: ") and "\n" not in str(error)
    else:
        assert job_from(job.as_json()) == job


@given(text=st.text(max_size=60) | st.binary(max_size=60))
def test_whatever_a_file_holds_it_is_a_job_or_one_line(
    text: str | bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("job") / "job.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    try:
        read_job(path)
    except SamplerError as error:
        assert str(path) in str(error) and "\n" not in str(error)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_a_file(name: str, tmp_path: Path) -> None:
    write_job(tmp_path / "job.json", PRESETS[name])
    assert read_job(tmp_path / "job.json") == PRESETS[name]


def test_a_truncated_file_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    write_job(path, PRESETS["column"])
    path.write_text(path.read_text()[:100])
    assert f"{path}: line " in the_line(read_job, path)


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    assert "did you mean num_layers?" in the_line(job_from, {"numlayers": 2}, "x.json")
    assert "did you mean int_cursor_inc?" in the_line(job_from, {"int_curser_inc": 2}, "x.json")


def test_a_wrong_type_names_what_was_given_and_what_is_allowed() -> None:
    line = the_line(job_from, {"seg_len": "1024"}, "x.json")
    assert line == 'x.json: seg_len = "1024" is not a whole number, 1 to 65536'
    assert "above 0" in the_line(job_from, {"lr": 0}, "x.json")
    assert "true or false" in the_line(job_from, {"use_fft": 1}, "x.json")


@pytest.mark.parametrize(
    "values",
    [
        {"approach": "vector", "label_shape": [1, 3000]},
        {"approach": "vector", "overlap": 600},
        {"approach": "column", "overlap": 1},
        {"approach": "column", "components": 1},
        {"approach": "vector", "components": 2000},
        {"approach": "vector", "components": 20, "start": "linear"},
        {"approach": "vector", "components": 20, "use_residual": True, "num_layers": 2},
        {"approach": "vector", "kicks_s": -1.0},
        {"approach": "vector", "seg_len": 16384, "components": 8},
        {"approach": "vector", "seg_len": 16, "label_shape": [1, 16], "loss": "heard",
         "rate": 22_050},
        {"approach": "vector", "label_offset": 3},
        {"approach": "column", "label_shape": [10, 4]},
        {"approach": "transpose", "int_cursor_inc": 1},
        {"approach": "transpose", "num_unrollings": 4096, "seg_len": 65_536},
        {"approach": "spectrum", "seg_len": 100},
        {"approach": "spectrum", "hop_size": 4096},
        {"approach": "spectrum", "window_size": 16},
        {"approach": "column", "use_fft": True},
        {"use_fft": True, "use_transpose": True},
        {"output_shape": [3, 3]},
        {"approach": "vector", "loss": "spread"},
        {"approach": "column", "loss": "heard"},
    ],
)  # fmt: skip
def test_shapes_that_cannot_be_are_refused(values: dict[str, Any]) -> None:
    assert the_line(job_from, values, "x.json").startswith("x.json: ")


def test_the_approach_follows_from_switches_and_shapes() -> None:
    assert job_from({"use_fft": True}).approach == "spectrum"
    assert job_from({"use_transpose": True}).approach == "transpose"
    assert job_from({"label_shape": [100, 1]}).approach == "column"
    assert job_from({}).approach == "vector"
    assert job_from({"approach": "spectrum"}).use_fft


def test_lengths_follow_each_other() -> None:
    job = job_from({"approach": "transpose", "seg_len": 64, "num_unrollings": 7})
    assert (job.int_cursor_inc, job.label_offset, job.label_shape) == (64, 448, (1, 1))
    padded = job_from({"approach": "spectrum", "window_size": 512, "zero_padding": True})
    assert (padded.seg_len, padded.label_shape) == (512, (100, 512))


def test_a_source_beside_its_job_is_found(tmp_path: Path) -> None:
    (tmp_path / "own.wav").write_bytes(b"RIFF")
    (tmp_path / "job.json").write_text(json.dumps({"source": "own.wav"}))
    assert read_job(tmp_path / "job.json").source == str(tmp_path / "own.wav")


def test_every_value_is_asked_for_with_its_default_until_it_is_right(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(b"RIFF")
    questions: list[str] = []
    told: list[str] = []
    wrong = {"source": ["nowhere.wav", str(source)], "approach": ["columns", "column"]}
    wrong |= {"lr": ["fast", "-1", "0.002"], "seg_len": ["64"]}

    def answer(question: str, usual: str) -> str:
        name = question.split(" ")[0]
        questions.append(name)
        return wrong[name].pop(0) if wrong.get(name) else usual

    job = ask(answer, told.append)
    assert isinstance(job, Job) and (job.approach, job.lr, job.seg_len) == ("column", 0.002, 64)
    assert job.label_offset == job.int_cursor_inc == 64
    assert set(TABLE_4_1) <= set(questions) and questions.count("lr") == 3
    assert any("nowhere.wav" in line for line in told)
    assert any("above 0, at most 1" in line for line in told)


def test_answers_that_do_not_fit_together_are_asked_again(tmp_path: Path) -> None:
    answers = {"hop_size": ["9000", "128"]}
    told: list[str] = []

    def answer(question: str, usual: str) -> str:
        left = answers.get(question.split(" ")[0])
        return left.pop(0) if left else usual

    source = tmp_path / "a.wav"
    source.write_bytes(b"RIFF")
    job = ask(answer, told.append, {"source": str(source), "approach": "spectrum"})
    assert job.hop_size == 128 and any("hop_size = 9000" in line for line in told)


def test_values_on_the_command_line_are_read_or_refused() -> None:
    found = changed({}, ["lr=0.1", "use_dropout=yes", "label_shape=[4, 1]"], "--set")
    assert found == {"lr": 0.1, "use_dropout": True, "label_shape": (4, 1)}
    assert "NAME=VALUE" in the_line(changed, {}, ["lr"], "--set")
    assert "did you mean lr?" in the_line(changed, {}, ["lrr=1"], "--set")
    assert "a whole number" in the_line(changed, {}, ["seg_len=many"], "--set")
