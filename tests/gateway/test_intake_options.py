"""A project's options of de-identification at the gateway."""

from __future__ import annotations

from dataclasses import replace

from pydicom import Dataset, dcmread
from pydicom.uid import EnhancedSRStorage, GrayscaleSoftcopyPresentationStateStorage

from ror.gateway import Status
from ror.registry import ANY, Project, Route
from tests.anonymizer.planted import minimal
from tests.gateway.conftest import Gateway, received


def switch_on(gateway: Gateway, *options: str) -> None:
    gateway.projects.change(replace(gateway.projects.get("lungs"), options=options))


def test_an_object_that_keeps_its_uids_is_known_when_it_comes_again(gateway: Gateway) -> None:
    switch_on(gateway, "retain-uids")
    assert gateway.intake.receive(received()).status is Status.SUCCESS
    held = gateway.archived()
    switch_on(gateway, "retain-uids", "retain-device")  # would come out otherwise
    assert gateway.intake.receive(received()).status is Status.SUCCESS
    assert gateway.archived() == held
    (path,) = held
    assert dcmread(gateway.files.root / path).SOPInstanceUID == minimal().SOPInstanceUID


def test_an_object_that_keeps_its_uids_in_two_projects_is_held_in_one_and_told_of(gateway: Gateway) -> None:
    switch_on(gateway, "retain-uids")
    gateway.projects.add(Project("heads", options=("retain-uids",)))
    gateway.routes.add(Route("OTHER", ANY, "heads"))
    gateway.intake.receive(received())
    assert gateway.intake.receive(received(calling="OTHER")).status is Status.DUPLICATE_DIFFERS
    assert len(gateway.archived()) == 1


def test_a_report_is_let_in_where_its_option_is_on(gateway: Gateway) -> None:
    report = minimal(EnhancedSRStorage, Modality="SR", ValueType="CONTAINER")
    report.ContentSequence = [Dataset()]
    state = minimal(GrayscaleSoftcopyPresentationStateStorage, Modality="PR", SOPInstanceUID="1.2.3.9")
    for dataset in (report, state):
        assert gateway.intake.receive(received(dataset)).status is Status.REFUSED_BY_PROFILE
    switch_on(gateway, "clean-structured-content", "clean-graphics")
    for dataset in (report, state):
        assert gateway.intake.receive(received(dataset)).status is Status.SUCCESS
