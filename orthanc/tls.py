"""TLS towards a peer (PS3.15 B.12, BCP 195): whom we believe, and who we say that we are."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orthanc.errors import PeerRefused

__all__ = ["Tls"]


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of PEM.

    Attributes
    ----------
    ca
        Authorities of which one has signed the peer's certificate; None for those that the system trusts.
    certificate, key
        Ours, for a peer that asks for one; the key may be in the file of the certificate.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 and later; the peer's certificate has to be for the host that is called.

        Raises
        ------
        PeerRefused
            A file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise PeerRefused(f"the TLS files for this peer cannot be used: {why}") from error
        return context

    def of_requests(self) -> dict[str, Any]:
        """The same for `requests`, as arguments of a request.

        Raises
        ------
        PeerRefused
            A file cannot be used, which requests would tell as a bare OSError.
        """
        self.context()
        own = tuple(str(one) for one in (self.certificate, self.key) if one is not None)
        certificate = own if len(own) == 2 else "".join(own)
        return {"verify": str(self.ca) if self.ca else None, "cert": certificate or None}
