"""Who is let in, and what a hostile page, client or path can do: nothing, and the sound goes on."""

from __future__ import annotations

import http.client
import json
import random
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")

from control.web_stage import GAIN, Page, racks, stage, token_of, wait_for
from starlette.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engine.control.desk import Desk
from engine.control.web.door import MOST_WAITING
from engine.control.web.guard import Bucket, Guard, Tokens
from engine.control.web.server import MESSAGE_BYTES, Web
from engine.control.web.talk import MOST_PAGES


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Web]]:
    with stage(tmp_path_factory.mktemp("takes")) as both:
        yield both


@pytest.fixture(autouse=True)
def _the_sound_goes_on_untouched(shown: tuple[Desk, Web]) -> Iterator[None]:
    """After each test: blocks go on, nothing was late for it, no knob has moved."""
    desk, _ = shown
    before = desk.host.statistics()
    yield
    assert wait_for(lambda: desk.host.statistics()["blocks"] > before["blocks"])
    after = desk.host.statistics()
    for name in ("xruns", "mutes", "input_faults", "worker_misses", "lost"):
        assert after[name] == before[name] == 0
    assert desk.host.restarts == 0 and desk.host.rack == racks()[0][0] and desk.at == 0


def get(web: Web, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    """One request; headers that are not given are a browser's."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    own = {"Host": f"127.0.0.1:{web.port}", "Cookie": f"taraf-{web.port}={web.tokens.play}"}
    own.update({name.replace("_", "-"): value for name, value in headers.items()})
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in own.items():
        if value:
            connection.putheader(name, value)
    connection.endheaders()
    reply = connection.getresponse()
    found = reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    connection.close()
    return found


def refused(web: Web, **more: Any) -> int:
    """With which status a websocket is refused."""
    with pytest.raises(InvalidStatus) as caught, Page(web, **more):
        pass
    return int(caught.value.response.status_code)


def test_the_address_with_the_token_opens_the_page_and_leaves_no_token_behind(
    shown: tuple[Desk, Web],
) -> None:
    web = shown[1]
    status, headers, body = get(web, f"/?token={token_of(web.url)}", Cookie="")
    assert (status, headers["location"], body) == (303, "/", b"")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower()
    status, headers, body = get(web, "/", Cookie=cookie.partition(";")[0])
    assert status == 200 and b"<!doctype html>" in body and web.tokens.play.encode() not in body
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("token", ["", "x", "é" * 9, "%00", "A" * 32])
def test_without_the_token_there_is_nothing(shown: tuple[Desk, Web], token: str) -> None:
    web = shown[1]
    for path in ("/", "/main.js", "/page.css", "/index.html"):
        assert get(web, f"{path}?token={quote(token)}", Cookie="")[0] == 401
        assert get(web, path, Cookie=f"taraf-{web.port}={quote(token)}")[0] == 401
    assert refused(web, token=quote(token) or "none") == 403


@pytest.mark.parametrize(
    "origin", [None, "http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"]
)
def test_a_websocket_of_another_site_is_refused(shown: tuple[Desk, Web], origin: Any) -> None:
    assert refused(shown[1], origin=origin) == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:{port}",
        "192.168.0.7:{port}",
        "localhost:{port}@evil.example",
        "127.0.0.1:{port}:{port}",
        "",
    ],
)
def test_another_host_is_refused(shown: tuple[Desk, Web], host: str) -> None:
    web = shown[1]
    host = host.format(port=web.port)
    assert get(web, "/", Host=host)[0] in (400, 403)
    if host:
        assert get(web, "/", Host=host, Origin=f"http://{host}")[0] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_is_done_by_other_methods(shown: tuple[Desk, Web], method: str) -> None:
    web = shown[1]
    assert get(web, "/", method)[0] == 403
    assert get(web, "/", method, Origin="http://evil.example")[0] == 403
    assert get(web, "/", method, Origin=f"http://127.0.0.1:{web.port}")[0] == 405


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_to_the_page_but_not_read_it(
    shown: tuple[Desk, Web], site: str
) -> None:
    web = shown[1]
    assert get(web, "/main.js", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")[0] == 403
    assert get(web, "/", Sec_Fetch_Site=site, Sec_Fetch_Mode="cors")[0] == 403
    framed = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}
    assert get(web, "/", **framed)[0] == 403
    assert get(web, "/", **{**framed, "Sec_Fetch_Dest": "document"})[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..\\..\\server.py",
        "//etc/passwd",
        "/server.py",
        "/../server.py",
        "/pages/main.js",
        "/main.js/",
        "/main.js%00.html",
        "/main.js/../../server.py",
        "/index.html/../../guard.py",
        "/.git/config",
        "/presets/clean.toml",
        "http://evil.example/main.js",
        "file:///etc/passwd",
    ],
)
def test_no_path_reaches_a_file(shown: tuple[Desk, Web], path: str) -> None:
    status, _, body = get(shown[1], path)
    assert status in (400, 404) or (status == 200 and path.endswith("/main.js"))
    assert b"root:" not in body and b"import" not in body.replace(b"import {", b"")


def test_a_thousand_malformed_messages_are_refused_and_the_sound_goes_on(
    shown: tuple[Desk, Web],
) -> None:
    desk, web = shown
    rng = random.Random(5)
    known = ["place", "set", "nudge", "toggle", "reset", "select", "xy", "assign", "learn", "note"]
    odd: list[Any] = [
        None,
        True,
        -1,
        1e300,
        "x",
        "../../etc/passwd",
        [],
        {},
        "\0",
        10**30,
        GAIN * 9,
    ]
    wrong = ["NaN", "Infinity", "-1", "2", "1e999", '"1"']
    kinds = [
        lambda: rng.randbytes(rng.randrange(1, 200)),
        lambda: "".join(map(chr, (rng.randrange(1, 0xD000) for _ in range(rng.randrange(90))))),
        lambda: "[" * rng.randrange(1, 4000),
        lambda: json.dumps({"do": rng.choice(odd)}),
        lambda: json.dumps({"do": rng.choice(known), "address": rng.choice(odd)}),
        lambda: json.dumps({"do": "set", "address": GAIN, "value": rng.choice(odd[:2] + odd[3:])}),
        lambda: json.dumps({"do": rng.choice(known), **{k: rng.choice(odd) for k in "abxy"}})[:-1],
        lambda: f'{{"do": "place", "address": "{GAIN}", "position": {rng.choice(wrong)}}}',
    ]
    before, at, mistakes = desk.host.statistics(), time.monotonic(), web.counts["mistakes"]
    sent = closed = 0
    while sent < 1000:
        page = Page(web)
        try:
            while sent < 1000:
                page.socket.send(rng.choice(kinds)())
                sent += 1
                for _ in range(40):  # meters lie between the answers
                    found = page.socket.recv(timeout=10)
                    if isinstance(found, str) and "error" in json.loads(found):
                        break
        except ConnectionClosed:
            closed += 1
        page.close()
    after = desk.host.statistics()
    assert closed >= 5
    assert web.counts["mistakes"] - mistakes >= 1000 - closed  # one may be under way at each close
    assert after["frames"] - before["frames"] > 0.5 * 48000 * (time.monotonic() - at)
    with Page(web) as page:
        assert page.told("snapshot")["name"] == "One"


def test_a_message_too_long_closes_its_page_only(shown: tuple[Desk, Web]) -> None:
    web = shown[1]
    with Page(web) as page, Page(web) as other:
        page.told("snapshot")
        page.send("set", address="x" * MESSAGE_BYTES, value=0)
        with pytest.raises(ConnectionClosed):
            for _ in range(1000):
                page.socket.recv(timeout=5)
        assert other.told("snapshot")


def test_a_flood_is_dropped_counted_and_told(shown: tuple[Desk, Web]) -> None:
    _, web = shown
    dropped = web.counts["dropped"]
    with Page(web) as page, Page(web) as other:
        page.told("snapshot")
        other.told("snapshot")
        for _ in range(1500):
            page.send("seen")
        assert "500 commands a second" in page.told("error")
        assert web.counts["dropped"] > dropped
        assert "done" in other.ask("bypass", on=False)


def test_one_who_may_only_watch_sees_all_and_turns_nothing(shown: tuple[Desk, Web]) -> None:
    web = shown[1]
    with Page(web, token_of(web.watch_url)) as page:
        first = page.told("snapshot")
        assert first["name"] == "One"
        for do, more in (
            ("set", {"address": GAIN, "value": 0}),
            ("select", {"number": 1}),
            ("save", {"name": "x"}),
            ("record", {"on": True}),
            ("panic", {}),
            ("tempo", {"tempo_bpm": 99}),
            ("assign", {"across": "", "up": ""}),
        ):
            assert "only watch" in page.ask(do, **more)["error"]
        page.send("seen")
        assert isinstance(page.told("rows"), list)
    assert get(web, f"/?token={web.tokens.watch}", Cookie="")[0] == 303


def test_more_pages_than_there_is_room_for_are_refused(shown: tuple[Desk, Web]) -> None:
    web = shown[1]
    assert wait_for(lambda: web.pages == 0)
    pages = [Page(web) for _ in range(MOST_PAGES)]
    try:
        assert wait_for(lambda: web.pages == MOST_PAGES)
        assert refused(web) == 403
    finally:
        for page in pages:
            page.close()
    assert wait_for(lambda: web.pages == 0)


def waiting(web: Web, count: int) -> list[socket.socket]:
    """Connections that never say what they want."""
    where = ("127.0.0.1", web.port)
    return [socket.create_connection(where, timeout=10) for _ in range(count)]


def test_connections_that_say_nothing_keep_nobody_out(shown: tuple[Desk, Web]) -> None:
    web = shown[1]
    with Page(web) as page:
        page.told("snapshot")
        silent = waiting(web, MOST_WAITING + 40)
        assert get(web, "/")[0] == 200
        assert all(ended(one) for one in silent[:40])
        with Page(web) as other:
            assert other.told("snapshot") and page.told("rows")
        for one in silent:
            one.close()


def test_a_connection_that_is_slow_to_say_what_it_wants_ends(
    shown: tuple[Desk, Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.control.web.door.LONGEST_SECONDS", 0.2)
    with Page(shown[1]) as page:
        (slow,) = waiting(shown[1], 1)
        slow.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert ended(slow)
        slow.close()
        time.sleep(0.3)
        assert page.told("rows")  # a websocket stays


def ended(one: socket.socket) -> bool:
    """Whether the other side has hung up."""
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


def test_an_empty_token_does_not_take_the_cookie_away(shown: tuple[Desk, Web]) -> None:
    status, headers, _ = get(shown[1], "/?token=")
    assert status == 200 and "set-cookie" not in headers


def test_it_listens_on_this_machine_alone_unless_told(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    assert web._socket.getsockname()[0] == "127.0.0.1"
    wide = Web(desk, port=0, lan=True)
    try:
        assert wide._socket.getsockname()[0] == "0.0.0.0"
        assert token_of(wide.url) == wide.tokens.play != wide.tokens.watch
        lines = wide.qr().splitlines()
        assert len(lines) > 10 and len({len(line) for line in lines if line.strip()}) <= 2
    finally:
        wide.close()


def test_in_a_network_any_address_in_figures_is_a_host_and_no_foreign_name() -> None:
    guard = Guard(None, 8470, lan=True)  # type: ignore[arg-type]
    for host in ("192.168.1.5:8470", "10.0.0.1:8470", "[fe80::1]:8470", "localhost:8470"):
        assert guard.allows(Headers({"host": host, "origin": f"http://{host}"}), "WEBSOCKET")
    assert guard.allows(Headers({"host": f"{socket.gethostname()}.local:8470"}), "GET")
    for host in ("evil.example:8470", "192.168.1.5", "192.168.1.5:80", "1.2.3.4.evil.example:8470"):
        assert not guard.allows(Headers({"host": host, "origin": f"http://{host}"}), "WEBSOCKET")


def test_roles_are_told_apart_and_every_server_has_its_own_tokens() -> None:
    one, two = Tokens(), Tokens()
    assert one.role(one.play) == "play" and one.role(one.watch) == "watch"
    assert one.role(two.play) is None and one.role("") is None and one.role(None) is None
    assert len(one.play) >= 32


def test_a_bucket_gives_what_has_flowed_in() -> None:
    bucket = Bucket(10.0, 5.0)
    assert [bucket.take(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert [bucket.take(100.2) for _ in range(3)] == [True, True, False]
