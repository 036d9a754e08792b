"""The tools of an assistant as a Model Context Protocol server: each passes on, and tells errors with their advice.

Tools are coroutines though they wait for nothing: they run in the main thread, where Ctrl-C is caught.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from containers import ContainersError
from ror import __version__
from ror.develop.assistant import Assistant
from ror.errors import RorError
from select_lang import SelectError

__all__ = ["server_of"]

_INSTRUCTIONS = (
    "Tools for a workflow of a research PACS in a folder of this machine: add DICOM data, look at patients, studies "
    "and series, and find the select statement that makes the right jobs of them. Values that name a patient are "
    "withheld. Validate a statement before you set it; ask the user before you forget data."
)
_DESIGN = """Find a select statement for this wish: {wish}

Read ror://select/grammar first. Then look at the data (get_patients_info, get_study_info, get_series_tags), propose a
statement, and call validate_select_statement until it has no faults and its jobs are the ones that are wished for. Tell
the user which series are left out and why, and set it (set_new_select_statement) when the user agrees."""
_PROCESS = """Bring the DICOM files at {path} to a run: project_add_data, then get_current_select_statement. If it makes
no job, find one that does. At last tell the user to say `ror trigger` in the project's folder, and what it runs."""
_ANALYSE = """Describe the data of this project: how many patients, studies and series, which scanners and sequences,
what is missing or unusual (few images, odd spacing). Use get_patients_info, get_study_info and get_series_tags."""


def server_of(assistant: Assistant) -> MCPServer:
    """A server of one project, to be run."""
    server = MCPServer("ror", version=__version__, instructions=_INSTRUCTIONS)
    _add_project_tools(server, assistant)
    _add_data_tools(server, assistant)
    _add_select_tools(server, assistant)
    _add_resources(server, assistant)
    _add_prompts(server)
    return server


def _add_project_tools(server: MCPServer, assistant: Assistant) -> None:
    @server.tool()
    async def roots_list() -> dict[str, Any]:
        """The folder that this server works in."""
        return {"roots": [{"uri": assistant.folder.as_uri(), "name": assistant.folder.name}]}

    @server.tool()
    async def project_init(kind: str = "python") -> dict[str, Any]:
        """Make a workflow in that folder: python, notebook, bash, webapp or monai. Nothing is overwritten."""
        with _told():
            return assistant.init(kind)

    @server.tool()
    async def server_status() -> dict[str, Any]:
        """The workflow of the folder, and how much data it knows."""
        with _told():
            return {"version": __version__, **assistant.status()}


def _add_data_tools(server: MCPServer, assistant: Assistant) -> None:
    @server.tool()
    async def project_add_data(path: str) -> dict[str, Any]:
        """Read the DICOM files below a folder of this machine, or of a pattern such as /data/*/MR."""
        with _told():
            return assistant.add_data(path)

    @server.tool()
    async def project_clear_data(confirm: bool = False) -> dict[str, Any]:
        """Forget the data of the project, once the user has said so: then with confirm. The files stay."""
        with _told():
            return dict(assistant.clear_data(confirm=confirm))

    @server.tool()
    async def get_patients_info() -> dict[str, Any]:
        """The patients, each with the studies."""
        with _told():
            return {"patients": assistant.patients()}

    @server.tool()
    async def get_study_info(study_instance_uid: str) -> dict[str, Any]:
        """The series of a study: modality, description, number of images, types."""
        with _told():
            return {"series": assistant.study(study_instance_uid)}

    @server.tool()
    async def get_series_info(series_instance_uid: str) -> dict[str, Any]:
        """A series, and in which jobs of the current statement it is, under which name."""
        with _told():
            return assistant.series(series_instance_uid)

    @server.tool()
    async def get_series_tags(series_instance_uid: str, subset: str = "all") -> dict[str, Any]:
        """The attributes of a series: all, patient, study, scanner or scan_parameter."""
        with _told():
            return assistant.attributes(series_instance_uid, subset)


def _add_select_tools(server: MCPServer, assistant: Assistant) -> None:
    @server.tool()
    async def get_current_select_statement() -> dict[str, Any]:
        """The select statement of the workflow, and the jobs that it makes of the data."""
        with _told():
            return assistant.select()

    @server.tool()
    async def set_new_select_statement(select: str) -> dict[str, Any]:
        """Let the workflow select by this statement, unless it has faults, which are told."""
        with _told():
            return assistant.set_select(select)

    @server.tool()
    async def validate_select_statement(select: str) -> dict[str, Any]:
        """All faults of a select statement, or the jobs that it would make; nothing is changed."""
        with _told():
            return assistant.validate(select)

    @server.tool()
    async def suggest_select_statement() -> dict[str, Any]:
        """A select statement that splits the data well."""
        with _told():
            return assistant.suggest()


def _add_resources(server: MCPServer, assistant: Assistant) -> None:
    @server.resource("ror://project", mime_type="application/json")
    async def project() -> dict[str, Any]:
        """The workflow of the folder, and how much data it knows."""
        return assistant.status()

    @server.resource("ror://counts", mime_type="application/json")
    async def counts() -> dict[str, int]:
        """How many patients, studies, series and images are known."""
        return assistant.counts()

    @server.resource("ror://select/grammar", mime_type="text/markdown")
    async def grammar() -> str:
        """The select language, by example and in whole."""
        return resources.files("select_lang").joinpath("README.md").read_text(encoding="utf-8")


def _add_prompts(server: MCPServer) -> None:
    @server.prompt()
    def design_select_statement(wish: str) -> str:
        """Find the select statement for what a workflow needs."""
        return _DESIGN.format(wish=wish)

    @server.prompt()
    def process_data(path: str) -> str:
        """From a folder of DICOM to a job that can be run."""
        return _PROCESS.format(path=path)

    @server.prompt()
    def analyse_data() -> str:
        """Describe the data of the project."""
        return _ANALYSE


@contextmanager
def _told() -> Iterator[None]:
    """Errors of ours with their advice; all else is a fault, of which an assistant learns no more than that."""
    try:
        yield
    except (RorError, ContainersError, SelectError) as error:
        advice = str(getattr(error, "advice", "") or "")
        raise ToolError(f"{error}\n{advice}".strip()) from error
