"""The control API: HTTP on a Unix socket that only its owner may open. See docs/control-api.md."""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from sip_plugin.config.changes import Changes
from sip_plugin.planes.messages import OriginateAnswer
from sip_plugin.service.calls import Call
from sip_plugin.service.metrics import CONTENT_TYPE
from sip_plugin.service.problem import Problem
from sip_plugin.service.records import record
from sip_plugin.service.reload import NotReloaded
from sip_plugin.service.requests import MAX_BODY_BYTES, NewCall, faults
from sip_plugin.service.sip_link import NotAsked, SipLink
from sip_plugin.service.state import PluginState
from sip_plugin.service.watchers import TooManyWatchers, Watcher

_KEEPALIVE_SECS = 15.0
"""An idle stream says so: a reader that has gone is noticed, one that waits is reassured."""
_REPORT_SECS = 1.5
"""How long the stream of an ended call waits for its report."""
_FIRST_STATE_SECS = 1.0
_STALLED_SECS = 30.0
"""A reader that takes nothing for so long has its connection cut."""
_MAX_LISTED = 1000

# How a refusal by the SIP process reads in HTTP; any other code is 502, the far side's doing.
_HTTP_OF_SIP = {403: 403, 404: 404, 484: 400, 486: 429, 503: 503}

log = logging.getLogger(__name__)


class ControlApi:
    def __init__(
        self, state: PluginState, link: SipLink, reload: Callable[[], Awaitable[Changes]]
    ) -> None:
        """`reload` takes the configuration file over, or raises NotReloaded."""
        self._state = state
        self._reload = reload
        self._link = link
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        """The routes, without a socket."""
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_problems])
        app.add_routes(
            [
                web.post("/v1/calls", self._originate),
                web.get("/v1/calls", self._list_calls),
                web.get("/v1/calls/{sid}", self._show_call),
                web.delete("/v1/calls/{sid}", self._hang_up),
                web.post("/v1/calls/{sid}/hold", self._hold),
                web.post("/v1/calls/{sid}/resume", self._hold),
                web.get("/v1/calls/{sid}/events", self._stream_call, allow_head=False),
                web.get("/v1/events", self._stream_all, allow_head=False),
                web.post("/v1/reload", self._take_over),
                web.get("/v1/trunks", self._list_trunks),
                web.get("/v1/workers", self._list_workers),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
            ]
        )
        return app

    async def start(self, path: Path) -> None:
        """Listen on a Unix socket with mode 0600. Raises OSError."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, _private_socket(path)).start()

    async def close(self) -> None:
        self._state.watchers.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _originate(self, request: web.Request) -> web.Response:
        try:
            wanted = NewCall.model_validate_json(await request.read())
        except ValidationError as error:
            raise Problem(400, "bad request", faults(error), "See docs/control-api.md.") from None
        self._check_names(wanted)
        if self._state.draining:
            raise _draining(self._state)
        try:
            answer = await self._link.originate(
                wanted.number,
                wanted.agent,
                wanted.trunk or "",
                wanted.caller_id or "",
                wanted.headers,
            )
        except NotAsked as error:
            raise Problem(
                503,
                "not available",
                f"the call was not begun: {error}",
                "Try again shortly; GET /readyz and the log of sip-plugin run tell more.",
            ) from None
        if not answer.sid:
            raise _refused(answer, wanted.trunk)
        call = await self._call_begun(answer.sid)
        shown = call.summary() if call is not None else {"sid": answer.sid, "state": "dialing"}
        where = {"Location": f"/v1/calls/{answer.sid}"}
        return web.json_response(shown, status=201, headers=where)

    async def _call_begun(self, sid: str) -> Call | None:
        """The call, whose first state follows the answer closely."""
        if (call := self._state.calls.get(sid)) is None:
            with self._watching(sid) as watcher, contextlib.suppress(TimeoutError):
                await watcher.next(_FIRST_STATE_SECS)
            call = self._state.calls.get(sid)
        return call

    def _check_names(self, wanted: NewCall) -> None:
        config = self._state.config
        for kind, name, known in (
            ("agent", wanted.agent, config.agents),
            ("trunk", wanted.trunk, config.trunks),
        ):
            if name is not None and name not in known:
                raise Problem(
                    404,
                    f"unknown {kind}",
                    f'no {kind} is named "{name}"; configured: {", ".join(known) or "none"}',
                    f"Name one of these, or add [{kind}s.{name}] to the configuration.",
                )

    async def _list_calls(self, request: web.Request) -> web.Response:
        """Running calls and ended ones, newest first; `?state=` and `?limit=` choose."""
        limit = request.query.get("limit", "100")
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= _MAX_LISTED:
            raise Problem(400, "bad request", f"limit: a number from 1 to {_MAX_LISTED}")
        state = request.query.get("state")
        calls = [c for c in self._state.calls.newest_first() if state is None or c.state == state]
        return web.json_response({"calls": [call.summary() for call in calls[: int(limit)]]})

    async def _show_call(self, request: web.Request) -> web.Response:
        return web.json_response(self._call(request).details())

    async def _hang_up(self, request: web.Request) -> web.Response:
        call = self._call(request)
        if call.ended:
            return web.json_response(call.summary())
        try:
            self._link.hangup(call.sid)
        except NotAsked as error:
            raise Problem(503, "not available", f"the call was not hung up: {error}") from None
        return web.json_response(call.summary(), status=202)

    async def _hold(self, request: web.Request) -> web.Response:
        """Put the phone on hold, or take it back; `media_started` tells when it is done."""
        call = self._call(request)
        on = request.path.endswith("/hold")
        if call.state != "in_progress":
            raise Problem(409, "not in progress", f"the call is {call.state}")
        try:
            self._link.hold(call.sid, on)
        except NotAsked as error:
            raise Problem(503, "not available", f"nothing was changed: {error}") from None
        return web.json_response(call.summary(), status=202)

    async def _take_over(self, request: web.Request) -> web.Response:
        """The changed configuration file, for calls that begin from now on."""
        if self._state.draining:
            raise _draining(self._state)
        try:
            changes = await self._reload()
        except NotReloaded as error:
            raise Problem(
                409,
                "not reloaded",
                f"nothing was changed: {error}",
                "Correct the file and reload again, or restart the plugin.",
            ) from None
        return web.json_response({"changed": changes.live})

    async def _list_trunks(self, request: web.Request) -> web.Response:
        return web.json_response({"trunks": self._state.trunks()})

    async def _list_workers(self, request: web.Request) -> web.Response:
        sip, *workers = self._state.processes()
        return web.json_response({"sip": sip, "workers": workers})

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _readyz(self, request: web.Request) -> web.Response:
        reasons = self._state.not_ready()
        body = {"ready": not reasons, "reasons": reasons}
        return web.json_response(body, status=503 if reasons else 200)

    async def _metrics(self, request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE}
        return web.Response(body=self._state.exposition(), headers=headers)

    async def _stream_call(self, request: web.Request) -> web.StreamResponse:
        """What happened on one call so far, then what happens, until it has ended."""
        call = self._call(request)
        response = _new_stream()
        with self._watching(call.sid) as watcher:
            lines = list(call.lines)  # no await between this and the watcher: nothing is missed
            await response.prepare(request)
            for line in lines:
                await _write(request, response, line)
            ended_at = time.monotonic() if call.ended else None
            while not (call.ended and call.report and watcher.empty):
                timeout = _KEEPALIVE_SECS if ended_at is None else _REPORT_SECS
                try:
                    told = await watcher.next(timeout)
                except TimeoutError:
                    if ended_at is not None:
                        break
                    await _write(request, response, _line("keepalive"))
                    continue
                if told is None:
                    break
                await _write(request, response, told.line)
                if call.ended and ended_at is None:
                    ended_at = time.monotonic()
            await _end_stream(request, response, watcher)
        return response

    async def _stream_all(self, request: web.Request) -> web.StreamResponse:
        """Everything that happens from now on, of all calls, trunks and workers."""
        response = _new_stream()
        with self._watching() as watcher:
            await response.prepare(request)
            while True:
                try:
                    told = await watcher.next(_KEEPALIVE_SECS)
                except TimeoutError:
                    await _write(request, response, _line("keepalive"))
                    continue
                if told is None:
                    break
                await _write(request, response, told.line)
            await _end_stream(request, response, watcher)
        return response

    @contextlib.contextmanager
    def _watching(self, sid: str = ""):
        """A watcher for the block, which ends quietly when the reader goes away."""
        watchers = self._state.watchers
        try:
            watcher = watchers.add(sid)
        except TooManyWatchers:
            raise Problem(
                503, "too many watchers", "every place for a stream is taken", "End another stream."
            ) from None
        try:
            yield watcher
        except ConnectionError:
            log.debug("a reader of events has gone")
        finally:
            watchers.remove(watcher)

    def _call(self, request: web.Request) -> Call:
        sid = request.match_info["sid"]
        call = self._state.calls.get(sid)
        if call is None:
            raise Problem(
                404,
                "unknown call",
                f'no call has the sid "{sid[:64]}", or it ended too long ago to be kept',
                "GET /v1/calls lists those that are known.",
            )
        return call


@web.middleware
async def _problems(request: web.Request, handler) -> web.StreamResponse:
    """Errors of the server itself and of our mistakes, in the same shape as all others."""
    try:
        return await handler(request)
    except Problem:
        raise
    except web.HTTPRequestEntityTooLarge:
        raise Problem(413, "body too large", f"at most {MAX_BODY_BYTES} bytes") from None
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        raise Problem(
            405, "method not allowed", f"{request.method} does not apply here; allowed: {allowed}"
        ) from None
    except web.HTTPNotFound:
        raise Problem(
            404,
            "unknown path",
            f"{request.path[:100]}: nothing is here",
            "See docs/control-api.md.",
        ) from None
    except (web.HTTPException, ConnectionError, asyncio.CancelledError):
        raise
    except Exception:
        log.exception("control API: %s %s failed", request.method, request.path)
        raise Problem(
            500, "internal error", "a fault of the plugin; its log has the details"
        ) from None


def _refused(answer: OriginateAnswer, trunk: str | None) -> Problem:
    status = _HTTP_OF_SIP.get(answer.code, 502)
    through = f" through trunk {trunk}" if trunk else ""
    return Problem(
        status,
        "call refused",
        f"the call was not begun{through}: {answer.code} {answer.reason}",
        {
            429: "Wait for a call to end, or raise the limit (sip.max_calls, channel_limit).",
            503: "GET /readyz tells what is missing.",
        }.get(status, ""),
        sip_code=answer.code,
        sip_reason=answer.reason,
    )


def _draining(state: PluginState) -> Problem:
    problem = Problem(
        503,
        "draining",
        "the plugin is being stopped and takes no new calls",
        "Try again when it has been started anew.",
    )
    problem.headers["Retry-After"] = str(round(state.config.service.drain_secs))
    return problem


def _private_socket(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        server.bind(str(path))
    except OSError:
        server.close()
        raise
    finally:
        os.umask(before)
    return server


def _line(event: str, **data: object) -> bytes:
    return record("", event, time.time(), data).line


def _new_stream() -> web.StreamResponse:
    return web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})


async def _write(request: web.Request, response: web.StreamResponse, line: bytes) -> None:
    """Raises ConnectionError when the reader has gone, or takes nothing any more."""
    try:
        async with asyncio.timeout(_STALLED_SECS):
            await response.write(line)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionAbortedError("the reader takes nothing") from None


async def _end_stream(request: web.Request, response: web.StreamResponse, watcher: Watcher) -> None:
    if watcher.cut:
        reason = "this reader was too slow and has missed what came next; connect again"
        await _write(request, response, _line("cut", reason=reason))
    await response.write_eof()
