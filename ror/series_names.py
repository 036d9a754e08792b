"""Names of series that a manifest needs and its select statement gives: only both together can tell."""

from __future__ import annotations

from containers import Manifest
from ror.errors import ConfigurationError
from select_lang import Statement

__all__ = ["require_names"]


def require_names(manifest: Manifest, statement: Statement) -> None:
    """Refuse a manifest that needs a series which its select statement does not name (`ConfigurationError`)."""
    unknown = sorted(name for name in manifest.series_names_needed() if name not in statement.names)
    if unknown:
        raise ConfigurationError(
            f"workflow {manifest.name}: {', '.join(unknown)} is no name in its select statement",
            advice=f"the names there are: {', '.join(statement.names)}",
        )
