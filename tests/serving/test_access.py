"""Who may come in, and how requests are counted: Host, Origin, keys, methods."""

import asyncio
import re

import httpx
import pytest

from indextts2_jax.errors import ConfigError
from indextts2_jax.serving.access import Keys, is_loopback
from indextts2_jax.serving.app import Serving, build_app
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.link import Link
from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.scheduler import Scheduler
from indextts2_jax.serving.voices import Voices
from indextts2_jax.serving.worker import Order
from tests.serving.asked import run
from tests.tiny import tiny_config

SPEECH = "/v1/audio/speech"


LOCAL = ["127.0.0.1", "localhost:8000", "[::1]:8000", "192.168.0.7", "tts", "tts.localhost", "localhost.", "LOCALHOST"]
LOCAL += ["host.docker.internal:8000", "raspberrypi.local", "homeassistant.local.:8000"]


@pytest.mark.parametrize("host", LOCAL)
def test_local_names_are_answered(host):
    assert run()("GET", "/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example.", "evil.example:8000", "127.0.0.1.evil.example", "local.evil.example"]
)
def test_other_names_need_keys(host):
    """Their owners may let them point to 127.0.0.1, and a page of theirs would be of our origin."""
    refused = run()("GET", "/health", headers={"Host": host})
    assert refused.status_code == 403 and "--api_key_file" in refused.json()["error"]["message"]
    assert run(keys=Keys(["key-0000"]))("GET", "/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://]", "http://[x]", "//", "null"])
@pytest.mark.parametrize("path", [SPEECH, "/nowhere", "/v1/audio/voices"])
def test_pages_of_no_address(origin, path):
    assert run()("POST", path, headers={"Origin": origin}).status_code == 403
    assert run()("GET", "/health", headers={"Origin": origin}).status_code == 200


def test_a_websocket_of_a_page_of_no_address():
    async def upgrade() -> list:
        config, limits, sent = tiny_config(), Limits(), []
        serving = Serving("", config, config.model, Voices(None, limits), limits)

        async def send(message) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/v1/audio/speech/stream", "headers": [(b"origin", b"http://[")]}
        await build_app(serving, Link(Order("", config), Scheduler, limits))(scope, asyncio.Queue().get, send)
        return sent

    assert [message["type"] for message in asyncio.run(upgrade())] == ["websocket.close"]


def test_paths_without_a_key():
    ask = run(keys=Keys(["key-0000"]))
    assert ask("GET", "/openapi.json").status_code == 200
    moved = ask("GET", "/v1/audio/voices/")
    assert moved.status_code == 307 and moved.headers["location"].endswith("/v1/audio/voices")
    for method, path in (("GET", "/v1/audio/voices/default"), ("POST", "/v1/audio/voices/"), ("GET", "/v1/models")):
        assert ask(method, path).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/ready", "/", "/v1/audio/voices", "/openapi.json"])
def test_heads(path):
    ask = run()
    head, got = ask("HEAD", path), ask("GET", path)
    assert head.status_code == got.status_code < 504 and head.headers["content-type"] == got.headers["content-type"]
    assert ask("HEAD", SPEECH).status_code == 405


def test_methods_are_few():
    async def asked() -> str:
        config, limits = tiny_config(), Limits()
        serving = Serving("", config, config.model, Voices(None, limits), limits)
        app = build_app(serving, Link(Order("", config), Scheduler, limits))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            for method in ("HEAD", "GET", "A", "B", "PROPFIND"):
                await client.request(method, "/health")
            return (await client.get("/metrics")).text

    found = asyncio.run(asked())
    assert set(re.findall(r'indextts2_requests_total{method="(\w+)"', found)) == {"HEAD", "GET", "other"}


@pytest.mark.parametrize("kind", ["undefined", "punycode", "idna", "nothing", "utf-16"])
def test_forms_in_strange_charsets(kind):
    form = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\xe9\xff-\r\n--x--\r\n".encode("latin-1")
    headers = {"Content-Type": f"multipart/form-data; boundary=x; charset={kind}"}
    assert run()("POST", "/v1/audio/voices", content=form, headers=headers).status_code == 400


@pytest.mark.parametrize("slash", ["", "/"])
def test_pages_that_are_named(slash):
    ask = run(origins=(f"https://chat.example.org{slash}",))
    names = "authorization,content-type,x-stainless-lang,x-stainless-retry-count"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": names}
    allowed = ask("OPTIONS", SPEECH, headers={"Origin": "https://chat.example.org"} | asked)
    assert allowed.status_code == 200 and allowed.headers["access-control-allow-origin"] == "https://chat.example.org"
    other = ask("OPTIONS", SPEECH, headers={"Origin": "https://evil.example"} | asked)
    assert other.status_code == 400 and "access-control-allow-origin" not in other.headers
    assert ask("POST", SPEECH, headers={"Origin": "https://evil.example"}, json={}).status_code == 403
    assert ask("POST", SPEECH, headers={"Origin": "https://chat.example.org"}, json={}).status_code == 400
    shown = ask("GET", "/health", headers={"Origin": "https://chat.example.org"}).headers[
        "access-control-expose-headers"
    ]
    assert {"X-Seed", "X-Ignored-Fields", "X-Instructions", "Retry-After"} <= set(shown.split(", "))
    off = run()("GET", "/v1/audio/voices", headers={"Origin": "https://chat.example.org"})
    assert "access-control-allow-origin" not in off.headers


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
        ("2130706433", False),
    ],
)
def test_which_addresses_are_of_this_machine(host, own):
    assert is_loopback(host) is own


def test_keys_of_a_file(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text("# mine\r\n\r\n  key-number-1  \r\nkey-number-2\n")
    keys = Keys.load(str(path))
    for key in ("key-number-1", "key-number-2"):
        keys.check(f"Bearer {key}")
    for header in ("", "key-number-1", "Bearer # mine", "Bearer ", "Basic key-number-1", "Bearer key-number-12"):
        with pytest.raises(Problem) as caught:
            keys.check(header)
        assert caught.value.status == 401 and caught.value.headers["WWW-Authenticate"] == "Bearer"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="Cannot read the keys"):
        Keys.load(str(path))
