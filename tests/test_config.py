"""Settings: every fault is told at once, each with its path; a variable overrules the file."""

import re
from pathlib import Path

import pytest

from ror import config
from ror.errors import ConfigurationError

ADDRESS = 'host = "pacs"\nport = 104\nae_title = "A"\n'


def faults(home: Path, toml: str, environment: dict[str, str] | None = None) -> list[str]:
    (home / "ror.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        config.read(home, environment or {})
    assert str(home) in str(refused.value)
    assert all(fault in str(refused.value) for fault in refused.value.faults)
    assert refused.value.advice
    return list(refused.value.faults)


def paths(told: list[str]) -> list[str]:
    return sorted(fault.split(":")[0] for fault in told)


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    settings = config.read(tmp_path, {})
    assert settings == config.Settings()
    assert (settings.database.url, settings.listener.port, settings.engine.runtime) == ("", 11112, "auto")


def test_all_faults_are_told_at_once_each_with_its_path(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        """
        colour = "blue"
        [listener]
        port = 70000
        ae_title = "A TITLE THAT IS TOO LONG"
        hots = "0.0.0.0"
        settle_seconds = -1
        [engine]
        runtime = "podman"
        slots = 0
        executor_id = "a b"
        [pacs.research]
        host = "pacs"
        port = "dicom"
        """,
        {"ROR_LISTENER__RESERVE_MIB": "much", "ROR_NOTHING": "1", "ROR_ENGINE__SLOT": "2"},
    )
    assert paths(told) == [
        "ROR_NOTHING",
        "colour",
        "engine.executor_id",
        "engine.runtime",
        "engine.slot",
        "engine.slots",
        "listener.ae_title",
        "listener.hots",
        "listener.port",
        "listener.reserve_mib",
        "listener.settle_seconds",
        "pacs.research.ae_title",
        "pacs.research.port",
    ]


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ('dicomweb_url = "http://pacs/dicom-web"', []),
        ('orthanc_url = "http://pacs:8042"', []),
        ("images = true", ["pacs.x.ae_title", "pacs.x.host", "pacs.x.port"]),
        ('dicomweb_url = "http://pacs"\nhost = "pacs"', ["pacs.x.ae_title", "pacs.x.port"]),
        ('dicomweb_url = "http://pacs"\nport = 104', ["pacs.x.port"]),
        ('dicomweb_url = "http://pacs"\nae_title = "A"', ["pacs.x.ae_title"]),
        ('host = "pacs"\nport = 0\nae_title = "A"', ["pacs.x.port"]),
    ],
)
def test_a_pacs_has_an_address_or_is_of_the_web(tmp_path: Path, keys: str, wrong: list[str]) -> None:
    toml = f"[pacs.x]\n{keys}"
    if wrong:
        assert paths(faults(tmp_path, toml)) == wrong
    else:
        (tmp_path / "ror.toml").write_text(toml)
        assert config.read(tmp_path, {}).pacs["x"].host == ""


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ('folder = "/mnt/results"', []),
        ('folder = "results"', ["pacs.x.folder"]),
        ('folder = "/mnt"\ndicomweb_url = "http://pacs"', ["pacs.x.dicomweb_url"]),
        ('folder = "/mnt"\nhost = "pacs"', ["pacs.x.host"]),
        ('folder = "/mnt"\nconfirm = "no"', []),
        ('folder = "/mnt"\nconfirm = "find"', ["pacs.x.confirm"]),
        ('folder = "/mnt"\nconfirm = "qido"', ["pacs.x.confirm"]),
        (f'{ADDRESS}confirm = "find"', []),
        (f'{ADDRESS}confirm = "qido"', ["pacs.x.confirm"]),
        (f'{ADDRESS}confirm = "maybe"', ["pacs.x.confirm"]),
        (f'{ADDRESS}dicomweb_url = "http://pacs"\nconfirm = "qido"', []),
        ('dicomweb_url = "http://pacs"\nconfirm = "find"', ["pacs.x.confirm"]),
        (f"{ADDRESS}tls = true", []),
        (f'{ADDRESS}tls = true\ntls_ca = "a"\ntls_certificate = "b"\ntls_key = "c"', []),
        (f'{ADDRESS}tls_ca = "a"', ["pacs.x.tls_ca"]),
        ('dicomweb_url = "https://pacs"\ntls_ca = "a"', []),
        ('dicomweb_url = "http://pacs"\ntls_ca = "a"', ["pacs.x.tls_ca"]),
        ('orthanc_url = "https://pacs"\ntls_ca = "a"', []),
        (f'{ADDRESS}tls = true\ntls_key = "c"', ["pacs.x.tls_key"]),
    ],
)
def test_what_of_a_pacs_does_not_go_together_is_told(tmp_path: Path, keys: str, wrong: list[str]) -> None:
    toml = f"[pacs.x]\n{keys}"
    if wrong:
        assert sorted(set(paths(faults(tmp_path, toml)))) == wrong
    else:
        (tmp_path / "ror.toml").write_text(toml)
        assert "x" in config.read(tmp_path, {}).pacs


# Each was once taken, and met as a traceback or a strange fault when it was used.
@pytest.mark.parametrize("title", ["", " ", "A" * 17, "A\\\\B", "A\\tB", "Ä"])
@pytest.mark.parametrize("section", ["listener", "pacs.x"])
def test_an_ae_title_has_1_to_16_characters_that_are_not_only_spaces(
    tmp_path: Path, section: str, title: str
) -> None:
    others = 'host = "h"\nport = 104\n'
    (fault,) = faults(tmp_path, f'[{section}]\n{others}ae_title = "{title}"')
    assert fault.startswith(f"{section}.ae_title: no AE title: 1 to 16 characters")


@pytest.mark.parametrize("host", ["", " ", "a b", "a..b", "a" * 64 + ".org", "a\\n"])
def test_a_host_is_something_that_can_be_looked_up(tmp_path: Path, host: str) -> None:
    toml = f'[listener]\nhost = "{host}"\n[pacs.x]\nhost = "{host}"\nport = 104\nae_title = "A"'
    assert paths(faults(tmp_path, toml)) == ["listener.host", "pacs.x.host"]


@pytest.mark.parametrize(
    "host", ["pacs", "pacs.example.org", "10.0.0.7", "::1", "röntgen.example.org", "my_pacs"]
)
def test_names_and_addresses_of_hosts_are_taken(tmp_path: Path, host: str) -> None:
    (tmp_path / "ror.toml").write_text(f'[pacs.x]\nhost = "{host}"\nport = 104\nae_title = "A"')
    assert config.read(tmp_path, {}).pacs["x"].host == host


def test_true_is_no_number(tmp_path: Path) -> None:
    toml = "[listener]\nport = true\nsettle_seconds = false\n[engine]\nslots = true"
    assert paths(faults(tmp_path, toml)) == ["engine.slots", "listener.port", "listener.settle_seconds"]


def test_wrong_variables_of_a_pacs_and_of_the_listener_are_told_at_once(tmp_path: Path) -> None:
    of_pacs = {"ROR_PACS__X__HOST": " ", "ROR_PACS__X__PORT": "0", "ROR_PACS__X__AE_TITLE": " "}
    told = faults(tmp_path, "", of_pacs | {"ROR_LISTENER__AE_TITLE": " "})
    assert paths(told) == ["listener.ae_title", "pacs.x.ae_title", "pacs.x.host", "pacs.x.port"]


def test_the_pacs_are_read_again_whatever_is_wrong_in_other_sections(tmp_path: Path) -> None:
    pacs = '[pacs.x]\nhost = "h"\nport = 104\nae_title = "A"\n'
    (tmp_path / "ror.toml").write_text("[listener]\nport = 70000\n" + pacs)
    told = config.read_pacs(tmp_path, {"ROR_PACS__X__IMAGES": "false"})
    assert (list(told), told["x"].images) == (["x"], False)
    (tmp_path / "ror.toml").write_text(pacs.replace("104", "0"))
    with pytest.raises(ConfigurationError, match=r"pacs\.x\.port"):
        config.read_pacs(tmp_path, {})


def test_the_base_image_is_set_in_one_way_only(tmp_path: Path) -> None:
    assert paths(faults(tmp_path, "", {"ROR_BASE_IMAGE": "x"})) == ["ROR_BASE_IMAGE"]
    (tmp_path / "ror.toml").write_text("")
    assert config.read(tmp_path, {"ROR_ENGINE__BASE_IMAGE": "x"}).engine.base_image == "x"


def test_an_unknown_key_is_called_unknown(tmp_path: Path) -> None:
    assert faults(tmp_path, "[listener]\nprot = 1") == ["listener.prot: unknown key (line 2)"]


def test_a_value_is_not_quoted_since_it_may_be_a_password(tmp_path: Path) -> None:
    toml = '[pacs.research]\nhost = 1\nport = 1\nae_title = "A"\northanc_password = ["hidden-word"]'
    assert "hidden-word" not in str(faults(tmp_path, toml))


def test_a_variable_overrules_the_file_and_has_the_type_of_its_setting(tmp_path: Path) -> None:
    (tmp_path / "ror.toml").write_text('[listener]\nport = 104\nhost = "127.0.0.1"')
    settings = config.read(
        tmp_path,
        {
            "ROR_LISTENER__PORT": "4242",
            "ROR_LISTENER__SETTLE_SECONDS": "0.5",
            "ROR_DATABASE__URL": "postgresql+psycopg://ror@localhost/ror",
            "ROR_PACS__RESEARCH__HOST": "pacs",
            "ROR_PACS__RESEARCH__PORT": "104",
            "ROR_PACS__RESEARCH__AE_TITLE": "PACS",
            "ROR_PACS__RESEARCH__IMAGES": "false",
            "ROR_PACS__RESEARCH__ORTHANC_PASSWORD": "hidden-word",
        },
    )
    assert (settings.listener.port, settings.listener.settle_seconds) == (4242, 0.5)
    assert settings.listener.host == "127.0.0.1"
    assert settings.database.url == "postgresql+psycopg://ror@localhost/ror"
    assert settings.pacs["research"].images is False
    assert "hidden-word" not in repr(settings)
    assert settings.pacs["research"].orthanc_password.get_secret_value() == "hidden-word"


def test_other_variables_of_the_name_space_are_let_be(tmp_path: Path) -> None:
    others = {"ROR_HOME": "/srv", "ROR_REDCAP_TOKEN_LUNGS": "t", "ROR_TEST_DATA": "/data", "ROR_CACHE": "/c"}
    assert config.read(tmp_path, others | {"PATH": "/bin"}) == config.Settings()


@pytest.mark.parametrize(
    ("toml", "environment"),
    [
        ("listener = 5", {"ROR_LISTENER__PORT": "1"}),
        ("", {"ROR_LISTENER": "1", "ROR_LISTENER__PORT__HIGH": "1", "ROR_LISTENER__PORT": "1"}),
        ("", {"ROR___": "1"}),
        ("", {"ROR_": "1"}),
    ],
)
def test_a_variable_that_goes_below_a_value_is_told(
    tmp_path: Path, toml: str, environment: dict[str, str]
) -> None:
    assert faults(tmp_path, toml, environment)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\n[listener", r"listener: .*\(at line 2, column 10\)"),
        (b"[web]\n\xff\xfe", r"not UTF-8 \(at line 2\)"),
        (b"[listener]\nport = 1\nport = 2", r"port: .*\(at line 3, column 9\)"),
        (b"[pacs.x]\n\northanc_password = hidden-word\n", r"orthanc_password: .*\(at line 3, column 20\)"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_its_line_and_key(
    tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "ror.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match="is no TOML") as refused:
        config.read(tmp_path, {})
    assert str(tmp_path / "ror.toml") in refused.value.what
    (fault,) = refused.value.faults
    assert re.match(told, fault)
    assert refused.value.advice
    assert "hidden-word" not in fault


def test_a_fault_names_the_line_or_the_variable_that_it_comes_from(tmp_path: Path) -> None:
    toml = """[listener]
port = 70000

[web]
allowed_origins = [
    "https://a.example",
    "b.example",
]
[pacs.x]
host = "h"
"""
    told = faults(tmp_path, toml, {"ROR_LISTENER__SETTLE_SECONDS": "-1"})
    places = {fault.partition(":")[0]: fault.rpartition("(")[2] for fault in told}
    assert places == {
        "listener.port": "line 2)",
        "listener.settle_seconds": "ROR_LISTENER__SETTLE_SECONDS)",
        "web.allowed_origins.1": "line 8)",
        "pacs.x.port": "line 9)",
        "pacs.x.ae_title": "line 9)",
    }
    (of_variable,) = faults(tmp_path, "", {"ROR_WEB__ALLOWED_ORIGINS": "b.example"})
    assert of_variable.endswith("(ROR_WEB__ALLOWED_ORIGINS)")
    (no_section,) = faults(tmp_path, "\nlistener = 5")
    assert no_section == "listener: should be a section: [listener] (line 2)"


@pytest.mark.parametrize("number", ["inf", "-inf", "nan"])
@pytest.mark.parametrize("name", ["objects_per_second", "sender_mib_per_second", "settle_seconds"])
def test_what_is_no_finite_number_is_no_rate_and_no_time(tmp_path: Path, name: str, number: str) -> None:
    (fault,) = faults(tmp_path, f"[listener]\n{name} = {number}")
    assert fault.startswith(f"listener.{name}: input should be a finite number")
    assert faults(tmp_path, "", {f"ROR_LISTENER__{name.upper()}": number})


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "ror.toml").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.read(tmp_path, {})


def test_the_home_is_the_variable_or_a_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROR_HOME", "/srv/ror")
    assert config.default_home() == Path("/srv/ror")
    monkeypatch.delenv("ROR_HOME")
    assert config.default_home() == Path.home() / ".ror"


def test_a_key_or_an_authority_without_a_certificate_does_not_mean_plain_tcp(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        """
        [listener]
        tls_ca = "ca.pem"
        [web]
        tls_key = "key.pem"
        """,
    )
    assert told == [
        "listener.tls_ca: is of no use without tls_certificate (line 3)",
        "web.tls_key: is of no use without tls_certificate (line 5)",
    ]
