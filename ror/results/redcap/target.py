"""Where a REDCap project is, and what opens it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ror.registry import redcap_url_fault

__all__ = ["RedcapTarget"]


@dataclass(frozen=True, slots=True)
class RedcapTarget:
    """A REDCap project.

    Attributes
    ----------
    url
        Of its API, ending in ``/api/``; https, as the token travels in each request.
    token
        Of a user with the rights API Export and API Import/Update; 32 hexadecimal digits. Shown nowhere.
    ca_bundle
        File with the hospital's certificate authority, where the system does not know it. Certificates are
        always verified.

    Raises
    ------
    ValueError
        The URL or the token cannot be right.
    """

    url: str
    token: str = field(repr=False)
    ca_bundle: str = ""
    timeout_seconds: float = 60.0

    def __post_init__(self) -> None:
        if fault := redcap_url_fault(self.url):
            raise ValueError(fault)
        if not re.fullmatch(r"[0-9A-Fa-f]{32}", self.token):
            raise ValueError("the REDCap token must be 32 hexadecimal digits")
