"""What is wrong with a gateway is told when a host begins, with what to do about it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from orthanc import free_port
from ror import __version__
from ror.app import App
from ror.away import Gateway, gateway_of
from ror.config import EngineSettings
from ror.errors import ConfigurationError, NotAllowed, RorError, ServiceUnavailable
from ror.home import Home as AppHome
from ror.service import Service
from tests.cli.test_commands import Home
from tests.support.certificate import certificate_for
from tests.web.conftest import Web, serving_at


def url_of(web: Web) -> str:
    return f"http://127.0.0.1:{web.port}"


def refused(gateway: Gateway, kind: type[RorError], host: str = "gpu2") -> str:
    """What is told, and what to do."""
    with pytest.raises(kind) as error:
        gateway.require(host)
    return f"{error.value} {error.value.advice}"


def test_a_gateway_that_knows_the_host_tells_its_release(web: Web) -> None:
    token = web.app.tokens.add_host("gpu2", "gpu2")
    assert Gateway(url_of(web), token).require("gpu2") == __version__


def test_a_wrong_token_is_told_with_how_to_make_one(web: Web) -> None:
    for token in ("ror_unknown", web.read):
        told = refused(Gateway(url_of(web), token), NotAllowed)
        assert "ror token add gpu2 --host gpu2" in told
        assert token not in told


def test_the_token_of_another_host_is_told_with_both_names(web: Web) -> None:
    told = refused(Gateway(url_of(web), web.app.tokens.add_host("gpu3", "gpu3")), NotAllowed)
    assert "that of host gpu3, and this one is gpu2" in told
    assert "--name gpu3" in told


def test_a_gateway_that_is_down_is_told_with_its_address() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    told = refused(Gateway(url, "ror_x"), ServiceUnavailable)
    assert url in told
    assert "web.enabled" in told


class Elsewhere(BaseHTTPRequestHandler):
    """Another program at the address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_program_at_the_address_is_told(elsewhere: str) -> None:
    assert "as no gateway of ours does" in refused(Gateway(elsewhere, "ror_x"), ConfigurationError)


def test_a_certificate_that_is_not_trusted_is_told_with_the_setting_for_it(
    tmp_path: Path, migrated_sqlite: Path
) -> None:
    certificate, key = certificate_for("127.0.0.1", tmp_path)
    tls = f'tls_certificate = "{certificate}"\ntls_key = "{key}"\n'
    with serving_at(tmp_path, migrated_sqlite, tls) as web:
        token = web.app.tokens.add_host("gpu2", "gpu2")
        url = f"https://127.0.0.1:{web.port}"
        assert "engine.gateway_ca" in refused(Gateway(url, token), ServiceUnavailable)
        assert Gateway(url, token, certificate).require("gpu2") == __version__
        assert not Gateway(url, token).is_overheard
        assert "engine.gateway_ca" in refused(Gateway(url, token, key), ServiceUnavailable)
        assert "engine.gateway_ca" in refused(Gateway(url, token, tmp_path / "none"), ServiceUnavailable)


def test_the_token_is_in_a_file_or_in_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = EngineSettings(gateway="https://gateway", executor_id="gpu2")
    monkeypatch.delenv("ROR_GATEWAY_TOKEN", raising=False)
    with pytest.raises(ConfigurationError, match="no token for the gateway") as none:
        gateway_of(settings)
    assert "ror token add gpu2 --host gpu2" in none.value.advice
    monkeypatch.setenv("ROR_GATEWAY_TOKEN", "ror_x")
    assert str(gateway_of(settings)) == "the gateway https://gateway"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        gateway_of(settings.model_copy(update={"gateway_token_file": str(tmp_path / "none")}))


@pytest.mark.parametrize("url", ["gateway:8104", "ftp://gateway", "https://", "https://user:secret@gateway"])
def test_what_is_no_address_is_no_setting(url: str) -> None:
    with pytest.raises(ValueError, match="write an address as https"):
        EngineSettings(gateway=url)


def test_a_host_with_a_gateway_needs_its_database(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    failed = home.ror("work", "--gateway", "http://127.0.0.1:1", "--name", "gpu2")
    assert failed.code == 1
    assert "set database.url" in failed.err


@pytest.mark.parametrize("folder", ["archive", "secrets"])
def test_the_home_of_an_installation_is_no_home_of_a_host(tmp_path: Path, folder: str) -> None:
    home = Home(tmp_path / "home")
    jobs = home.folder / "jobs" / "box-1"
    jobs.mkdir(parents=True)
    (home.folder / folder).mkdir()
    failed = home.ror("work", "--gateway", "http://127.0.0.1:1", "--name", "gpu2")
    assert failed.code == 1
    assert "has a home of its own" in failed.err
    assert jobs.exists()


def test_the_home_of_a_host_has_one_worker(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROR_GATEWAY_TOKEN", web.app.tokens.add_host("gpu2", "gpu2"))
    home = Home(tmp_path / "away")
    home.settings(
        f'[engine]\nexecutor_id = "gpu2"\nruntime = "process"\ngateway = "{url_of(web)}"\n'
        f'[database]\nurl = "{web.app.database.url}"\n'
    )
    with AppHome(home.folder).exclusively():
        failed = home.ror("work")
    assert failed.code == 1
    assert "`ror work` with a gateway, works in" in failed.err


def test_a_home_that_receives_has_no_gateway(tmp_path: Path) -> None:
    (tmp_path / "ror.toml").write_text('[engine]\ngateway = "http://127.0.0.1:1"\n')
    app = App(tmp_path)
    with pytest.raises(ConfigurationError, match="only works"), Service.serve(app):
        pass
    app.close()


def test_the_doctor_of_a_host_asks_the_gateway_and_looks_at_nothing_that_it_has_not(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_GATEWAY_TOKEN", web.app.tokens.add_host("gpu2", "gpu2"))
    home = Home(tmp_path / "away")
    home.settings(
        f'[engine]\nexecutor_id = "gpu2"\nruntime = "process"\ngateway = "{url_of(web)}"\n'
        f'[listener]\nreserve_mib = 0\n[database]\nurl = "{web.app.database.url}"\n'
    )
    told = home.good("doctor")
    assert f"release {__version__}, knows this host as gpu2" in told
    assert "projects" not in told
    web.app.tokens.remove("gpu2")
    failed = home.ror("doctor")
    assert failed.code == 1
    assert "ror token add gpu2 --host gpu2" in failed.out
