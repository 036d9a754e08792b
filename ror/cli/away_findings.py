"""What the doctor finds on a host without the shared folder."""

from __future__ import annotations

from collections.abc import Iterator

from ror.app import App
from ror.away import gateway_of
from ror.cli.findings import Finding

__all__ = ["gateway"]


def gateway(app: App) -> Iterator[Finding]:
    """The gateway is there, trusted, and knows this host."""
    engine = app.settings.engine
    asked = gateway_of(engine)
    release = asked.require(engine.executor_id)
    yield Finding("gateway", True, f"{asked}, release {release}, knows this host as {engine.executor_id}")
    if asked.is_overheard:
        told = "without TLS, the token and studies can be read on the way"
        yield Finding(
            "gateway TLS", False, told, "set web.tls_certificate there, and https here", needed=False
        )
