"""What the page may ask for, and what it is answered. Paths from the network are only ever names.

Each answer is a file of the page, JSON, or a file of a training's folder. What is wrong with a
request is answered with status 400 and one line, which is the command line's.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from engine.cli import complaint
from engine.control.web.guard import Tokens
from engine.control.web.serving import Entrance, json_object
from engine.sampler.errors import SamplerError
from models.sampler.folder import BEST, JOB, PREVIEW_FOLDER, SOURCE
from models.sampler.page import form
from models.sampler.page.form import Checked
from models.sampler.page.sources import Sources
from models.sampler.page.trainings import Trainings
from models.sampler.page.view import View
from models.sampler.sound import to_learn
from models.sampler.values import VALUES

PAGES = Path(__file__).parent / "pages"
LARGEST_JSON = 1 << 16
REPORT, REPORT_SECONDS = "report.html", 600.0
WITH_SOUND = "default-src 'none'; img-src 'self' data:; media-src 'self' data:; "
REPORT_POLICY = WITH_SOUND + "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
DREAM = re.compile(r"step-[0-9]{1,20}\.wav")
Endpoint = Callable[[Request], Awaitable[Response]]


class Answers:
    """The answers of one page; ``app`` is it for a server."""

    def __init__(
        self, trainings: Trainings, sources: Sources, tokens: Tokens, port: int, lan: bool
    ) -> None:
        self._trainings, self._sources = trainings, sources
        cookie = f"taraf-sampler-{port}"  # cookies know no ports
        self._entrance = Entrance(
            PAGES, cookie, tokens, lan, roles=("play",), more="; media-src 'self'"
        )
        self._reports: dict[str, asyncio.Lock] = {}

    def app(self) -> Starlette:
        """All routes; each wants the token."""
        one = "/api/trainings/{name}"
        get: dict[str, Endpoint] = {
            "/api/form": self._form, "/api/sources": self._listed,
            "/api/trainings": self._all, one: self._one, f"{one}/{JOB}": self._job,
            f"{one}/{REPORT}": self._report, f"{one}/{SOURCE}": self._source,
            f"{one}/{BEST}": self._model, f"{one}/{PREVIEW_FOLDER}/{{file}}": self._dream,
        }  # fmt: skip
        post: dict[str, Endpoint] = {
            "/api/check": self._check, "/api/sources": self._upload, "/api/trainings": self._add,
            f"{one}/stop": self._stop, f"{one}/resume": self._resume, f"{one}/remove": self._remove,
        }  # fmt: skip
        routes = [*self._entrance.routes()]
        routes += [Route(path, self._allowed(end)) for path, end in get.items()]
        routes += [Route(path, self._allowed(end), methods=["POST"]) for path, end in post.items()]
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        return app

    def _allowed(self, endpoint: Endpoint) -> Endpoint:
        async def answered(request: Request) -> Response:
            if self._entrance.role(request) is None:
                return self._entrance.refused()
            try:
                return await endpoint(request)
            except (OSError, ValueError) as error:
                told = complaint(error)
                if told is None:
                    raise
                return self._json({"error": told}, 400)

        return answered

    # --- the form

    async def _form(self, _: Request) -> Response:
        told = form.described()
        told |= {"folder": str(self._sources.folder), "runs": str(self._trainings.runs)}
        return self._json(told)

    async def _listed(self, _: Request) -> Response:
        return self._json({"sources": await asyncio.to_thread(self._sources.listed)})

    async def _upload(self, request: Request) -> Response:
        name = request.query_params.get("name", "")
        return self._json({"source": await self._sources.upload(name, request.stream())})

    async def _check(self, request: Request) -> Response:
        checked = self._checked(await json_object(request, LARGEST_JSON))
        name = self._trainings.free_name(checked.job) if checked.job is not None else ""
        return self._json(
            {"errors": checked.errors, "error": checked.error, "usual": checked.usual, "name": name}
        )

    def _checked(self, given: dict[str, Any]) -> Checked:
        """What was typed, with the recording's name made a path."""
        values = given.get("values")
        if not isinstance(values, dict):
            raise SamplerError("values: an object of texts is wanted")
        values, told = dict(values), ""
        source = values.pop(form.SOURCE, "")
        if isinstance(source, str) and source.strip():
            try:
                values[form.SOURCE] = str(self._sources.path(source))
            except SamplerError as error:
                told = str(error)
        checked = form.check(values)
        if told:
            checked.errors[form.SOURCE] = told
        return checked

    async def _add(self, request: Request) -> Response:
        given = await json_object(request, LARGEST_JSON)
        checked = self._checked(given)
        job = checked.wanted()
        if not job.source:
            raise SamplerError("source: no recording is given; a sound file is wanted")
        await asyncio.to_thread(to_learn, Path(job.source), job)  # too short, silent: told at once
        name = given.get("name", "")
        if not isinstance(name, str):
            raise SamplerError("name: a text is wanted")
        name = await asyncio.to_thread(self._trainings.add, job, name.strip(), checked.run)
        return self._json({"name": name})

    # --- trainings

    async def _all(self, _: Request) -> Response:
        return self._json({"trainings": await asyncio.to_thread(self._rows)})

    def _rows(self) -> list[dict[str, Any]]:
        rows = [view.row() for view in self._trainings.views()]
        return sorted(rows, key=lambda row: -row["asked"])

    async def _one(self, request: Request) -> Response:
        given = (_whole(request.query_params.get(name)) for name in ("epoch", "since"))
        return self._json(await asyncio.to_thread(self._view(request).details, *given))

    async def _stop(self, request: Request) -> Response:
        await asyncio.to_thread(self._trainings.stop, request.path_params["name"])
        return self._json({})

    async def _resume(self, request: Request) -> Response:
        given, changes = await json_object(request, LARGEST_JSON), dict[str, Any]()
        for name in ("minutes", "num_epochs"):
            text = str(given.get(name) or "").strip()
            if text:
                try:
                    changes[name] = VALUES[name].read(text)
                except (ValueError, OverflowError):
                    told = f"{name} = {text[:40]} is not {VALUES[name].allowed}"
                    raise SamplerError(told) from None
        await asyncio.to_thread(self._trainings.resume, request.path_params["name"], changes)
        return self._json({})

    async def _remove(self, request: Request) -> Response:
        await asyncio.to_thread(self._trainings.remove, request.path_params["name"])
        return self._json({})

    # --- files of a training

    async def _job(self, request: Request) -> Response:
        view = self._view(request)
        return self._sent(view.folder / JOB, f"{view.name}.json")

    async def _model(self, request: Request) -> Response:
        view = self._view(request)
        return self._sent(view.folder / BEST, f"{view.name}.npz")

    async def _source(self, request: Request) -> Response:
        return self._sent(self._view(request).folder / SOURCE)

    async def _dream(self, request: Request) -> Response:
        name = request.path_params["file"]
        if not DREAM.fullmatch(name):
            raise SamplerError(f"{name[:40]}: is no preview; step-00000120.wav is one")
        return self._sent(self._view(request).folder / PREVIEW_FOLDER / name)

    async def _report(self, request: Request) -> Response:
        view = self._view(request)
        async with self._reports.setdefault(view.name, asyncio.Lock()):
            await asyncio.to_thread(_report, view.folder)
        answer = self._sent(view.folder / REPORT)
        answer.headers["content-security-policy"] = REPORT_POLICY + "; frame-ancestors 'none'"
        return answer

    def _view(self, request: Request) -> View:
        return self._trainings.view(request.path_params["name"])

    def _sent(self, path: Path, called: str | None = None) -> Response:
        """A file, all or the part that is asked for; ``called`` makes a download of it."""
        if not path.is_file():
            raise SamplerError(f"{path.name}: is not there yet")
        return FileResponse(path, headers=self._entrance.headers, filename=called)

    def _json(self, told: dict[str, Any], status: int = 200) -> Response:
        headers = {**self._entrance.headers, "content-type": "application/json"}
        return Response(json.dumps(told), status, headers)


def _report(folder: Path) -> None:
    """Make the report, in a process of its own: it takes seconds and much memory."""
    command = [sys.executable, "-P", "-m", "models.sampler.page.work", "--report", str(folder)]
    try:
        made = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=REPORT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise SamplerError(f"{folder}: the report took more than {REPORT_SECONDS:g} s") from None
    if made.returncode:
        lines = made.stderr.strip().splitlines()
        raise SamplerError(lines[-1] if lines else f"{folder}: no report could be made")


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 12 else 0


__all__ = ["Answers"]
