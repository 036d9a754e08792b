"""Everything that says who is who in the projects of one home, built together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ror.db import Database
from ror.registry.audit import AuditLog
from ror.registry.couplings import CouplingStore
from ror.registry.identities import IdentityStore
from ror.registry.pseudonym_rules import PseudonymRuleStore
from ror.registry.subjects import SubjectStore
from ror.registry.withdrawals import WithdrawalStore

__all__ = ["WhoIsWho"]


@dataclass(frozen=True, slots=True)
class WhoIsWho:
    """Rules of pseudonyms, the subjects they have made, the lists they come from, the way back, and who has asked.

    And who was withdrawn.
    """

    rules: PseudonymRuleStore
    subjects: SubjectStore
    couplings: CouplingStore
    identities: IdentityStore
    withdrawals: WithdrawalStore
    audit: AuditLog

    @classmethod
    def of(cls, database: Database, secrets_folder: Path) -> WhoIsWho:
        """Over a database, and the folder with the keys of identities."""
        audit = AuditLog(database)
        return cls(
            PseudonymRuleStore(database),
            SubjectStore(database),
            CouplingStore(database),
            IdentityStore(database, secrets_folder, audit),
            WithdrawalStore(database),
            audit,
        )
