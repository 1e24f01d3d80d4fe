"""The panel of the pulse in a real browser: it shows what is heard, and its buttons are words."""

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
from control.pulse_stage import LED, install, sounding, uninstall
from control.web_stage import FakeLearner, opened, ready, served, wait_for

from engine.control import follower
from engine.control.desk import Desk
from engine.control.pulse import Pulse
from engine.control.web.server import Web
from engine.rack import Lane, Link, Rack

PLAIN = Rack("plain", lanes=(Lane("a", "left", (Link("gain", "gain"),)),))


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Desk, Web]]:
    """A rack that really leads, at 180 bpm."""
    install(tmp_path, monkeypatch)
    with sounding(LED.set("a.pulse.tempo_bpm", 180.0), PLAIN) as desk:
        pulse = Pulse(desk)
        pulse.start()
        try:
            with served(desk) as web:
                yield desk, web
        finally:
            pulse.close()
    uninstall()


@pytest.fixture
def page(browser: Any, shown: tuple[Desk, Web]) -> Iterator[Any]:
    with opened(browser, shown[1]) as seen:
        yield seen


COLOURS = """
const shown = document.querySelector("#pulse canvas");
const canvas = new OffscreenCanvas(shown.width, shown.height);
const pen = canvas.getContext("2d", { willReadFrequently: true });
pen.drawImage(shown, 0, 0);
const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
const tall = {};
for (let k = 0; k < data.length; k += 4) {
  if (data[k + 3] < 250) continue;
  const colour = [data[k], data[k + 1], data[k + 2]].join();
  const y = Math.floor(k / 4 / canvas.width);
  tall[colour] = Math.max(tall[colour] ?? 0, canvas.height - y);
}
return tall;
"""
ONSET, BEAT, FIRST = "170,176,183", "79,209,197", "255,180,84"


def test_the_strip_runs_and_the_tempo_is_shown(page: Any, shown: tuple[Desk, Web]) -> None:
    assert one(page, "#pulse").is_displayed()
    assert wait_for(lambda: one(page, "#pulse-tempo").text == "180.0")
    assert wait_for(lambda: one(page, "#pulse-place").text in ("1/4", "2/4", "3/4", "4/4"))
    assert wait_for(lambda: one(page, "#pulse-sure").get_attribute("aria-valuenow") == "80")

    def in_order() -> bool:  # in one picture: a moment later one of them may be drawn over
        tall = dict(page.execute_script(COLOURS))
        return {ONSET, BEAT, FIRST} <= tall.keys() and tall[FIRST] > tall[BEAT] > tall[ONSET]

    assert wait_for(in_order)


def test_a_bar_that_begins_elsewhere_draws_no_beat(page: Any, shown: tuple[Desk, Web]) -> None:
    kinds = page.execute_async_script("""
      const [places, done] = arguments;
      import("/pulse.js").then(({ Pulse }) => {
        const seen = new Pulse(document.querySelector("#pulse"), {});
        places.forEach((place, k) => {
          const frame = new Float32Array(19);
          [frame[13], frame[15], frame[16]] = [2, place, 4];
          seen.note(frame, 10 * k);
        });
        done(seen.marks.map(({ kind }) => kind));
      });
    """, [2.8, 3.1, 3.3, 1.3, 1.7, 2.02, 1.98, 2.1, 2.5, 2.9, 3.2, 3.6, 0.05, 2.05])  # fmt: skip
    assert kinds == ["beat", "beat", "beat", "first"]


def test_it_draws_thirty_times_a_second_at_most(page: Any, shown: tuple[Desk, Web]) -> None:
    page.execute_script("""
      window.cleared = 0;
      const pen = document.querySelector("#pulse canvas").getContext("2d");
      const clear = pen.clearRect.bind(pen);
      pen.clearRect = (...box) => { window.cleared += 1; clear(...box); };
      window.began = performance.now();
    """)
    assert wait_for(lambda: page.execute_script("return performance.now() - began > 2000"))
    count, ms = page.execute_script("return [cleared, performance.now() - began]")
    assert 0 < count <= 31 * ms / 1000 + 1


def test_buttons_and_keys_are_words_to_the_follower(page: Any, shown: tuple[Desk, Web]) -> None:
    desk = shown[0]
    one(page, "#pulse-half").click()
    assert wait_for(lambda: desk.value("a.pulse.octave") == 0.0)
    assert wait_for(lambda: one(page, "#pulse-tempo").text == "90.0")
    one(page, "#pulse-later").click()
    one(page, "#pulse-later").click()
    one(page, "#pulse-sooner").click()
    assert wait_for(lambda: desk.value("a.pulse.nudge_ms") == 5.0)
    one(page, "#pulse-hold").click()
    assert wait_for(lambda: follower.held(desk))
    assert wait_for(lambda: one(page, "#pulse-hold").get_attribute("aria-pressed") == "true")
    pressed: list[float] = []
    desk.listen(
        lambda news: (
            pressed.append(news.facts["value"])
            if news.facts.get("address") == "a.pulse.one"
            else None
        )
    )
    one(page, "#pulse-one").click()
    assert wait_for(lambda: pressed == [1.0, 0.0])
    page.execute_script("document.activeElement.blur()")
    one(page, "body").send_keys("f")
    assert wait_for(lambda: not follower.held(desk))
    one(page, "body").send_keys("dd")
    assert wait_for(lambda: desk.value("a.pulse.octave") == 2.0)
    taps: list[str] = []
    desk.clock.listen(lambda beat, source: taps.append(source))
    one(page, "#pulse-tap").click()
    assert wait_for(lambda: "tap" in taps)


def test_a_word_is_learnt_and_a_rack_without_a_leader_has_no_panel(
    page: Any, shown: tuple[Desk, Web]
) -> None:
    desk = shown[0]
    desk.learner = learner = FakeLearner(desk)
    page.refresh()
    assert wait_for(lambda: ready(page) == "0")
    heard: list[str] = []
    desk.listen(lambda news: heard.append(str(news.facts.get("target"))))
    one(page, "#learn").click()
    one(page, "#pulse-double").click()
    assert wait_for(lambda: "action:pulse:double" in heard)
    learner.hears("action:pulse:double")
    assert desk.value("a.pulse.octave") == 1.0
    assert wait_for(lambda: desk.ready == 2)
    desk.select(1)
    assert wait_for(lambda: ready(page) == "1")
    assert not one(page, "#pulse").is_displayed()
    one(page, "body").send_keys("h")
    desk.select(0)
    assert wait_for(lambda: one(page, "#pulse").is_displayed())
    assert desk.value("a.pulse.octave") == 1.0


@pytest.mark.parametrize("name", ["phone", "tablet"])
def test_it_fits_a_small_screen(page: Any, shown: tuple[Desk, Web], name: str) -> None:
    size(page, name)
    page.refresh()
    assert wait_for(lambda: ready(page) == "0")
    one(page, "nav [data-tab=pulse]").click()
    assert one(page, "#pulse canvas").is_displayed()
    assert page.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0
    small = page.execute_script(
        "return [...document.querySelectorAll('button')]"
        ".map(e => [e, e.getBoundingClientRect()])"
        ".filter(([e, r]) => r.width && (r.height < 43.5 || r.width < 30))"
        ".map(([e]) => e.outerHTML.slice(0, 90))"
    )
    assert small == []
