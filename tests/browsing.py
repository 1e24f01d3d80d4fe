"""A headless browser for the pages that are written and served, and hands on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FLAGS = ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "mute-audio")
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "laptop": (1440, 900)}


@contextmanager
def chromium(*logs: str) -> Iterator[Any]:
    """A browser that keeps these logs; where it is not installed the test skips."""
    webdriver = pytest.importorskip("selenium.webdriver")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", dict.fromkeys(logs, "ALL"))
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield started
    finally:
        started.quit()


def size(browser: Any, name: str) -> None:
    """Make the window that of a phone, a tablet or a laptop."""
    width, height = SIZES[name]
    metrics = dict(width=width, height=height, deviceScaleFactor=1, mobile=name != "laptop")
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def one(browser: Any, css: str) -> Any:
    """The element of a selector."""
    from selenium.webdriver.common.by import By

    return browser.find_element(By.CSS_SELECTOR, css)


__all__ = ["SIZES", "chromium", "one", "size"]
