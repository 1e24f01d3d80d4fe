"""Presets: any rack survives its file; a mistake is one line that says what is allowed."""

import keyword
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import catalogue, preset
from engine.params import Setting
from engine.plugin import PluginError
from engine.preset import PresetError
from engine.rack import SOURCES, STRIP_KNOBS, Lane, Link, Rack, Strip

MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WHERE = "a.toml"


def loadable():
    names = []
    for name in catalogue.entries():
        try:
            catalogue.find(name)
        except PluginError:
            continue
        names.append(name)
    return names


WORDS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8).filter(
    lambda word: word not in (*STRIP_KNOBS, "master")
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
NUMBERS = st.one_of(st.integers(-(1 << 60), 1 << 60), st.booleans(), st.floats(allow_nan=False))


def values(param):
    if param.choices:
        return st.integers(0, len(param.choices) - 1).map(float)
    return st.floats(param.minimum, param.maximum)


def choices(setting: Setting):
    if setting.kind == "count":
        return st.integers(setting.minimum, setting.maximum)
    if setting.kind == "choice":
        return st.sampled_from(setting.choices)
    return TEXTS.filter(lambda text: "\0" not in text)


@st.composite
def links(draw, name):
    use = draw(st.sampled_from(loadable()))
    plugin = catalogue.find(use)
    knobs = {key: values(param) for key, param in plugin.params.items()}
    told = {key: choices(setting) for key, setting in plugin.settings.items()}
    settings = draw(st.fixed_dictionaries({}, optional=told))
    try:
        plugin.declared(settings, Path("here"))
    except PluginError:
        settings = {}  # a file that is not there, and its parameters are not known
    return Link(use, name, draw(st.fixed_dictionaries({}, optional=knobs)), settings)


@st.composite
def chains(draw):
    names = draw(st.lists(WORDS, unique=True, max_size=4))
    return tuple(draw(links(name)) for name in names)


@st.composite
def racks(draw):
    knobs = {key: values(Strip.params[key]) for key in STRIP_KNOBS}
    lanes = tuple(
        Lane(
            name,
            draw(st.sampled_from(list(SOURCES))),
            draw(chains()),
            draw(st.fixed_dictionaries({}, optional=knobs)),
        )
        for name in draw(st.lists(WORDS, unique=True, min_size=1, max_size=3))
    )
    tempo_bpm = draw(st.floats(20.0, 400.0))
    return Rack(draw(TEXTS), draw(TEXTS), lanes, draw(chains()), Path("here"), tempo_bpm)


@given(rack=racks())
@MANY
def test_any_rack_survives_a_round_trip(rack):
    loaded = preset.parse(preset.dump(rack), WHERE, Path("here"))
    assert loaded.rack == rack
    assert loaded.warnings == ()


@given(rack=racks())
@MANY
def test_any_rack_survives_a_file(tmp_path, rack):
    path = tmp_path / WHERE
    path.write_text(preset.dump(rack), encoding="utf-8", newline="\n")
    assert preset.load(path).rack.lanes == rack.lanes


@given(name=WORDS, value=NUMBERS)
@MANY
def test_what_is_not_known_is_passed_over_with_a_warning(name, value):
    written = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    text = f'[[lane]]\n[[lane.plugin]]\nuse = "gain"\nx{name} = {written}\ngain_db = 3.0\n'
    loaded = preset.parse(text, WHERE)
    assert loaded.rack.lanes[0].chain[0].knobs == {"gain_db": 3.0}
    (warning,) = loaded.warnings
    told, _, near = warning.partition("; near to it: ")
    assert told == f"{WHERE}: lane lane1, plugin gain: 'x{name}' is not known here and is ignored"
    assert near in ("", "use", "name", *catalogue.find("gain").params)


def test_what_is_nearly_known_is_told_with_what_it_may_mean():
    (warning,) = preset.parse(LINK + "gain_bd = 3.0", WHERE).warnings
    assert warning.endswith("'gain_bd' is not known here and is ignored; near to it: gain_db")


def test_a_parameter_that_is_not_told_has_its_default():
    loaded = preset.parse('[[lane]]\n[[lane.plugin]]\nuse = "gain"\n', WHERE)
    assert loaded.rack.lanes[0].chain[0].knobs == {}
    assert loaded.warnings == ()


def test_two_plugins_of_one_kind_are_numbered():
    text = "[[lane]]\n" + '[[lane.plugin]]\nuse = "gain"\n' * 3
    names = [link.name for link in preset.parse(text, WHERE).rack.lanes[0].chain]
    assert names == ["gain", "gain2", "gain3"]


LINK = '[[lane]]\nname = "a"\n[[lane.plugin]]\nuse = "gain"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "there is no [[lane]]"),
        ("[[lane", "is not TOML"),
        ("lane = 3", "lane is not a list of tables; write [[lane]]"),
        ("[lane]", "lane is not a list of tables"),
        ("[[lane]]\n[lane.plugin]", "plugin is not a list of tables; write [[lane.plugin]]"),
        ("[[lane]]\n" * 17, "17 times [[lane]] is more than 16"),
        ('[[lane]]\nname = "A b"', "name = 'A b' is not a lower-case word"),
        ('[[lane]]\nname = "master"', "other than master"),
        ('[[lane]]\nname = "a"\n[[lane]]\nname = "a"', "two lanes are called 'a'"),
        ("[[lane]]\nname = 3", "name = 3 is not text"),
        ('[[lane]]\ninput = "both"', "input = 'both' is not one of left, right, mono"),
        ("[[lane]]\ngain_db = 13", "gain_db = 13 is outside -60 to 12 dB"),
        ("tempo_bpm = 1000\n[[lane]]", "tempo_bpm = 1000 is outside 20 to 400 bpm"),
        ("[[lane]]\n[[lane.plugin]]", "a plugin has no `use`"),
        ('[[lane]]\n[[lane.plugin]]\nuse = "harp"', "no plugin is called 'harp'; there are"),
        (LINK + "gain_db = 900", "lane a, plugin gain: gain_db = 900 is outside -60 to 36 dB"),
        (LINK + "gain_db = nan", "gain_db = nan is outside"),
        (LINK + "gain_db = inf", "gain_db = inf is outside"),
        (LINK + "gain_db = true", "gain_db true is not -60 to 36 dB"),
        (LINK + 'gain_db = "loud"', "gain_db 'loud' is not -60 to 36 dB"),
        (LINK + "gain_db = [1]", "gain_db [1] is not -60 to 36 dB"),
        (LINK + 'bypass = "maybe"', "bypass 'maybe' is not one of off, on"),
        (LINK + 'name = "pan"', "two plugins are called 'pan'"),
        (LINK + 'name = "Über"', "name = 'Über' is not a lower-case word"),
        (LINK + '[[lane.plugin]]\nuse = "eq"\nname = "gain"', "two plugins are called 'gain'"),
        (LINK + "gain_db = 1" + "0" * 500, "is outside -60 to 36 dB"),
        ("x = " + "[" * 5000, "is not TOML"),
    ],
)
def test_a_mistake_is_one_line_that_says_where_and_what_is_allowed(text, complaint):
    with pytest.raises(PresetError) as caught:
        preset.parse(text, WHERE)
    message = str(caught.value)
    assert message.startswith(f"{WHERE}: ")
    assert complaint in message
    assert "\n" not in message
    assert len(message) < 500


def check_line(message):
    assert message.startswith(f"{WHERE}: ")
    assert len(message.splitlines()) == 1


@given(text=st.one_of(TEXTS, racks().map(preset.dump)), cut=st.integers(0, 300), put=TEXTS)
@MANY
def test_any_text_is_a_rack_or_one_line(text, cut, put):
    broken = text[:cut] + put + text[cut:]
    try:
        assert preset.parse(broken, WHERE).rack.lanes
    except PresetError as error:
        check_line(str(error))


def test_what_is_not_a_text_file_is_refused(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.toml").write_text("#" * ((1 << 20) + 1))
    complaints = {
        "binary.toml": "is not text",
        "huge.toml": "more than 1 MiB",
        "none.toml": "No such file",
        ".": "is a folder",
    }
    for name, complaint in complaints.items():
        with pytest.raises(PresetError, match=complaint):
            preset.load(tmp_path / name)


def test_a_preset_is_found_by_name_or_by_path(tmp_path, monkeypatch):
    path = tmp_path / "mine.toml"
    path.write_text("[[lane]]\n")
    monkeypatch.setattr(preset, "user_folder", lambda: tmp_path)
    assert preset.find("mine") == path
    assert preset.find(str(path)) == path
    with pytest.raises(PresetError, match=r"no preset is called 'yours'; there are .*mine"):
        preset.find("yours")


def test_a_name_that_is_not_told_is_the_files():
    assert preset.parse("[[lane]]\n", "folder/Crunch.toml").rack.name == "Crunch"


@pytest.mark.parametrize("name", list(preset.names()))
def test_every_shipped_preset_loads_without_a_warning_and_says_what_it_is(name):
    loaded = preset.load(preset.names()[name])
    assert loaded.warnings == ()
    assert loaded.rack.about


def test_no_parameter_has_the_name_of_something_else():
    for name in loadable():
        plugin = catalogue.find(name)
        for key in (*plugin.params, *plugin.settings):
            assert key not in ("use", "name")
            assert not keyword.iskeyword(key)
        assert not set(plugin.params) & set(plugin.settings)


def test_midi_tables_of_any_form_read_back(tmp_path: Path) -> None:
    text = '[[lane]]\n[[midi]]\n"a key" = [1, {"b.c" = true}]\ncc = 20\n'
    rack = preset.parse(text, "x").rack
    assert preset.parse(preset.dump(rack), "x").rack.midi == rack.midi


def test_a_saved_preset_finds_the_files_beside_the_one_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "room.wav").write_bytes(b"")
    (tmp_path / "own.toml").write_text(
        '[[lane]]\n[[lane.plugin]]\nuse = "cabinet"\nir = "room.wav"\n'
    )
    path = preset.save(preset.load(tmp_path / "own.toml").rack)
    (link,) = preset.load(path).rack.lanes[0].chain
    assert (path.parent / str(link.settings["ir"])).samefile(tmp_path / "room.wav")
    assert preset.save(preset.load(path).rack) == path
    assert preset.load(path).rack.lanes[0].chain == (link,)
