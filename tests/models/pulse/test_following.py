"""taraf pulse follow, as it is typed: what it prints and writes, and what it refuses."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from engine.cli import main

RATE = 22050
HEAVY = ("torch", "librosa", "scipy", "lightning", "mir_eval")
PERIOD, BEGIN, SECONDS = 0.5, 0.4, 20.0


def drums(seconds=SECONDS, rate=RATE, level=0.5):
    """A burst of noise at every beat of 120 bpm."""
    rng = np.random.default_rng(6)
    sound = 1e-4 * rng.standard_normal(round(seconds * rate))
    burst = rng.standard_normal(rate // 10) * np.exp(-np.arange(rate // 10) / (0.01 * rate))
    for beat in np.arange(BEGIN, seconds - 0.2, PERIOD):
        at = round(beat * rate)
        sound[at : at + len(burst)] += 0.25 * level * burst
    return sound.astype(np.float32)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("drums.wav", drums(), RATE)
    return tmp_path


def follow(capsys, *arguments):
    capsys.readouterr()
    code = main(["pulse", "follow", *map(str, arguments), "--network", "flux"])
    return code, capsys.readouterr()


def told(capsys, *arguments):
    code, out = follow(capsys, *arguments, "--json")
    assert code == 0, out.err
    return json.loads(out.out)


def rows():
    return np.genfromtxt("beats.csv", delimiter=",", names=True)


def test_the_tempo_of_a_steady_drummer_is_printed(capsys):
    code, out = follow(capsys, "drums.wav")
    assert code == 0
    assert "drums.wav" in out.out and "120" in out.out


def test_json_holds_what_the_table_shows(capsys):
    said = told(capsys, "drums.wav")["recordings"][0]
    assert said["file"] == "drums.wav"
    assert said["seconds"] == pytest.approx(SECONDS)
    assert said["tempo_bpm"]["p50"] == pytest.approx(120.0, abs=2.0)
    assert 0.0 <= said["confidence"] <= 1.0
    assert said["meter"] in (3, 4)


def test_beats_are_written_where_the_strokes_are(capsys):
    assert told(capsys, "drums.wav", "--beats", "beats.csv")["written"] == {"beats": "beats.csv"}
    late = rows()["seconds"][rows()["seconds"] > 5.0]
    assert len(late) >= 25
    off = (late - BEGIN + PERIOD / 2) % PERIOD - PERIOD / 2
    assert np.abs(off).max() < 0.07


def test_beats_are_numbered_within_their_bar(capsys):
    meter = told(capsys, "drums.wav", "--beats", "beats.csv")["recordings"][0]["meter"]
    places = rows()["beat_of_bar"]
    assert set(places) == set(range(1, meter + 1))
    assert set(np.diff(places[-8:])) == {1.0, 1.0 - meter}


def test_a_look_ahead_does_not_move_the_beats(capsys):
    told(capsys, "drums.wav", "--beats", "beats.csv")
    plain = rows()["seconds"]
    told(capsys, "drums.wav", "--beats", "beats.csv", "--look-ahead", 100)
    early = rows()["seconds"]
    middle = plain[(plain > 6.0) & (plain < 15.0)]
    nearest = np.abs(middle[:, None] - early).min(axis=1)
    assert nearest.max() < 0.02


def test_the_tempo_is_kept_in_the_range_that_was_given(capsys):
    said = told(capsys, "drums.wav", "--tempo-min", 50, "--tempo-max", 80)["recordings"][0]
    assert said["tempo_bpm"]["p50"] == pytest.approx(60.0, abs=2.0)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_the_click_stands_on_the_beats_beside_the_recording(capsys, channels, kind):
    soundfile.write("in.flac", np.tile(drums()[:, None], channels), 22050)
    told(capsys, "in.flac", "--click", f"out.{kind}", "--beats", "beats.csv")
    source = soundfile.read("in.flac", always_2d=True)[0]
    clicked, rate = soundfile.read(f"out.{kind}", always_2d=True)
    assert rate == RATE and clicked.shape == source.shape
    share = np.abs(clicked).max() / np.abs(source).max()
    assert share < 2.0
    added = np.abs(clicked - source).max(axis=1)
    for beat in rows()["seconds"][5:-1]:
        at = round(beat * rate)
        assert added[at : at + 400].max() > 0.02
        assert added[at - 1500 : at - 5].max() < 0.02


def test_a_recording_at_full_scale_does_not_clip_with_its_click(capsys):
    full = drums()
    soundfile.write("full.wav", full / np.abs(full).max(), RATE)
    told(capsys, "full.wav", "--click", "out.wav")
    assert np.abs(soundfile.read("out.wav")[0]).max() <= 1.0


def test_the_picture_is_a_png_with_and_without_a_reference(capsys):
    pytest.importorskip("mir_eval")
    told(capsys, "drums.wav", "--plot", "a.png")
    np.savetxt("truth.txt", np.arange(BEGIN, SECONDS, PERIOD))
    told(capsys, "drums.wav", "--plot", "b.png", "--reference", "truth.txt")
    for name in ("a.png", "b.png"):
        with open(name, "rb") as file:
            assert file.read(4) == b"\x89PNG"


def test_a_reference_tells_how_good_it_was(capsys):
    pytest.importorskip("mir_eval")
    np.savetxt("truth.txt", np.arange(BEGIN, SECONDS - 0.2, PERIOD), fmt="%.4f")
    scores = told(capsys, "drums.wav", "--reference", "truth.txt")["recordings"][0]["scores"]
    assert min(scores["f"], scores["cmlt"], scores["amlt"]) > 0.9
    code, out = follow(capsys, "drums.wav", "--reference", "truth.txt")
    assert code == 0 and "AMLt" in out.out


def test_what_was_written_is_a_reference_that_is_met(capsys):
    pytest.importorskip("mir_eval")
    told(capsys, "drums.wav", "--beats", "beats.csv")
    scores = told(capsys, "drums.wav", "--reference", "beats.csv")["recordings"][0]["scores"]
    assert scores == {"f": 1.0, "cmlt": 1.0, "amlt": 1.0}


def test_silence_has_no_beats_and_all_files_all_the_same(capsys):
    soundfile.write("still.wav", np.zeros(RATE * 6, np.float32), RATE)
    options = ("--beats", "beats.csv", "--click", "out.wav", "--plot", "a.png")
    said = told(capsys, "still.wav", *options)["recordings"][0]
    if said["beats"] == 0:
        assert said["tempo_bpm"] is None and said["meter"] is None
    assert said["confidence"] is None or said["confidence"] < 0.1
    assert follow(capsys, "still.wav")[0] == 0


def test_several_recordings_are_several_rows(capsys):
    soundfile.write("again.flac", drums(8.0), RATE)
    said = told(capsys, "drums.wav", "again.flac")["recordings"]
    assert [row["file"] for row in said] == ["drums.wav", "again.flac"]


def test_it_needs_nothing_of_what_training_needs(capsys, monkeypatch):
    for name in HEAVY:
        monkeypatch.setitem(sys.modules, name, None)
    assert told(capsys, "drums.wav", "--plot", "a.png", "--click", "c.wav")["recordings"]


def test_without_mir_eval_a_reference_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "mir_eval", None)
    np.savetxt("truth.txt", np.arange(0.0, 20.0, 0.5))
    code, out = follow(capsys, "drums.wav", "--reference", "truth.txt")
    assert code == 2 and "taraf[train]" in out.err


def test_the_group_of_commands_imports_nothing_heavy():
    heavy = (*HEAVY, "numba", "matplotlib", "soundfile")
    code = f"import sys, models.commands.pulse; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["none.wav"], "none.wav: there is no such file"),
        (["notes.txt"], "notes.txt: is not audio"),
        (["low.wav"], "4000 Hz is too low"),
        (["drums.wav", "--click", "drums.wav"], "is an input; it is not overwritten"),
        (["drums.wav", "--click", "out.doc"], "out.doc: .doc cannot be written"),
        (["drums.wav", "--plot", "out.jpg"], ".jpg is not .png"),
        (["drums.wav", "--beats", "no/beats.csv"], "there is no folder"),
        (["drums.wav", "--beats", "."], "is a folder"),
        (["drums.wav", "--click", "x.wav", "--beats", "x.wav"], "written for --beats, too"),
        (["drums.wav", "drums.wav", "--beats", "x"], "--beats is for one recording; 2 were given"),
        (["drums.wav", "--tempo-min", "200", "--tempo-max", "100"], "must be below --tempo-max"),
        (["drums.wav", "--reference", "none.txt"], "none.txt: No such file"),
        (["drums.wav", "--reference", "drums.wav"], "is no text"),
        (["drums.wav", "--reference", "notes.txt"], "line 2: 'b' is no time in seconds"),
        (["drums.wav", "--reference", "back.txt"], "line 2: 1 s is not after 2 s"),
        (["drums.wav", "--reference", "one.txt"], "has 1 beats"),
        (["drums.wav", "--reference", "headed.txt"], "has 1 beats"),
        (["drums.wav", "--reference", "early.txt"], "what is judged comes after 5 s"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_allowed(capsys, folder, arguments, complaint):
    if "early.txt" in arguments:
        pytest.importorskip("mir_eval")
    soundfile.write("low.wav", np.zeros(4000, np.float32), 4000)
    for name, text in {"notes": "a\nb\n", "back": "2\n1\n", "one": "# beats\n\n3.5\n",
                       "headed": "# beats\nseconds\n3.5\n", "early": "1\n2\n3\n",
                       }.items():  # fmt: skip
        (folder / f"{name}.txt").write_text(text)
    before = (folder / "drums.wav").read_bytes()
    code, out = follow(capsys, *arguments)
    assert code == 2
    assert complaint in out.err and len(out.err.strip().splitlines()) == 1
    assert (folder / "drums.wav").read_bytes() == before


def test_a_network_that_is_none_is_one_line(capsys, folder):
    (folder / "net.json").write_text("{}")
    for name, complaint in (("none.json", "no such file"), ("net.json", "is no pulse network")):
        assert main(["pulse", "follow", "drums.wav", "--network", name]) == 2
        assert complaint in capsys.readouterr().err
