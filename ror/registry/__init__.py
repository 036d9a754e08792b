"""What administrators set: projects with their secrets, routes, and installed workflows."""

from ror.registry.projects import Project, ProjectStore
from ror.registry.redcap import redcap_token_variable, redcap_url_fault
from ror.registry.routes import ANY, Route, RouteStore
from ror.registry.workflows import InstalledWorkflow, WorkflowStore

__all__ = [
    "ANY",
    "InstalledWorkflow",
    "Project",
    "ProjectStore",
    "Route",
    "RouteStore",
    "WorkflowStore",
    "redcap_token_variable",
    "redcap_url_fault",
]
