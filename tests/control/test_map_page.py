"""A plugin's own pad and its map in a real browser: fingers, keys, drops, on a phone too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
pytest.importorskip("selenium")

from browsing import one, size
from control.map_plugin import GONE, LANDS
from control.pulse_stage import Heard, install, sounding, uninstall
from control.web_stage import FakeLearner, Page, hands, opened, ready, served, wait_for

from engine.control.desk import Desk
from engine.control.web.server import Web
from engine.control.web.snapshot import snapshot
from engine.rack import Lane, Link, Rack

ENTRIES = "[taraf.plugins]\nlands = control.map_plugin:Lands\naims = control.map_plugin:Aims\n"
PAD = ".pad .field"
ENDS = (0, 3, 8, 11)
"""Where the four ends are at first."""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Plugins that are found here and by processes that are started."""
    install(tmp_path, monkeypatch, ENTRIES)
    yield tmp_path
    uninstall()


def racks(folder: Path) -> tuple[Rack, Rack]:
    return (
        Rack("lands", lanes=(Lane("a", "left", (Link("lands", "lands"),)),), folder=folder),
        Rack("aims", lanes=(Lane("a", "left", (Link("aims", "aims"),)),), folder=folder),
    )


@pytest.fixture
def shown(installed: Path) -> Iterator[tuple[Desk, Web]]:
    with sounding(*racks(installed)) as desk, served(desk) as web:
        yield desk, web


@pytest.fixture
def page(browser: Any, shown: tuple[Desk, Web]) -> Iterator[Any]:
    with opened(browser, shown[1]) as seen:
        yield seen


def at(desk: Desk, *names: str) -> list[float]:
    return [desk.value(f"a.lands.{name}") for name in names]


def box(page: Any, element: Any) -> dict[str, float]:
    return dict(
        page.execute_script(
            "const b = arguments[0].getBoundingClientRect();"
            "return {x: b.x, y: b.y, w: b.width, h: b.height}",
            element,
        )
    )


def dot(page: Any, number: int) -> tuple[float, float]:
    """The middle of a sound's dot in the window."""
    found = page.execute_script("return document.querySelectorAll('.map .dot')")[number]
    place = box(page, found)
    return place["x"] + place["w"] / 2, place["y"] + place["h"] / 2


def point(page: Any) -> tuple[float, float]:
    place = box(page, one(page, ".map .point"))
    return place["x"] + place["w"] / 2, place["y"] + place["h"] / 2


def between(page: Any, x: float, y: float, ends: tuple[int, ...]) -> tuple[float, ...]:
    """Where the morph of four sounds is shown."""
    a, b, c, d = (dot(page, number) for number in ends)
    return tuple(
        (1 - y) * ((1 - x) * a[k] + x * b[k]) + y * ((1 - x) * c[k] + x * d[k]) for k in (0, 1)
    )


def drag(page: Any, element: Any, to: tuple[float, float]) -> None:
    place = box(page, element)
    dx, dy = to[0] - place["x"] - place["w"] / 2, to[1] - place["y"] - place["h"] / 2
    hands(page).click_and_hold(element).move_by_offset(int(dx / 2), int(dy / 2)).move_by_offset(
        int(dx) - int(dx / 2), int(dy) - int(dy / 2)
    ).release().perform()


def end(page: Any, name: str) -> Any:
    return one(page, f".map [data-end={name}]")


def test_a_finger_on_the_pad_moves_both_and_the_map_shows_where(
    page: Any, shown: tuple[Desk, Web]
) -> None:
    desk, field = shown[0], one(page, PAD)
    width, height = field.size["width"], field.size["height"]
    drag_to = hands(page).move_to_element(field).click_and_hold()
    drag_to.move_by_offset(int(0.25 * width), int(-0.35 * height)).release().perform()
    assert wait_for(lambda: at(desk, "x", "y") == pytest.approx([0.75, 0.85], abs=0.01))
    assert wait_for(
        lambda: (
            point(page) == pytest.approx(between(page, *at(desk, "x", "y"), (0, 3, 8, 11)), abs=2)
        )
    )
    hands(page).move_to_element_with_offset(field, 20, 20).double_click().perform()
    assert wait_for(lambda: at(desk, "x", "y") == [0.5, 0.5])
    desk.undo()
    assert at(desk, "x", "y") != [0.5, 0.5]


def test_keys_move_it_and_it_follows_others(page: Any, shown: tuple[Desk, Web]) -> None:
    from selenium.webdriver.common.keys import Keys

    desk, field = shown[0], one(page, PAD)
    field.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_UP)
    assert wait_for(lambda: at(desk, "x", "y") == pytest.approx([0.04, 0.02]))
    field.send_keys(Keys.SHIFT, Keys.ARROW_LEFT)
    assert wait_for(lambda: at(desk, "x", "y") == pytest.approx([0.038, 0.02]))
    field.send_keys(Keys.DELETE)
    assert wait_for(lambda: at(desk, "x", "y") == [0.5, 0.5])
    desk.set("a.lands.x", 0.25, "midi")
    assert wait_for(lambda: "x 0.25" in field.get_attribute("aria-valuetext"))
    assert field.get_attribute("aria-label") == "a lands pad: x and y"
    wanted = between(page, 0.25, 0.5, ENDS)
    assert wait_for(lambda: point(page) == pytest.approx(wanted, abs=2))


def test_an_end_is_dropped_on_a_sound(page: Any, shown: tuple[Desk, Web]) -> None:
    desk, b = shown[0], end(page, "b")
    assert b.get_attribute("aria-valuetext") == "bowed 3, bowed"
    drag(page, b, dot(page, 6))
    assert wait_for(lambda: at(desk, "a", "b", "c", "d") == [0.0, 6.0, 8.0, 11.0])
    assert wait_for(lambda: b.get_attribute("aria-valuetext") == "blown 2, blown")
    assert wait_for(lambda: one(page, ".corner.at1").text == "blown 2")
    dots = page.execute_script("return document.querySelectorAll('.map .dot')")
    hands(page).move_to_element(dots[5]).click().perform()
    assert wait_for(lambda: at(desk, "b") == [5.0])  # a tap: the end that was touched last
    desk.set("a.lands.c", 2.0, "osc")
    assert wait_for(lambda: end(page, "c").get_attribute("aria-valuetext") == "bowed 2, bowed")
    desk.undo()
    assert wait_for(lambda: end(page, "c").get_attribute("aria-valuenow") == "8")


def test_an_end_goes_from_sound_to_sound_by_keys(page: Any, shown: tuple[Desk, Web]) -> None:
    from selenium.webdriver.common.keys import Keys

    desk, d = shown[0], end(page, "d")
    for key, number in (
        (Keys.ARROW_LEFT, 10), (Keys.PAGE_UP, 11), (Keys.HOME, 0), (Keys.PAGE_UP, 4),
        (Keys.ARROW_UP, 5), (Keys.END, 11), (Keys.ARROW_RIGHT, 11),
    ):  # fmt: skip
        d.send_keys(key)
        assert wait_for(lambda n=number: at(desk, "d") == [n]), (key, number)


def test_the_point_follows_what_the_plugin_reports(page: Any, shown: tuple[Desk, Web]) -> None:
    desk = shown[0]
    desk.set("a.lands.wheel", 1.0, "midi")
    assert wait_for(lambda: point(page) == pytest.approx(dot(page, 3), abs=2))
    assert "x 0.00" in one(page, PAD).get_attribute("aria-valuetext")
    desk.set("a.lands.y", 1.0, "midi")
    assert wait_for(lambda: point(page) == pytest.approx(dot(page, 11), abs=2))


def test_every_name_that_is_shown_stands_free(page: Any) -> None:
    boxes = page.execute_script(
        "return [...document.querySelectorAll('.map text[visibility=visible]')]"
        ".map(e => e.getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom])"
    )
    assert len(boxes) == len(LANDS)
    over = [
        (a, b) for k, a in enumerate(boxes) for b in boxes[:k]
        if a[0] < b[2] and b[0] < a[2] and a[1] + 2 < b[3] and b[1] + 2 < a[3]
    ]  # fmt: skip
    assert over == []


def test_an_end_is_learnt(page: Any, shown: tuple[Desk, Web]) -> None:
    desk = shown[0]
    desk.learner = FakeLearner(desk)
    page.refresh()
    assert wait_for(lambda: ready(page) == "0")
    heard: list[str] = []
    desk.listen(lambda news: heard.append(str(news.facts.get("target"))))
    one(page, "#learn").click()
    end(page, "a").click()
    assert wait_for(lambda: "a.lands.a" in heard)
    one(page, "#cancel").click()


def test_one_end_alone_has_a_map_and_a_file_that_has_gone_none(
    page: Any, shown: tuple[Desk, Web], installed: Path
) -> None:
    desk = shown[0]
    assert wait_for(lambda: desk.ready == 2)
    desk.select(1)
    assert wait_for(lambda: ready(page) == "1")
    assert page.execute_script("return document.querySelectorAll('.pad').length") == 0
    target = end(page, "target")
    assert target.get_attribute("aria-valuetext") == "no sound of the map"
    drag(page, target, dot(page, 9))
    assert wait_for(lambda: desk.value("a.aims.target") == 9.0)
    (installed / GONE).touch()
    desk.select(0)
    assert wait_for(lambda: ready(page) == "0")
    desk.select(1)
    assert wait_for(lambda: ready(page) == "1")
    assert page.execute_script("return document.querySelectorAll('.map').length") == 0
    assert one(page, "#rack [data-target='a.aims.target'] [role=slider]").is_displayed()


def test_a_finger_on_a_phone_does_both_and_it_fits(page: Any, shown: tuple[Desk, Web]) -> None:
    desk = shown[0]
    size(page, "phone")
    page.refresh()
    assert wait_for(lambda: ready(page) == "0")
    page.execute_script("document.querySelector('.folded .fold').click()")
    assert page.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0
    small = page.execute_script(
        "return [...document.querySelectorAll('.surface [role=slider]')]"
        ".map(e => e.getBoundingClientRect()).filter(r => r.height < 43.5 || r.width < 43.5).length"
    )
    assert small == 0
    field = one(page, PAD)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", field)
    place = box(page, field)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": x, "y": y} for x, y in points]
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    def spot(x: float, y: float) -> tuple[float, float]:
        return place["x"] + x * place["w"], place["y"] + (1 - y) * place["h"]

    touch("touchStart", spot(0.5, 0.5))
    touch("touchMove", spot(0.6, 0.6))
    touch("touchMove", spot(0.9, 0.2))
    touch("touchEnd")
    assert wait_for(lambda: at(desk, "x", "y") == pytest.approx([0.9, 0.2], abs=0.01))
    a = end(page, "a")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", a)
    start = box(page, a)
    touch("touchStart", (start["x"] + 22, start["y"] + 22))
    touch("touchMove", (start["x"] + 40, start["y"] + 5))
    touch("touchMove", dot(page, 7))
    touch("touchEnd")
    assert wait_for(lambda: at(desk, "a") == [7.0])


def test_who_only_watches_sees_it_and_cannot_move_it(browser: Any, shown: tuple[Desk, Web]) -> None:
    from selenium.webdriver.common.keys import Keys

    desk, web = shown
    size(browser, "laptop")
    browser.get(web.watch_url)
    assert wait_for(lambda: ready(browser) == "0")
    desk.set("a.lands.x", 0.75)
    assert wait_for(lambda: "x 0.75" in one(browser, PAD).get_attribute("aria-valuetext"))
    one(browser, PAD).send_keys(Keys.ARROW_UP)
    end(browser, "a").send_keys(Keys.END)
    assert desk.value("a.lands.y") == 0.0 and desk.value("a.lands.a") == 0.0
    browser.get("about:blank")


def test_a_page_is_told_where_sounds_lie(shown: tuple[Desk, Web]) -> None:
    with Page(shown[1]) as told:
        plugin = told.told("snapshot")["lanes"][0]["plugins"][0]
    assert plugin["xy"] == ["a.lands.x", "a.lands.y"]
    assert plugin["ends"] == [f"a.lands.{name}" for name in "abcd"]
    assert plugin["places"][5] == {
        "name": "blown_1", "family": "blown", "across": pytest.approx(1 / 3), "up": 0.5,
    }  # fmt: skip
    plain = snapshot(shown[0])["lanes"][0]["plugins"][0]
    assert plain == plugin


def test_the_instrument_shows_the_sounds_of_its_model(tmp_path: Path) -> None:
    from morph_tones import tones_file

    link = Link("morph", "morph", {}, {"model": str(tones_file(tmp_path))})
    shown = snapshot(Heard(Rack("keys", lanes=(Lane("a", "none", (link,)),))).desk)
    plugin = shown["lanes"][0]["plugins"][0]
    assert plugin["xy"] == ["a.morph.x", "a.morph.y"]
    assert plugin["ends"] == [f"a.morph.{name}" for name in "abcd"]
    assert [place["family"] for place in plugin["places"]] == ["flute", "flute", "mallet", "organ"]
    across = [place["across"] for place in plugin["places"]]
    assert min(across) == 0.0 and max(across) == 1.0
