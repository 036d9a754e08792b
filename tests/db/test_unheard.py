"""A server that is not heard any more is given up, whoever waits for it: our tables, and the checkpoints."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from ror.db import Database, gives_up
from ror.engine.checkpoints import server_options

NAMES = ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")


def asked_for(connection: sa.Connection) -> list[str]:
    """What libpq was told."""
    driver = connection.connection.driver_connection
    assert driver is not None
    told = {one.keyword.decode(): (one.val or b"").decode() for one in driver.pgconn.info}
    return [told[name] for name in NAMES]


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_connection_to_a_server_is_given_up_within_half_a_minute(database: Database) -> None:
    with database.read() as connection:
        assert asked_for(connection) == ["10", "10", "5", "4", "30000"]
    checkpoints = sa.create_engine(database.url, **server_options(database.url))
    with checkpoints.connect() as connection:
        assert asked_for(connection) == ["10", "10", "5", "4", "30000"]
    checkpoints.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_what_the_address_says_of_it_holds(database_url: str) -> None:
    address = sa.make_url(database_url).update_query_dict({"keepalives_idle": "60", "connect_timeout": "3"})
    opened = Database(address.render_as_string(hide_password=False))
    with opened.read() as connection:
        assert asked_for(connection) == ["3", "60", "5", "4", "30000"]
    opened.close()


def test_a_file_is_always_heard() -> None:
    assert gives_up("sqlite:////srv/ror.sqlite") == {}
