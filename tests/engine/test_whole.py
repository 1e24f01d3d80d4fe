"""Files and folders are there whole, or as they were."""

import os

import pytest

from engine.whole import replace_folder, whole, write_text, write_whole


def test_what_is_written_takes_the_old_place(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, b"old")
    with whole(path) as part:
        part.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127])
def test_a_name_may_be_as_long_as_the_system_lets_it_be(tmp_path, name):
    write_whole(tmp_path / name, b"new")
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_byte_of_a_files_name_that_is_no_letter_stops_no_text(tmp_path):
    write_text(tmp_path / "page.html", "caf\udce9 \u266a")
    assert (tmp_path / "page.html").read_bytes() == "caf? \u266a".encode()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_halfway_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    write_whole(path, b"old")
    with pytest.raises(error), whole(path) as part:
        part.write_bytes(b"ne")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_system_refuses_is_an_error_that_says_why(tmp_path):
    (tmp_path / "folder").mkdir()
    told = {"folder": "Is a directory", "none/a": "No such file", "a\0b": "is no name of a file"}
    for name, why in told.items():
        with pytest.raises(OSError) as caught:
            write_whole(tmp_path / name, b"")
        assert why in str(caught.value.strerror)
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_folder_is_replaced_with_all_that_is_in_it(tmp_path):
    for name, file in (("fresh", "new"), ("there", "old")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("")
    replace_folder(tmp_path / "fresh", tmp_path / "there")
    assert [one.name for one in (tmp_path / "there").iterdir()] == ["new"]
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "fresh", tmp_path / "there")
    assert [one.name for one in tmp_path.rglob("*")] == ["there", "new"]


@pytest.mark.parametrize(
    ("call", "done", "left"), [(1, True, "old"), (2, False, "old"), (2, True, "new")]
)
def test_ctrl_c_while_a_folder_is_replaced_leaves_one_of_both(
    tmp_path, monkeypatch, call, done, left
):
    for name, file in (("fresh", "new"), ("there", "old")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("")
    calls, replace = [], os.replace

    def interrupted(*names):
        calls.append(names)
        if len(calls) != call or done:
            replace(*names)
        if len(calls) == call:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(tmp_path / "fresh", tmp_path / "there")
    assert [one.name for one in (tmp_path / "there").iterdir()] == [left]
