"""The page of jobs: beside the rack's page, or alone; what it may ask for and is answered.

Nothing from the network names a file: a job by its name among those that are there, a preview or a
model by its number.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.control.deploying import deploy
from engine.control.desk import Desk
from engine.control.web.door import Door
from engine.control.web.guard import Guard, Tokens
from engine.control.web.serving import KINDS, Entrance, bound, json_object, server
from engine.jobs import JobError, all_jobs, find, queue

PAGES = Path(__file__).parent / "jobpages"
PORT = 8472
LARGEST_JSON = 1 << 12
WITH_SOUND = "; media-src 'self'"
"""What the page adds to the content security policy."""
SOURCE = "web"
ANSWER_SECONDS = 4.0
"""A request is answered by then, before its connection is ended; what lasts is asked for again."""
DEPLOYS_KEPT = 16
Endpoint = Callable[[Request], Awaitable[Response]]


class JobAnswers:
    """The page and its answers under ``prefix``; ``desk`` is the rack that a model goes into."""

    def __init__(self, entrance: Entrance, prefix: str, desk: Desk | None) -> None:
        self._entrance, self._prefix, self._desk = entrance, prefix, desk
        self._files = {p.name: p.read_bytes() for p in PAGES.iterdir() if p.suffix in KINDS}
        self._deploys: dict[int, asyncio.Task[str]] = {}
        self._deploys_asked = 0

    def routes(self) -> Iterator[Route]:
        """All of it; each wants the token."""
        one = f"{self._prefix}/api/jobs/{{name}}"
        if self._prefix:
            yield Route(self._prefix, self._moved)
            yield Route(f"{self._prefix}/", self._allowed(self._page))
            yield from (
                Route(f"{self._prefix}/{n}", self._allowed(self._page)) for n in self._files
            )
        yield Route(f"{self._prefix}/api/jobs", self._allowed(self._all))
        yield Route(one, self._allowed(self._one))
        yield Route(f"{one}/preview/{{number:int}}", self._allowed(self._preview))
        for what in (self._stop, self._resume, self._deploy):
            path = f"{one}/{what.__name__.strip('_')}"
            yield Route(path, self._allowed(what, "play"), methods=["POST"])
        asked = f"{self._prefix}/api/deploys/{{number:int}}"
        yield Route(asked, self._allowed(self._deployed, "play"))

    def _allowed(self, endpoint: Endpoint, role: str = "") -> Endpoint:
        async def answered(request: Request) -> Response:
            found = self._entrance.role(request)
            if found is None:
                return self._entrance.refused()
            try:
                if role and found != role:
                    raise JobError("this page may only watch")
                return await endpoint(request)
            except (OSError, ValueError) as error:
                from engine.cli import complaint

                told = complaint(error)
                if told is None:
                    raise
                return self._json({"error": told}, 400)

        return answered

    async def _moved(self, _: Request) -> Response:
        return RedirectResponse(f"{self._prefix}/", 303, self._entrance.headers)

    async def _page(self, request: Request) -> Response:
        name = request.url.path.rpartition("/")[2] or "index.html"
        kind = KINDS[Path(name).suffix] + "; charset=utf-8"
        return Response(self._files[name], headers={**self._entrance.headers, "content-type": kind})

    async def _all(self, request: Request) -> Response:
        rows = [job.row() for job in await asyncio.to_thread(all_jobs)]
        may = self._entrance.role(request) == "play"
        rack = self._desk.rack.name if self._desk else ""
        return self._json({"jobs": rows, "rack": rack, "may": may})

    async def _one(self, request: Request) -> Response:
        job = await asyncio.to_thread(find, request.path_params["name"])
        return self._json(await asyncio.to_thread(job.details))

    async def _preview(self, request: Request) -> Response:
        job = await asyncio.to_thread(find, request.path_params["name"])
        previews = await asyncio.to_thread(job.all_previews)
        number = request.path_params["number"]
        if number >= len(previews):
            raise JobError(f"{job.name}: there are {len(previews)} previews, counted from 0")
        return FileResponse(previews[number][1], headers=self._entrance.headers)

    async def _stop(self, request: Request) -> Response:
        job = await asyncio.to_thread(find, request.path_params["name"])
        await asyncio.to_thread(job.stop)
        return self._json({})

    async def _resume(self, request: Request) -> Response:
        job = await asyncio.to_thread(find, request.path_params["name"])
        await asyncio.to_thread(queue.resume, job)
        return self._json({})

    async def _deploy(self, request: Request) -> Response:
        given = await json_object(request, LARGEST_JSON)
        job = await asyncio.to_thread(find, request.path_params["name"])
        number = given.get("model", len(job.models) - 1)
        if self._desk is None:
            raise JobError("nothing sounds here; taraf live --web has this page beside its rack")
        if type(number) is not int or not 0 <= number < len(job.models):
            raise JobError(f"{job.name}: there are {len(job.models)} models, counted from 0")
        if any(not task.done() for task in self._deploys.values()):
            raise JobError("a model is being put into the rack already; wait until it sounds")
        path, plays, _ = job.models[number]
        work = asyncio.to_thread(deploy, self._desk, path, plays, SOURCE)
        self._deploys_asked += 1
        self._deploys.pop(self._deploys_asked - DEPLOYS_KEPT, None)
        self._deploys[self._deploys_asked] = asyncio.create_task(work)
        return await self._told(self._deploys_asked)

    async def _deployed(self, request: Request) -> Response:
        return await self._told(request.path_params["number"])

    async def _told(self, number: int) -> Response:
        """What became of a deploy; its number, to ask with once more, if it takes long."""
        task = self._deploys.get(number)
        if task is None:
            raise JobError(f"deploy {number}: nothing is known of it")
        await asyncio.wait([task], timeout=ANSWER_SECONDS)
        return self._json({"preset": task.result()} if task.done() else {"deploying": number})

    def _json(self, told: dict[str, Any], status: int = 200) -> Response:
        headers = {**self._entrance.headers, "content-type": "application/json"}
        return Response(json.dumps(told), status, headers)


class JobsPage:
    """The page of jobs alone, on this machine.

    page = JobsPage()        # WebError if the port is taken
    page.start()
    print(page.url)
    page.close()
    """

    def __init__(self, port: int = PORT) -> None:
        self.tokens = Tokens()
        self._socket = bound("127.0.0.1", port)
        self.port = int(self._socket.getsockname()[1])
        entrance = Entrance(PAGES, f"taraf-jobs-{self.port}", self.tokens, False, more=WITH_SOUND)
        routes = [*entrance.routes(), *JobAnswers(entrance, "", None).routes()]
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        guard = Guard(app, self.port)
        self._server = server(guard, http=Door, ws="none", timeout_graceful_shutdown=1)
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="jobs-page", daemon=True)

    @property
    def url(self) -> str:
        """Where it is, with its token."""
        return f"http://127.0.0.1:{self.port}/?token={self.tokens.play}"

    def start(self) -> None:
        """Serve, until ``close``."""
        self._thread.start()

    def wait(self) -> None:
        """Wait until it is closed."""
        while not self._over.wait(0.5):
            pass

    def close(self) -> None:
        """Stop serving; jobs go on."""
        self._server.should_exit = True
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._socket.close()

    def _serve(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        finally:
            self._over.set()


__all__ = ["PORT", "WITH_SOUND", "JobAnswers", "JobsPage"]
