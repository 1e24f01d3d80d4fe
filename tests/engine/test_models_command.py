"""taraf models: a library on the command line."""

import contextlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from modelfiles import samples
from rich.console import Console

from engine import library
from engine.cli import main
from engine.commands import doctor, model_drawing

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
    ape = "Linear 1, 48000 Hz, Zoo 3, loudness -11.0 dB"
    assert lines[0] == f"added Ape (from {here / '1.nam'}): {ape}"
    assert lines[-1] == "3 added"
    code, out, _ = run("add", here / "1.nam")
    assert (code, out) == (0, f"already there: Ape ({here / '1.nam'})\n")


def test_adding_says_which_name_a_model_got_and_info_where_it_came_from(here):
    run("add", here)
    (here / "b").mkdir()
    path = samples.save(here / "b" / "x.nam", linear(7, "ape"))
    said = run("add", path)[1]
    assert said.startswith(f"added ape 2 (from {path}; the name ape was taken): Linear 7")
    assert told("info", "ape 2")["came_from"] == str(path)
    assert f"came from\t{path}\n" in run("info", "ape 2")[1]


def test_a_file_that_cannot_be_read_does_not_keep_the_others_out(here, monkeypatch):
    real = Path.open

    def refuse(path, *arguments, **more):
        if path.name == "1.nam":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr("os.access", lambda path, mode: "1.nam" not in str(path))
    code, out, err = run("add", here / "2.nam", here / "1.nam")
    assert (code, err) == (1, f"refused: {here / '1.nam'}: Permission denied\n")
    assert out.startswith("added Bat")


def test_an_archive_in_an_archive_is_told_and_no_failure(here):
    with zipfile.ZipFile(here / "p.zip", "w") as archive:
        archive.write(here / "1.nam", "ape.nam")
        archive.writestr("in.zip", b"PK")
    code, out, err = run("add", here / "p.zip")
    assert (code, out.splitlines()[-1]) == (0, "1 added, 1 not opened")
    assert err.startswith(f"not opened: {here / 'p.zip'}: in.zip: an archive in an archive")
    assert told("add", here / "p.zip")["not_opened"][0]["source"].endswith("in.zip")


def test_what_is_refused_is_a_line_and_exit_code_1(here):
    (here / "bad.nam").write_text("[]")
    code, out, err = run("add", here)
    assert code == 1
    assert err == f"refused: {here / 'bad.nam'}: holds a list of 0, a model is an object {{...}}\n"
    assert out.splitlines()[-1] == "3 added, 1 refused"
    assert run("add", here / "none.nam")[0] == 1


def test_adding_as_json_tells_the_same(here):
    with zipfile.ZipFile(here.parent / "p.zip", "w") as archive:
        archive.write(here / "1.nam", "in/ape.nam")
        archive.writestr("in/bad.nam", "{}")
    code, out, err = run("add", here.parent / "p.zip", here, "--json")
    assert (code, err) == (1, "")
    report = json.loads(out)
    assert [model["name"] for model in report["added"]] == ["Ape", "Bat", "Cat"]
    assert report["added"][0]["source"] == f"{here.parent / 'p.zip'}: in/ape.nam"
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
    assert told("list") == told()


def test_a_list_that_nobody_looks_at_has_a_row_a_line(here):
    run("add", samples.save(here / "long.nam", linear(5, "A long name of many words " * 3)))
    measured = {**samples.linear(4), "metadata": {"name": "Dog"}}
    run("add", samples.save(here / "m.nam", measured))
    _, out, err = run("list")
    head, *rows = [line.split("\t") for line in out.splitlines()]
    assert head[3:6] == ["sample rate", "loudness", "mult-adds/sample"]
    assert len(rows) == 2 + len(library.shipped())
    assert {len(row) for row in rows} == {len(head)}
    (dog,) = (row for row in rows if row[0] == "Dog")
    assert dog[3] == "48000 Hz" and dog[4].endswith(" dB, measured") and dog[5] == "4"
    place = here.parent / "library"
    assert err == f"your library is {place}; TARAF_MODELS=FOLDER moves it\n"


@pytest.mark.parametrize("width", [30, 60, 80, 100, 200])
def test_a_list_on_a_terminal_breaks_no_cell(here, width):
    name = "Proteus-TS9-Overdrive-Full"
    run("add", samples.save(here / "long.nam", linear(5, name, gear_make="Word " * 8)))
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    model_drawing.models(console, library.Library().everything())
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    assert any(line.startswith(name) for line in lines)
    assert ("what it is" in lines[0]) == (width >= 120)
    assert ("sample rate" in lines[0]) == (width >= 60)


def test_the_list_says_what_it_wrote_and_what_cannot_be_used(here):
    run("add", here)
    place = here.parent / "library"
    samples.save(place / "Dog.nam", linear(4, "Dog"))
    (place / "bad.nam").write_text("[]")
    _, out, err = run("list")
    assert "\nDog\t" in out
    lines = err.splitlines()
    assert lines[0] == "wrote the card of Dog (from Dog.nam)"
    assert lines[1].startswith("cannot be used: bad.nam: holds a list of 0")
    assert told("list")["unusable"][0].startswith("bad.nam: ")
    assert told("list")["library"] == str(place)
    check = doctor._models()
    assert (check.state, len(check.more)) == ("warn", 1)
    assert check.found == f"4 in {place} (TARAF_MODELS=FOLDER moves it)"


def test_help_says_where_the_library_is(here):
    shown = "".join(run("--help")[1].split())
    assert str(here.parent / "library") in shown and "TARAF_MODELS=FOLDER" in shown


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
    assert run("search", "not", "here") == (1, "", "nothing matches 'not here'\n")
    assert run("search", "nothere", "--json")[0] == 1


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
    assert "gain\t0.50 (0 clean to 1 compressed)\n" in shown


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


def test_info_takes_an_exported_folder_like_a_file(here, monkeypatch):
    folder = library.shipped()[0].path
    monkeypatch.chdir(folder.parent.parent)
    for given in (folder, folder / "model.toml", folder / "model.json", Path("zoo") / folder.name):
        data = told("info", given)
        assert (data["name"], data["origin"]) == (folder.name, "folder")
        assert data["weights"] > 1000 and data["here"]["deadline_share"] > 0
    monkeypatch.chdir(folder)
    assert told("info", "./")["path"] == str(folder)
    (here / "empty").mkdir()
    assert run("info", here / "empty")[0] == 2


def test_info_goes_by_the_name_then_the_file_here_then_the_file_it_was(here, monkeypatch):
    run("add", here)
    monkeypatch.chdir(here)
    assert told("info", "1.nam")["origin"] == "file"
    monkeypatch.chdir(here.parent)
    assert told("info", "1.nam")["origin"] == "yours"
    assert told("info", "3")["name"] == "Cat"


def test_removing_asks_first_and_no_is_an_answer(here, monkeypatch):
    run("add", here)
    for answer in ("n\n", "", "\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        code, out, err = run("remove", "Bat")
        assert (code, out) == (0, "nothing removed\n")
        assert err.startswith("Delete Bat (")
    assert library.find("Bat")
    assert run("remove", "bat", "--yes")[:2] == (0, "removed Bat\n")
    assert library.find("Bat") is None


def test_ctrl_c_at_the_question_removes_nothing(here, monkeypatch):
    class Interrupted(io.StringIO):
        def readline(self, *_):
            raise KeyboardInterrupt

    run("add", here)
    monkeypatch.setattr("sys.stdin", Interrupted())
    assert run("remove", "Bat")[0] == 130
    assert library.find("Bat")


def test_several_are_removed_at_once_or_none_of_them(here, monkeypatch):
    run("add", here)
    assert run("remove", "Bat", "Dog", "-y")[0] == 2
    assert library.find("Bat")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, out, err = run("remove", "?AT", "cat", "--json")
    assert (code, json.loads(out)) == (0, {"removed": ["Bat", "Cat"]})
    assert "Delete these 2 models? [y/N]" in err
    assert told("remove", "ape", "-y") == {"removed": ["Ape"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("info", "Appe"), "no model is called 'Appe'; near to it: Ape"),
        (("info", "zoo"), "no model is called 'zoo'; near to it: Ape, Bat, Cat; see taraf models"),
        (("info", "none/x.nam"), "none/x.nam: no such file"),
        (("remove", "z*"), "no model of yours matches 'z*'"),
        (("--json", "list"), "Invalid value for '--json'"),
        (("remove", "Appe"), "no model is called 'Appe'; near to it: Ape"),
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
    wanted = f"taraf: the library {here / 'file'} is not a folder; set TARAF_MODELS to one\n"
    for command in (("add", here / "1.nam"), ("list",), ("info", "x"), ("search", "x"), ()):
        assert run(*command) == (2, "", wanted)
    assert doctor._models().state == "warn"


def test_real_models_in_all_formats_are_added_with_their_levels(here):
    folder = DATA / "json_models" / "guitarml"
    if not folder.is_dir():
        pytest.skip("needs the models in ../shared/data")
    files = ["proteus_TS9_DriveKnob.json", "tsm1n3_ts9_48k_cond2.json"]
    (here / "x.pt").write_bytes(bytes(9))
    assert "plays by its path" in run("info", here / "x.pt")[2]
    models = told("add", *(folder / name for name in files), DATA / "nam" / "A2.nam")["added"]
    assert [len(model["knobs"]) for model in models] == [1, 2, 0]
    assert [model["sample_rate"] for model in models] == [44_100, 48_000, 48_000]
    assert [bool(model["computed"]) for model in models] == [True, True, False]
    assert all(-40 < model["loudness_db"] < 0 for model in models)
