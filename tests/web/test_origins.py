"""Pages of another origin: let in by exact name only, by a real browser and as the Fetch standard has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from dicomweb_client import DICOMwebClient

from ror.config import read
from ror.errors import ConfigurationError
from tests.web.browser import Pages, browsing, needs_chromium, pages
from tests.web.conftest import Web, serving_at
from tests.web.shelved import add

MINE, FOREIGN = "http://viewer.example.org:8000", "https://elsewhere.example.org"
_ASKS = """<script>
const ask = async (path, token) => {
    try {
        const answer = await fetch(%r + path, {headers: {Authorization: "Bearer " + token}});
        const body = answer.ok ? await answer.json() : null;
        return [answer.status, answer.headers.get("Warning"), body && body.length];
    } catch (error) { return [error.name]; }
};
(async () => {
    const said = [await ask("/studies?fuzzymatching=true", %r), await ask("/studies", "wrong")];
    await fetch("/said", {method: "POST", body: JSON.stringify(said)});
})();
</script>"""


@pytest.fixture
def web(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Web]:
    with serving_at(tmp_path, migrated_sqlite, f'allowed_origins = ["{MINE}"]') as web:
        yield web


def preflight(
    web: Web, origin: str, method: str = "GET", headers: str = "authorization"
) -> requests.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return requests.options(f"{web.url}/studies", headers=asked, timeout=30)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_is_told_before_it_has_a_token_what_it_may(web: Web, method: str) -> None:
    answered = preflight(web, MINE, method, "authorization,content-type")
    assert answered.status_code == 200
    assert answered.headers["Access-Control-Allow-Origin"] == MINE
    assert method in answered.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answered.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answered.headers


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        (FOREIGN, "GET", "authorization"),
        (MINE + "0", "GET", "authorization"),
        (MINE.removesuffix("0"), "GET", "authorization"),
        ("null", "GET", "authorization"),
        (MINE, "DELETE", "authorization"),
        (MINE, "GET", "x-other"),
    ],
)
def test_nothing_else_is_allowed(web: Web, origin: str, method: str, headers: str) -> None:
    answered = preflight(web, origin, method, headers)
    assert answered.status_code == 400
    assert answered.headers.get("Access-Control-Allow-Origin") in (None, MINE)
    assert (answered.headers.get("Access-Control-Allow-Origin") == MINE) == (origin == MINE)


def test_answers_and_refusals_are_for_the_page_that_asked(web: Web) -> None:
    for token, status in ((web.read, 200), ("wrong", 401), (web.store, 403)):
        headers = {"Authorization": f"Bearer {token}", "Origin": MINE}
        answered = requests.get(f"{web.url}/studies", headers=headers, timeout=30)
        assert answered.status_code == status
        assert answered.headers["Access-Control-Allow-Origin"] == MINE
        assert "Origin" in answered.headers["Vary"]
        assert "Warning" in answered.headers["Access-Control-Expose-Headers"]
        answered = requests.get(f"{web.url}/studies", headers=headers | {"Origin": FOREIGN}, timeout=30)
        assert "Access-Control-Allow-Origin" not in answered.headers


def test_clients_that_are_no_pages_notice_nothing(web: Web) -> None:
    add(web.app.index, "lungs", 1, "CT", 1)
    client: DICOMwebClient = web.client(web.read)
    assert len(client.search_for_studies()) == 1
    assert "Access-Control-Allow-Origin" not in web.get("/studies").headers


def test_no_origin_is_allowed_unless_set(tmp_path: Path, migrated_sqlite: Path) -> None:
    with serving_at(tmp_path, migrated_sqlite) as web:
        assert preflight(web, MINE).status_code == 401
        answered = requests.get(f"{web.url}/studies", headers={"Origin": MINE}, timeout=30)
        assert "Access-Control-Allow-Origin" not in answered.headers


@needs_chromium
def test_a_browser_lets_pages_of_the_origin_ask_and_no_others(tmp_path: Path, migrated_sqlite: Path) -> None:
    with ExitStack() as stack:
        allowed, others = stack.enter_context(pages()), stack.enter_context(pages())
        settings = f'allowed_origins = ["{allowed.origin}"]'
        web = stack.enter_context(serving_at(tmp_path, migrated_sqlite, settings, patience_seconds=60))
        add(web.app.index, "lungs", 1, "CT", 1)
        assert ask(web, allowed) == [[200, FUZZY, 1], [401, None, None]]
        assert ask(web, others) == [["TypeError"], ["TypeError"]]


FUZZY = '299 ror "The fuzzymatching parameter is not supported. Only literal matching has been performed."'


def ask(web: Web, shown: Pages) -> object:
    """What a script of a page gets: of a search, and without a token that is known."""
    shown.by_path["/"] = _ASKS % (web.url, web.read)
    with browsing(f"{shown.origin}/"):
        return shown.said()


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://viewer.example.org", "https://[::1]:8443", "http://10.0.0.7"]
)
def test_an_origin_is_taken_as_browsers_send_it(tmp_path: Path, origin: str) -> None:
    settings = read(tmp_path, {"ROR_WEB__ALLOWED_ORIGINS": f"{origin}, {MINE}"})
    assert settings.web.allowed_origins == [origin, MINE]


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "viewer.example.org",
        "https://viewer.example.org/",
        "https://viewer.example.org/ohif",
        "https://Viewer.example.org",
        "https://viewer.example.org:443",
        "http://viewer.example.org:80",
        "https://*.example.org",
        "https://user@viewer.example.org",
        "ftp://viewer.example.org",
        "file:///tmp",
    ],
)
def test_what_no_browser_sends_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "ror.toml").write_text(f'[web]\nallowed_origins = ["{text}"]\n')
    with pytest.raises(ConfigurationError, match=r"web\.allowed_origins\.0: no origin as browsers send it"):
        read(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("viewer.example.org", "has to begin with https:// or http://"),
        ("localhost:8000", "has to begin with https:// or http://"),
        ("*", "has to begin with https:// or http://"),
        ("https://viewer.example.org/", "it ends without a /"),
        ("https://viewer.example.org/ohif", "without a path"),
        ("https://viewer.example.org/ohif/", "without a path"),
        ("https://Viewer.example.org", "in lower case"),
        ("https://viewer.example.org:443", "without the port that is the usual one"),
        ("https://user:hidden-word@viewer.example.org", "and nothing else"),
    ],
)
def test_it_is_said_what_is_wrong_with_an_origin(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "ror.toml").write_text(f'[web]\nallowed_origins = ["https://a.example", "{text}"]\n')
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, {})
    (fault,) = refused.value.faults
    assert fault.startswith("web.allowed_origins.1: ")
    assert told in fault
    assert "hidden-word" not in fault
