"""What administrators set: projects with their secrets, routes, tokens, workflows, and who is who in a project."""

from typing import TYPE_CHECKING

from ror.loading import on_demand

if TYPE_CHECKING:
    from ror.registry.audit import AuditFilter, AuditLog, AuditRecord, add_record
    from ror.registry.audit_check import AuditCheck, ChainEnd, check_audit
    from ror.registry.commitments import AskedCommitment, CommitmentStore
    from ror.registry.conditions import Attributes, Condition
    from ror.registry.coupling_list import Coupling, read_couplings
    from ror.registry.couplings import CouplingStore
    from ror.registry.identities import IdentityStore, OpenedIdentity
    from ror.registry.original_uids import OriginalUids
    from ror.registry.package_checks import checked_package
    from ror.registry.projects import Project, ProjectStore
    from ror.registry.pseudonym_rules import PseudonymRule, PseudonymRuleStore
    from ror.registry.redcap import (
        redcap_instrument_fault,
        redcap_token,
        redcap_token_variable,
        redcap_url_fault,
    )
    from ror.registry.role import Role, caller
    from ror.registry.route import ANY, Route, Sender
    from ror.registry.routes import Admission, RouteStore, Tried, first_that_fits, try_routes
    from ror.registry.sending import AS_WORKFLOW, CAPTURES, SWITCH, Sending
    from ror.registry.subjects import KnownSubject, SubjectStore
    from ror.registry.tokens import Right, Token, TokenStore
    from ror.registry.way_back import WayBack
    from ror.registry.who import WhoIsWho
    from ror.registry.withdrawals import Withdrawal, WithdrawalStore, Withdrawn
    from ror.registry.workflows import InstalledWorkflow, WorkflowStore
else:
    __getattr__ = on_demand(
        __name__,
        {
            "audit": "AuditFilter AuditLog AuditRecord add_record",
            "audit_check": "AuditCheck ChainEnd check_audit",
            "commitments": "AskedCommitment CommitmentStore",
            "conditions": "Attributes Condition",
            "coupling_list": "Coupling read_couplings",
            "couplings": "CouplingStore",
            "identities": "IdentityStore OpenedIdentity",
            "original_uids": "OriginalUids",
            "package_checks": "checked_package",
            "projects": "Project ProjectStore",
            "pseudonym_rules": "PseudonymRule PseudonymRuleStore",
            "redcap": "redcap_instrument_fault redcap_token redcap_token_variable redcap_url_fault",
            "role": "Role caller",
            "route": "ANY Route Sender",
            "routes": "Admission RouteStore Tried first_that_fits try_routes",
            "sending": "AS_WORKFLOW CAPTURES SWITCH Sending",
            "subjects": "KnownSubject SubjectStore",
            "tokens": "Right Token TokenStore",
            "way_back": "WayBack",
            "who": "WhoIsWho",
            "withdrawals": "Withdrawal WithdrawalStore Withdrawn",
            "workflows": "InstalledWorkflow WorkflowStore",
        },
    )

__all__ = [
    "ANY",
    "AS_WORKFLOW",
    "CAPTURES",
    "SWITCH",
    "Admission",
    "AskedCommitment",
    "Attributes",
    "AuditCheck",
    "AuditFilter",
    "AuditLog",
    "AuditRecord",
    "ChainEnd",
    "CommitmentStore",
    "Condition",
    "Coupling",
    "CouplingStore",
    "IdentityStore",
    "InstalledWorkflow",
    "KnownSubject",
    "OpenedIdentity",
    "OriginalUids",
    "Project",
    "ProjectStore",
    "PseudonymRule",
    "PseudonymRuleStore",
    "Right",
    "Role",
    "Route",
    "RouteStore",
    "Sender",
    "Sending",
    "SubjectStore",
    "Token",
    "TokenStore",
    "Tried",
    "WayBack",
    "WhoIsWho",
    "Withdrawal",
    "WithdrawalStore",
    "Withdrawn",
    "WorkflowStore",
    "add_record",
    "caller",
    "check_audit",
    "checked_package",
    "first_that_fits",
    "read_couplings",
    "redcap_instrument_fault",
    "redcap_token",
    "redcap_token_variable",
    "redcap_url_fault",
    "try_routes",
]
