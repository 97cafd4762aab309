"""Errors of the control API: what is wrong, why, and what to do next (RFC 9457)."""

import json

from aiohttp import web


class Problem(web.HTTPException):
    """Raise it in a handler; the client gets it as `application/problem+json`."""

    def __init__(
        self, status: int, title: str, detail: str, next_step: str = "", **more: object
    ) -> None:
        self.status_code = status
        fields = {"status": status, "title": title, "detail": detail}
        if next_step:
            fields["next"] = next_step
        super().__init__(
            text=json.dumps({**fields, **more}), content_type="application/problem+json"
        )
