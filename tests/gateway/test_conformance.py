"""The tables of the conformance statement say what the listener does."""

from __future__ import annotations

import pytest

from ror.db import Database
from ror.gateway import SERVICES, sop_classes, storage_syntaxes
from tests.gateway.asking import Served
from tests.gateway.conftest import Gateway
from tests.gateway.test_listener import STORAGE, SYNTAXES, VERIFICATION, accepted


def test_every_class_that_is_told_has_a_name_and_stands_once_for_each_role() -> None:
    lines = sop_classes()
    assert not [line for line in lines if line.sop_class == line.uid]
    assert len({(line.uid, line.association, line.role) for line in lines}) == len(lines)
    told = {line.uid for line in lines if line.association == "accepted"}
    assert told == {VERIFICATION, *STORAGE, *SERVICES}


def test_every_transfer_syntax_of_objects_is_told_and_the_preferred_one_first() -> None:
    assert storage_syntaxes()[0] == ("Explicit VR Little Endian", "1.2.840.10008.1.2.1")
    assert {uid for _name, uid in storage_syntaxes()} == set(SYNTAXES)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_what_is_told_of_services_is_accepted_and_they_come_uncompressed(
    gateway: Gateway, database: Database
) -> None:
    with Served(gateway, database) as served:
        found = accepted(served.peer, [(uid, SYNTAXES) for uid in SERVICES])
    assert found == {uid: {"1.2.840.10008.1.2.1"} for uid in SERVICES}


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_class_that_nobody_told_of_is_not_accepted_and_others_are(
    gateway: Gateway, database: Database
) -> None:
    patient_root_find = "1.2.840.10008.5.1.4.1.2.1.1"
    with Served(gateway, database) as served:
        found = accepted(served.peer, [(patient_root_find, SYNTAXES), (VERIFICATION, SYNTAXES[:2])])
    assert set(found) == {VERIFICATION}
