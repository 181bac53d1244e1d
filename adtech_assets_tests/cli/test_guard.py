import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from adtech_assets.cli.guard import Guard


async def answer(_request):
    return PlainTextResponse("reached")


async def talk(websocket):
    await websocket.accept()
    await websocket.send_text("reached")
    await websocket.close()


APP = Starlette(
    routes=[
        Route("/graphql", answer, methods=["GET", "POST"]),
        Route("/", answer),
        WebSocketRoute("/graphql", talk),
    ]
)


HOST = {"Host": "127.0.0.1:3000"}
"""Named for web sockets, which the client sends to a name of its own."""


def client(host="127.0.0.1:3000"):
    return TestClient(Guard(APP, names=["laptop"]), base_url=f"http://{host}")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:3000", "localhost:3000", "LOCALHOST", "[::1]:3000", "10.0.0.7", "laptop:3000"],
)
def test_its_own_addresses_are_answered(host):
    assert client(host).get("/").text == "reached"


@pytest.mark.parametrize(
    "host", ["evil.example:3000", "localhost.evil.example", "127.0.0.1.nip.io"]
)
def test_a_name_that_somebody_has_pointed_here_is_refused(host):
    for method, path in (("GET", "/"), ("POST", "/graphql")):
        assert client(host).request(method, path).status_code == 403


@pytest.mark.parametrize("host", ["", "[", "a b", "@"])
def test_a_host_that_is_none_is_refused(host):
    assert client().get("/", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1:8000", "http://localhost:3000", "null", ""],
)
def test_a_page_from_elsewhere_is_refused_whatever_it_sends(origin):
    for content in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        headers = {"Origin": origin, "Content-Type": content}
        found = client().post("/graphql?query=mutation{x}", headers=headers)
        assert found.status_code == 403
    with pytest.raises(WebSocketDisconnect):
        with client().websocket_connect("/graphql", headers={**HOST, "Origin": origin}):
            pass


def test_no_page_of_another_site_shows_it_in_a_frame():
    assert client().get("/").headers["X-Frame-Options"] == "SAMEORIGIN"


def test_its_own_pages_and_programs_are_answered():
    for headers in ({}, {"Origin": "http://127.0.0.1:3000"}):
        assert client().post("/graphql", headers=headers).text == "reached"
        with client().websocket_connect("/graphql", headers=HOST | headers) as websocket:
            assert websocket.receive_text() == "reached"


def test_graphql_is_not_asked_by_get_which_an_image_on_any_page_would_do():
    for accept in ("image/*", "*/*", ""):
        found = client().get("/graphql?query=mutation{x}", headers={"Accept": accept})
        assert found.status_code == 403
    assert client().get("/graphql?query={x}", headers={"Accept": "text/html"}).text == "reached"
