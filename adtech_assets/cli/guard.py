"""Who may ask the UI of `adtech dev`: it has no login, and every browser here reaches loopback."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY_VIOLATION = 1008
"""Code with which a web socket is closed; before it is accepted, that is a 403."""


class Guard:
    """Lets in what this server's own pages ask, and programs.

    A page of another site may send requests to loopback too. The browser names the site in
    `Origin`; it does not with a GET, by which Dagster's GraphQL would start and delete runs. A
    site that points a name of its own to 127.0.0.1 is given away by `Host`.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        """Guard an app that is known by these names, beside localhost and its addresses."""
        self._app = app
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        refusal = None
        if scope["type"] in {"http", "websocket"}:
            refusal = self._refusal(HTTPConnection(scope))
        if refusal is None:
            await self._app(scope, receive, _in_no_frame_of_others(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal})
        else:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send)

    def _refusal(self, request: HTTPConnection) -> str | None:
        host = request.headers.get("host", "")
        if not self._is_own(host):
            return f"This is not {host!r}. Use the address that adtech dev has printed."
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "Pages of other sites may not use Dagster."
        is_page = "text/html" in request.headers.get("accept", "")
        method = request.scope.get("method")
        if method in {"GET", "HEAD"} and "query" in request.query_params and not is_page:
            return "GraphQL is asked by POST."
        return None

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name in self._names:
                return True
            # Whoever asks by an address has looked up no name.
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _in_no_frame_of_others(send: Send) -> Send:
    """Or a page of another site could show a button of Dagster below one of its own."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("X-Frame-Options", "SAMEORIGIN")
        await send(message)

    return send_with_header
