"""taraf models: a library on the command line."""

import contextlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from modelfiles import samples

from engine import library
from engine.cli import main

DATA = Path(__file__).parents[3] / "shared" / "data"


def run(*arguments):
    """Exit code, standard output and standard error of one command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["models", *map(str, arguments)])
    return code, out.getvalue(), err.getvalue()


def told(*arguments):
    """What a command says as JSON; it must go well."""
    code, out, err = run(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def linear(length, name, **metadata):
    said = {"name": name, "loudness": -10.0 - length, "gain": 0.5, **metadata}
    return {**samples.linear(length), "metadata": said}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with three models, and an empty library."""
    monkeypatch.setenv("TARAF_MODELS", str(tmp_path / "library"))
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "here"
    folder.mkdir()
    for length, name in ((3, "Cat"), (1, "Ape"), (2, "Bat")):
        samples.save(folder / f"{length}.nam", linear(length, name, gear_make=f"Zoo {4 - length}"))
    return folder


def test_adding_says_a_line_for_each_model_and_counts(here):
    code, out, err = run("add", here)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "added Ape: Linear 1, 48000 Hz, Zoo 3, loudness -11.0 dB"
    assert lines[-1] == "3 added"
    code, out, _ = run("add", here / "1.nam")
    assert (code, out) == (0, f"already there: Ape ({here / '1.nam'})\n")


def test_what_is_refused_is_a_line_and_exit_code_1(here):
    (here / "bad.nam").write_text("[]")
    code, out, err = run("add", here)
    assert code == 1
    assert err == f"refused: {here / 'bad.nam'}: holds a list of 0, a model is an object {{...}}\n"
    assert out.splitlines()[-1] == "3 added, 1 refused"
    assert run("add", here / "none.nam")[0] == 1


def test_adding_as_json_tells_the_same(here):
    with zipfile.ZipFile(here / "p.zip", "w") as archive:
        archive.write(here / "1.nam", "in/ape.nam")
        archive.writestr("in/bad.nam", "{}")
    code, out, err = run("add", here / "p.zip", here, "--json")
    assert (code, err) == (1, "")
    report = json.loads(out)
    assert [model["name"] for model in report["added"]] == ["Ape", "Bat", "Cat"]
    assert report["added"][0]["source"] == f"{here / 'p.zip'}: in/ape.nam"
    assert report["duplicates"] == [{"source": str(here / "1.nam"), "name": "Ape"}]
    assert report["refused"][0]["reason"].startswith("is no model that we know")


def test_ctrl_c_keeps_what_is_added_so_far(here, monkeypatch):
    real, done = library.adding._added, []

    def interrupted(*arguments):
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return real(*arguments)

    monkeypatch.setattr(library.adding, "_added", interrupted)
    code, out, err = run("add", here)
    assert (code, err) == (130, "stopped: 1 added\n")
    assert out.startswith("added Ape")
    assert [card.name for card in library.Library().cards()] == ["Ape"]
    assert [path.name for path in (here.parent / "library").glob(".adding*")] == []


def test_the_list_has_what_was_added_and_what_comes_with_taraf(here):
    run("add", here)
    models = told("list")["models"]
    origins = {model["name"]: model["origin"] for model in models}
    assert {origins[name] for name in ("Ape", "Bat", "Cat")} == {"yours"}
    assert origins["drive"] == "shipped"
    shown = run("list")[1]
    assert run()[1] == shown
    assert all(name in shown for name in origins)


@pytest.mark.parametrize(
    ("sort", "wanted"),
    [
        ("name", ["Ape", "Bat", "Cat"]),
        ("gear", ["Cat", "Bat", "Ape"]),
        ("cost", ["Ape", "Bat", "Cat"]),
        ("size", ["Ape", "Bat", "Cat"]),
        ("loudness", ["Ape", "Bat", "Cat"]),
        ("added", ["Ape", "Bat", "Cat"]),
    ],
)
def test_a_list_is_sorted(here, sort, wanted):
    run("add", here)
    models = told("list", "--sort", sort)["models"]
    assert [model["name"] for model in models if model["origin"] == "yours"] == wanted


def test_search_finds_by_all_words(here):
    run("add", here)
    assert [model["name"] for model in told("search", "zoo", "BAT")["models"]] == ["Bat"]
    assert [model["name"] for model in told("search", "shipped")["models"]] == [
        card.name for card in library.shipped()
    ]
    assert "no model" in run("search", "nothing")[1]


def test_info_tells_what_a_model_costs_here(here):
    run("add", here)
    data = told("info", "bat")
    assert (data["name"], data["loudness_db"], data["origin"]) == ("Bat", -12.0, "yours")
    assert data["here"]["block"] == 64
    wanted = data["here"]["microseconds"] * 48_000 / 64 / 1e6
    assert data["here"]["deadline_share"] == pytest.approx(wanted, abs=1e-4)
    assert data["here"]["memory_bytes"] > 0
    shown = run("info", "bat")[1]
    assert "of the time there is" in shown and "Zoo 2" in shown


def test_info_of_a_file_adds_nothing(here):
    path = samples.save(here / "knobs.json", samples.guitarml())
    data = told("info", path)
    assert (data["name"], data["origin"]) == ("knobs", "file")
    assert data["computed"] == ["loudness_db", "gain"]
    assert data["loudness_db"] == data["here"]["loudness_db"]
    assert [knob["name"] for knob in data["knobs"]] == ["knob1"]
    assert "0 to 1, 0.5 at first" in run("info", path)[1]
    assert library.Library().cards() == []


def test_info_doubts_a_loudness_that_cannot_be(here):
    document = {**samples.linear(1, bias=False), "weights": [1.0]}
    document["metadata"] = {"loudness": -40.0, "gain": 0.0}
    path = samples.save(here / "wrong.nam", document)
    assert told("info", path)["here"]["warnings"] == [
        "it is +25.0 dB from the loudness that its file states"
    ]


def test_info_of_what_comes_with_taraf_is_its_card_and_what_it_costs(here):
    data = told("info", "drive")
    assert data["origin"] == "shipped"
    assert data["about"] and data["weights"] > 1000
    assert data["here"]["deadline_share"] > 0
    assert "comes with taraf" in run("info", "drive")[1]


def test_removing_asks_first(here, monkeypatch):
    run("add", here)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run("remove", "Bat")[0] == 130
    assert library.find("Bat")
    assert run("remove", "bat", "--yes")[:2] == (0, "removed Bat\n")
    assert library.find("Bat") is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("info", "Appe"), "no model is called 'Appe'; near to it: Ape; see taraf models"),
        (("info", "none/x.nam"), "none/x.nam: no such file"),
        (("remove", "Appe"), "no model is called 'Appe'; near to it: Ape; see taraf models"),
        (("remove", "drive", "-y"), "drive comes with taraf"),
        (("list", "--sort", "taste"), "Invalid value for '--sort'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(here, arguments, said):
    run("add", here)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"taraf: {said}")
    assert err.count("\n") == 1


def test_a_library_that_cannot_be_written_is_one_line(here, monkeypatch):
    (here / "file").write_text("")
    monkeypatch.setenv("TARAF_MODELS", str(here / "file"))
    code, _, err = run("add", here / "1.nam")
    assert (code, err.count("\n")) == (2, 1)


def test_real_models_in_all_formats_are_added_with_their_levels(here):
    folder = DATA / "json_models" / "guitarml"
    if not folder.is_dir():
        pytest.skip("needs the models in ../shared/data")
    files = ["proteus_TS9_DriveKnob.json", "tsm1n3_ts9_48k_cond2.json"]
    models = told("add", *(folder / name for name in files), DATA / "nam" / "A2.nam")["added"]
    assert [len(model["knobs"]) for model in models] == [1, 2, 0]
    assert [model["sample_rate"] for model in models] == [44_100, 48_000, 48_000]
    assert [bool(model["computed"]) for model in models] == [True, True, False]
    assert all(-40 < model["loudness_db"] < 0 for model in models)
