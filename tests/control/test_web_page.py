"""The page in a real browser: hands on it change the sound, and what it shows is what sounds."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
pytest.importorskip("selenium")

from browsing import SIZES, one, size
from control.web_stage import GAIN, FakeLearner, hands, opened, racks, ready, stage, wait_for

from engine.control.desk import Desk
from engine.control.web.server import Web

MIX = "a.delay.mix"


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Desk, Web]]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with stage(tmp_path / "takes") as both:
        yield both


@pytest.fixture
def page(browser: Any, shown: tuple[Desk, Web]) -> Iterator[Any]:
    with opened(browser, shown[1]) as seen:
        yield seen


def knob(browser: Any, address: str) -> Any:
    return one(browser, f"#rack [data-target='{address}'] [role=slider]")


def shows(browser: Any, address: str) -> str:
    return str(knob(browser, address).get_attribute("aria-valuetext"))


def output_db(desk: Desk) -> float:
    """The loudest that comes out at this moment."""
    return 20 * math.log10(max(float(desk.host.shared.control[0]["meters"][2]), 1e-9))


def test_a_knob_turned_by_mouse_changes_the_sound(page: Any, shown: tuple[Desk, Web]) -> None:
    desk = shown[0]
    assert wait_for(lambda: output_db(desk) > -40.0)
    handle = knob(page, GAIN)
    hands(page).click_and_hold(handle).move_by_offset(0, 60).move_by_offset(
        0, 60
    ).release().perform()
    assert wait_for(lambda: desk.value(GAIN) < -40.0)
    hands(page).click_and_hold(handle).move_by_offset(0, 250).release().perform()
    assert wait_for(lambda: desk.host.rack.value(GAIN) == -60.0)
    assert wait_for(lambda: output_db(desk) < -50.0)
    assert shows(page, GAIN) == "−60.0 dB"
    hands(page).double_click(handle).perform()  # back to where the preset was saved
    assert wait_for(lambda: desk.value(GAIN) == -6.0)
    assert wait_for(lambda: output_db(desk) > -40.0)
    assert wait_for(lambda: shows(page, GAIN) == "−6.0 dB")


def test_a_knob_is_turned_by_keys_finely_coarsely_and_to_its_ends(
    page: Any, shown: tuple[Desk, Web]
) -> None:
    from selenium.webdriver.common.keys import Keys

    desk, handle = shown[0], knob(page, GAIN)
    assert handle.get_attribute("aria-valuemin") == "-60"
    assert handle.get_attribute("aria-label") == "a gain gain"
    for keys, value in (
        (Keys.HOME, -60.0),
        (Keys.ARROW_UP, -59.04),
        (Keys.ARROW_DOWN, -60.0),
        (Keys.PAGE_UP, -50.4),
        (Keys.END, 36.0),
        (Keys.DELETE, -6.0),
    ):
        handle.send_keys(keys)
        assert wait_for(lambda v=value: desk.value(GAIN) == pytest.approx(v)), (keys, value)
    handle.send_keys(Keys.END)
    handle.send_keys(Keys.SHIFT, Keys.ARROW_DOWN)
    assert wait_for(lambda: desk.value(GAIN) == pytest.approx(36.0 - 0.096))


def test_a_value_is_typed(page: Any, shown: tuple[Desk, Web]) -> None:
    from selenium.webdriver.common.keys import Keys

    desk = shown[0]
    one(page, f"#rack [data-target='{GAIN}'] .value").click()
    one(page, ".typed").send_keys("-12,5", Keys.ENTER)
    assert wait_for(lambda: desk.value(GAIN) == -12.5)
    assert wait_for(lambda: shows(page, GAIN) == "−12.5 dB")
    knob(page, GAIN).send_keys(Keys.ENTER)
    one(page, ".typed").send_keys("nonsense", Keys.ENTER)
    knob(page, GAIN).send_keys(Keys.ENTER)
    one(page, ".typed").send_keys("7", Keys.ESCAPE)
    knob(page, GAIN).send_keys(Keys.ENTER)
    one(page, ".typed").send_keys("9999", Keys.ENTER)  # no further than the end
    assert wait_for(lambda: desk.value(GAIN) == 36.0)
    assert desk.slot.past[-1].value(GAIN) in (-6.0, -12.5)


def test_what_is_being_typed_stays_when_it_is_saved_and_goes_with_its_preset(
    page: Any, shown: tuple[Desk, Web]
) -> None:
    from selenium.webdriver.common.keys import Keys

    desk = shown[0]
    one(page, f"#rack [data-target='{GAIN}'] .value").click()
    one(page, ".typed").send_keys("-30")
    desk.save("Elsewhere", "midi")
    assert wait_for(lambda: "Elsewhere" in one(page, "#name").text)
    one(page, ".typed").send_keys(Keys.ENTER)
    assert wait_for(lambda: desk.value(GAIN) == -30.0)
    one(page, f"#rack [data-target='{GAIN}'] .value").click()
    one(page, ".typed").send_keys("-40")
    desk.select(1, "midi")  # it has a knob of that address, too
    assert wait_for(lambda: ready(page) == "1")
    one(page, "#tap").click()
    time.sleep(0.2)
    assert desk.value(GAIN) == -6.0


def test_a_tempo_that_is_refused_is_not_shown(page: Any, shown: tuple[Desk, Web]) -> None:
    from selenium.webdriver.common.keys import Keys

    field = one(page, "#bpm")
    field.click()
    field.send_keys("1000", Keys.ENTER)
    assert wait_for(lambda: "20 to 400" in one(page, "#said").text)
    assert field.get_attribute("value") == f"{shown[0].clock.tempo_bpm:g}"


def test_a_switch_and_another_surface_move_what_is_shown(
    page: Any, shown: tuple[Desk, Web]
) -> None:
    desk = shown[0]
    switch = one(page, "[data-target='a.gain.bypass'] [role=switch]")
    switch.click()
    assert wait_for(lambda: desk.value("a.gain.bypass") == 1.0)
    assert wait_for(lambda: switch.get_attribute("aria-checked") == "true")
    desk.set("a.gain.bypass", 0, "midi")
    assert wait_for(lambda: switch.get_attribute("aria-checked") == "false")
    desk.set(GAIN, 3.0, "osc")
    assert wait_for(lambda: shows(page, GAIN) == "3.0 dB")


def test_presets_are_switched_by_list_arrows_and_keys(page: Any, shown: tuple[Desk, Web]) -> None:
    from selenium.webdriver.common.keys import Keys

    desk = shown[0]
    one(page, "[data-target='action:select:2']").click()
    assert wait_for(lambda: desk.at == 2 and ready(page) == "2")
    assert "Three" in one(page, "#name").text
    assert one(page, "#presets [aria-current=true]").text.startswith("3")
    one(page, "#previous").click()
    assert wait_for(lambda: desk.at == 1 and ready(page) == "1")
    page.execute_script("document.activeElement.blur()")
    one(page, "body").send_keys(Keys.ARROW_LEFT)
    assert wait_for(lambda: desk.at == 0 and ready(page) == "0")


def test_a_preset_that_is_not_in_the_set_list_is_opened(page: Any, shown: tuple[Desk, Web]) -> None:
    desk = shown[0]
    page.execute_script("document.querySelector('#library').open = true")
    page.execute_script(
        "[...document.querySelectorAll('#library button')]"
        ".find(button => button.textContent === 'slap').click()"
    )
    assert wait_for(lambda: desk.rack.name == "Slap" and ready(page) == "3")
    assert one(page, "#presets [aria-current=true]").text.startswith("4")


def test_fingers_on_the_keyboard_are_notes(
    page: Any, shown: tuple[Desk, Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    monkeypatch.setattr(shown[0], "note", heard.append)
    assert not one(page, "#keys").is_displayed()  # no plugin of this rack plays notes
    page.execute_script("document.querySelector('#keys').hidden = false")
    hands(page).click_and_hold(one(page, "[data-note='52']")).perform()
    assert wait_for(lambda: len(heard) == 1)
    hands(page).move_to_element(one(page, "[data-note='55']")).release().perform()
    assert wait_for(lambda: len(heard) >= 4 and heard[-1][0] == 0x80)
    assert [one[1] for one in heard][:1] == [52] and heard[-1][1] == 55
    on = [one[1] for one in heard if one[0] == 0x90]
    assert sorted(on) == sorted(one[1] for one in heard if one[0] == 0x80)


def test_a_control_and_an_action_are_learnt_shown_and_forgotten(
    page: Any, shown: tuple[Desk, Web]
) -> None:
    desk = shown[0]
    desk.learner = learner = FakeLearner(desk)
    page.refresh()
    assert wait_for(lambda: ready(page) == "0")
    for target, element in ((GAIN, knob(page, GAIN)), ("action:tap", one(page, "#tap"))):
        one(page, "#learn").click()
        before = desk.clock.tempo_bpm
        element.click()
        assert wait_for(lambda t=target: t in one(page, "#learning").text)
        learner.hears(target)
        assert wait_for(lambda: not one(page, "#learning").is_displayed())
        assert desk.clock.tempo_bpm == before and desk.value(GAIN) == -6.0
    mapped = one(page, f"#rack [data-target='{GAIN}']")
    assert mapped.get_attribute("data-mapped") == "cc 20 of any port · preset"
    page.execute_script("document.querySelector('#mappings button').click()")
    assert wait_for(lambda: GAIN not in learner.known)
    assert wait_for(lambda: mapped.get_attribute("data-mapped") is None)


def test_a_finger_on_the_pad_turns_two_knobs(page: Any, shown: tuple[Desk, Web]) -> None:
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select

    desk, field = shown[0], one(page, "#field")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", field)
    width, height = field.size["width"], field.size["height"]
    drag = hands(page).move_to_element(field).click_and_hold()
    drag.move_by_offset(int(0.25 * width), int(-0.25 * height)).release().perform()
    assert wait_for(lambda: desk.value(GAIN) == pytest.approx(12.0, abs=1.0))
    assert desk.value(MIX) == pytest.approx(0.75, abs=0.01)
    assert "dB" in field.get_attribute("aria-valuetext")
    assert wait_for(lambda: shows(page, MIX).startswith("0.7"))
    before = desk.value(GAIN)
    field.send_keys(Keys.ARROW_LEFT)
    assert wait_for(lambda: desk.value(GAIN) == pytest.approx(before - 0.02 * 96))
    Select(one(page, "#across")).select_by_value("a.delay.feedback")
    assert wait_for(lambda: desk.rack.xy == ("a.delay.feedback", MIX))
    field.send_keys(Keys.ARROW_DOWN)
    assert wait_for(lambda: desk.value(MIX) == pytest.approx(0.73, abs=0.01))


def test_a_take_is_recorded_from_the_page(page: Any, shown: tuple[Desk, Web]) -> None:
    desk, button = shown[0], one(page, "#record")
    button.click()
    assert wait_for(lambda: desk.recording)
    assert wait_for(lambda: button.text == "0:01")
    button.click()
    assert wait_for(lambda: not desk.recording)
    assert wait_for(lambda: "recorded" in one(page, "#said").text)
    assert button.get_attribute("aria-pressed") == "false"


def test_what_was_done_is_still_there_after_a_reload(page: Any, shown: tuple[Desk, Web]) -> None:
    desk = shown[0]
    desk.set(GAIN, -20.0)
    desk.clock.set(97.0)
    desk.bypass(True)
    page.refresh()
    assert wait_for(lambda: ready(page) == "0")
    assert shows(page, GAIN) == "−20.0 dB"
    assert one(page, "#bpm").get_attribute("value") == "97"
    assert one(page, "#bypass").get_attribute("aria-pressed") == "true"
    one(page, "#undo").click()
    assert wait_for(lambda: desk.value(GAIN) == -6.0)
    one(page, "#redo").click()
    assert wait_for(lambda: desk.value(GAIN) == -20.0)
    one(page, "#compare").click()
    assert wait_for(lambda: desk.value(GAIN) == -6.0)
    assert wait_for(lambda: one(page, "#compare").text == "A: saved")


def test_tempo_is_tapped_and_typed(page: Any, shown: tuple[Desk, Web]) -> None:
    from selenium.webdriver.common.keys import Keys

    desk, field = shown[0], one(page, "#bpm")
    field.click()
    field.send_keys("88.5", Keys.ENTER)
    assert wait_for(lambda: desk.clock.tempo_bpm == 88.5)
    tap = one(page, "#tap")
    for _ in range(3):
        tap.click()
        time.sleep(0.3)
    assert wait_for(lambda: desk.clock.tempo_bpm != 88.5)
    assert desk.clock.source == "tap"


def test_a_preset_is_saved_under_another_name(page: Any, shown: tuple[Desk, Web]) -> None:
    from selenium.webdriver.common.keys import Keys

    desk = shown[0]
    one(page, "#saveas").click()
    one(page, "#newname").send_keys("Mine now", Keys.ENTER)
    assert wait_for(lambda: desk.rack.name == "Mine now")
    assert wait_for(lambda: "Mine now" in one(page, "#name").text)
    assert desk.slot.path is not None and desk.slot.path.name == "mine-now.toml"
    desk.select(1)
    assert wait_for(lambda: ready(page) == "1")
    one(page, "#saveas").click()
    one(page, "#newname").send_keys("mine  NOW", Keys.ENTER)  # the file of the other
    assert one(page, "#dosave").text.startswith("Replace")
    assert desk.rack.name == "Two"
    one(page, "#dosave").click()
    assert wait_for(lambda: desk.rack.name == "mine NOW")


@pytest.mark.parametrize("name", list(SIZES))
def test_it_fits_the_screen_and_every_target_is_large_enough(
    page: Any, shown: tuple[Desk, Web], name: str
) -> None:
    size(page, name)
    page.refresh()
    assert wait_for(lambda: ready(page) == "0")
    views = ("rack", "presets", "pad", "tuner", "engine") if name != "laptop" else ("rack",)
    for view in views:
        if name != "laptop":
            one(page, f"nav [data-tab={view}]").click()
        for fold in page.execute_script("return [...document.querySelectorAll('.folded .fold')]"):
            if view == "rack":
                page.execute_script("arguments[0].click()", fold)
        wide = page.execute_script("return document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, view
        small = page.execute_script(
            "return [...document.querySelectorAll('button, input, select, [role=slider]')]"
            ".map(e => [e, e.getBoundingClientRect()])"
            ".filter(([e, r]) => r.width && (r.height < 43.5 || r.width < 30))"
            ".map(([e]) => e.outerHTML.slice(0, 90))"
        )
        assert small == [], view
        unnamed = page.execute_script(
            "return [...document.querySelectorAll('button, input, select, [role=slider]')]"
            ".filter(e => !(e.ariaLabel || e.textContent.trim() || e.closest('label')))"
            ".map(e => e.outerHTML.slice(0, 90))"
        )
        assert unnamed == [], view


def test_a_finger_turns_a_knob_too(page: Any, shown: tuple[Desk, Web]) -> None:
    size(page, "phone")
    page.refresh()
    assert wait_for(lambda: ready(page) == "0")
    page.execute_script("document.querySelector('article[aria-label=gain] .fold').click()")
    handle = knob(page, GAIN)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", handle)
    box = handle.rect
    x, y = (
        box["x"] + 30,
        page.execute_script("return arguments[0].getBoundingClientRect().top + 30", handle),
    )
    touch = [{"x": x, "y": y}]
    page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": touch})
    for k in range(1, 6):
        points = [{"x": x, "y": y + 20 * k}]
        move = {"type": "touchMove", "touchPoints": points}
        page.execute_cdp_cmd("Input.dispatchTouchEvent", move)
    page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert wait_for(lambda: shown[0].value(GAIN) < -40.0)


def test_a_second_finger_does_not_make_a_knob_jump(page: Any, shown: tuple[Desk, Web]) -> None:
    desk, handle = shown[0], knob(page, GAIN)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", handle)
    box = page.execute_script(
        "const {x, y} = arguments[0].getBoundingClientRect(); return {x: x + 8, y: y + 8}", handle
    )

    def touch(kind: str, *places: tuple[int, int]) -> None:
        points = [
            {"x": box["x"] + dx, "y": box["y"] + dy, "id": k} for k, (dx, dy) in enumerate(places)
        ]
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0, 0))
    touch("touchStart", (0, 0), (40, 40))
    for k in range(1, 9):
        touch("touchMove", (0, k), (40, 40 + k))
    touch("touchEnd")
    assert wait_for(lambda: desk.value(GAIN) < -6.5)
    assert desk.value(GAIN) == pytest.approx(-6.0 - 96.0 * 8 / 220, abs=2.5)


def test_one_who_may_only_watch_sees_it_move_and_cannot_turn(
    browser: Any, shown: tuple[Desk, Web]
) -> None:
    desk, web = shown
    size(browser, "laptop")
    browser.get(web.watch_url)
    assert wait_for(lambda: ready(browser) == "0")
    desk.set(GAIN, -30.0)
    assert wait_for(lambda: shows(browser, GAIN) == "−30.0 dB")
    knob(browser, GAIN).send_keys("\ue010")  # End
    one(browser, "[data-target='action:select:2']").click()
    assert wait_for(lambda: "only watch" in one(browser, "#said").text)
    assert desk.value(GAIN) == -30.0 and desk.at == 0
    browser.get("about:blank")


def test_a_lost_connection_is_told_and_found_again(page: Any, shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    web.close()
    assert wait_for(lambda: one(page, "#lost").is_displayed())
    again = Web(desk, web.port, tokens=web.tokens)
    again.start()
    try:
        assert wait_for(lambda: not one(page, "#lost").is_displayed())
        desk.set(GAIN, -33.0)
        assert wait_for(lambda: shows(page, GAIN) == "−33.0 dB")
    finally:
        again.close()
        page.get_log("browser")  # that the connection was refused for a while


def test_levels_the_lamp_and_the_tuner_move(page: Any, shown: tuple[Desk, Web]) -> None:
    seen: set[str] = set()

    def moved() -> bool:
        seen.add(page.execute_script("return document.querySelector('.level b').style.transform"))
        return len(seen) > 3

    assert wait_for(moved)
    assert wait_for(lambda: "Hz" in one(page, "#cents").text)
    assert wait_for(lambda: "lit" in (one(page, "#lamp").get_attribute("class") or ""))
    assert wait_for(lambda: "latency" in one(page, "#health").text)
    assert racks()[0][0].name in page.title
