"""`ror mcp`, asked by the protocol's own client over standard input and output, as an assistant does."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from pydicom import dcmread

from ror.develop import DataIndex, DeveloperProject, start
from ror.develop.assistant import SUBSETS, Assistant
from ror.errors import NotAllowed, NotFound
from tests.cli.test_commands import Home
from tests.support.studies import small_ct

TOOLS = {
    "roots_list",
    "project_init",
    "server_status",
    "project_clear_data",
    "project_add_data",
    "get_patients_info",
    "get_study_info",
    "get_series_info",
    "get_series_tags",
    "get_current_select_statement",
    "set_new_select_statement",
    "validate_select_statement",
    "suggest_select_statement",
}
SELECT = "select series where series named CT has Modality = CT"


def asked(folder: Path, steps: Callable[[Client], Awaitable[None]]) -> None:
    """Start `ror mcp` in a folder, and ask."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", "from ror.cli import main; main()", "mcp", "--working_directory", str(folder)],
    )

    async def run() -> None:
        # The handshake that every assistant knows. To ask for a newer one first has ten seconds, which a machine that
        # is busy with other tests may need to start a program.
        async with Client(server, mode="legacy") as client:
            await steps(client)

    asyncio.run(run())


async def answer(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers; an error is one of the test."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


def test_an_assistant_comes_from_an_empty_folder_to_a_statement(tmp_path: Path) -> None:
    folder = tmp_path / "bright"
    folder.mkdir()
    file, *_ = small_ct(tmp_path / "data", seed=3)
    image = dcmread(file)

    async def steps(client: Client) -> None:
        assert {one.name for one in (await client.list_tools()).tools} == TOOLS
        assert (await answer(client, "roots_list"))["roots"] == [{"uri": folder.as_uri(), "name": "bright"}]
        assert "ror init" in await refusal(client, "server_status")
        assert "workflow.toml" in (await answer(client, "project_init", kind="bash"))["added"]
        added = await answer(client, "project_add_data", path=str(tmp_path / "data"))
        assert (added["files"], added["series"], added["images"]) == (8, 1, 8)
        ((patient),) = (await answer(client, "get_patients_info"))["patients"]
        (study,) = patient["studies"]
        ((series),) = (
            await answer(client, "get_study_info", **{"study_instance_uid": study["StudyInstanceUID"]})
        )["series"]
        uid = series["SeriesInstanceUID"]
        assert (uid, series["Modality"]) == (image.SeriesInstanceUID, ["CT"])
        wrong = await answer(client, "set_new_select_statement", select="select series where Modality CT")
        assert (wrong["set"], wrong["valid"], len(wrong["faults"]) > 0) == (False, False, True)
        right = await answer(client, "set_new_select_statement", select=SELECT)
        assert right["jobs"] == [[{"name": "CT", "SeriesInstanceUID": uid}]]
        assert SELECT in (await answer(client, "get_current_select_statement"))["select"]
        told = await answer(client, "get_series_info", series_instance_uid=uid)
        assert told["in_jobs"] == [{"job": 1, "name": "CT"}]
        assert (await answer(client, "suggest_select_statement"))["jobs"] == 1
        assert "ask the user" in await refusal(client, "project_clear_data")
        assert (await answer(client, "project_clear_data", confirm=True))["series"] == 0
        assert json.loads((await client.read_resource("ror://counts")).contents[0].text)["series"] == 0  # type: ignore[union-attr]
        grammar = await client.read_resource("ror://select/grammar")
        assert "# The select language" in grammar.contents[0].text  # type: ignore[union-attr]
        prompts = {one.name for one in (await client.list_prompts()).prompts}
        assert prompts == {"design_select_statement", "process_data", "analyse_data"}

    asked(folder, steps)
    assert SELECT in (folder / "workflow.toml").read_text()


def assistant(tmp_path: Path, *, identities: bool = False) -> tuple[Assistant, Any]:
    """One over a project with a small CT whose header is full of an identity; and an image of it."""
    project = DeveloperProject.at(start(tmp_path / "bright", "bash").folder)
    files = small_ct(tmp_path / "data", seed=3)
    for file in files:
        image = dcmread(file)
        image.PatientComments = "Qzabcd is deaf"
        image.add_new((0x0009, 0x0010), "LO", "MAKER")
        image.add_new((0x0009, 0x1001), "LO", "Qzabcd")
        image.save_as(file)
    made = Assistant(project.folder, identities)
    made.add_data(str(tmp_path / "data"))
    return made, dcmread(files[0])


def everything(made: Assistant, image: Any) -> str:
    uid = str(image.SeriesInstanceUID)
    by_name = f'select series where PatientName = "{image.PatientName}" and (0010,0020) exists'
    return json.dumps(
        [
            made.status(),
            made.patients(),
            made.study(str(image.StudyInstanceUID)),
            made.series(uid),
            *(made.attributes(uid, one) for one in SUBSETS),
            made.select(),
            made.validate("select patient where PatientID exists and Modality = MR"),
            made.validate("select series where (0010,0010) = nobody"),
            made.validate(by_name)["jobs"],
        ]
    )


def test_nothing_that_names_the_patient_is_told(tmp_path: Path) -> None:
    made, image = assistant(tmp_path)
    told = everything(made, image)
    # Every name, number and text of the identity that is planted in these headers ends like the patient's id.
    mark = str(image.PatientID).removeprefix("PID-")
    assert mark in image.StudyDescription and mark.lower() not in told.lower()
    secrets = [image.PatientBirthDate, image.StudyDate, "Qzabcd", "Cloud Street", "XANTHIPPA"]
    assert [one for one in secrets if str(one).lower() in told.lower()] == []
    described = made.attributes(str(image.SeriesInstanceUID), "study")["StudyDescription"]
    assert described == ["small … …"]  # "study" is a word of the StudyID, too
    assert made.attributes(str(image.SeriesInstanceUID), "patient")["PatientName"] == "withheld"
    assert made.attributes(str(image.SeriesInstanceUID), "scan_parameter")
    # The statement itself, which an assistant has written, is told.
    assert "sentence" in made.validate("select series where Modality = MR")
    assert "sentence" not in made.validate("select series where (0010,0010) = nobody")


def test_with_identities_all_is_told(tmp_path: Path) -> None:
    made, image = assistant(tmp_path, identities=True)
    assert made.patients()[0]["PatientID"] == image.PatientID
    told = everything(made, image)
    assert str(image.PatientName) in told and "withheld" not in told


def test_what_is_not_there_is_told_with_what_to_ask(tmp_path: Path) -> None:
    made, _image = assistant(tmp_path)
    for ask in (made.study, made.series):
        with pytest.raises(NotFound):
            ask("1.2.3")
    with pytest.raises(NotAllowed):
        made.clear_data(confirm=False)
    with pytest.raises(NotAllowed, match="in the folder of the workflow"):
        made.add_data(str(made.folder))
    with DataIndex.opened(DeveloperProject.at(made.folder).data_index) as index:
        index.clear()
    with pytest.raises(NotFound):
        made.suggest()


def test_without_the_protocols_package_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ror.cli.mcp.find_spec", lambda _name: None)
    said = Home(tmp_path).ror("mcp")
    assert (said.code, "pip install 'ror-pacs[mcp]'" in said.err) == (1, True)
