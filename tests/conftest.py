"""Fixtures of all tests. Tests of a server that ``ROR_TEST_REQUIRE`` names fail instead of being skipped."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.support.namespaces",  # `linked`, two machines in one
    "tests.support.postgres",  # the fixture `database`, on SQLite and on PostgreSQL
    "tests.support.pacs",  # `orthanc_pacs`
    "tests.support.docker_daemon",  # `docker_host`
    "tests.support.podman",  # `podman_host`
    "tests.support.registry",  # `registry`, for images
]
REQUIRED = set(filter(None, os.environ.get("ROR_TEST_REQUIRE", "").split(",")))
# How long an example takes tells how busy the machine is; what is to be fast has a test that says so.
settings.register_profile("ror", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ror")
# Settings of the person who runs the tests must not reach the homes that tests make.
for variable in [name for name in os.environ if name.startswith("ROR_") and "__" in name]:
    del os.environ[variable]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    missing = REQUIRED & {mark.name for mark in item.iter_markers()}
    if report.skipped and missing and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{', '.join(sorted(missing))} must not be skipped here: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real images (``ROR_TEST_DATA``, else ``../shared/data``)."""
    default = Path(__file__).parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("ROR_TEST_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no real images: {folder} does not exist (set ROR_TEST_DATA)")
    return folder
