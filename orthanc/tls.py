"""TLS towards a peer (PS3.15 B.12, BCP 195): whom we believe, and who we say that we are; and files that are none."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from orthanc.errors import PeerRefused

__all__ = ["Tls", "TlsFault", "tls_fault"]


@dataclass(frozen=True, slots=True)
class TlsFault:
    """A file that cannot be used: which one of the three it is, and why."""

    what: Literal["ca", "certificate", "key"]
    file: Path
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


def tls_fault(ca: Path | None, certificate: Path | None, key: Path | None) -> TlsFault | None:
    """What is wrong with files of PEM, of authorities, and of our own; None if they can be used."""
    files: tuple[tuple[Literal["ca", "certificate", "key"], Path | None], ...]
    files = ("ca", ca), ("certificate", certificate), ("key", key)
    for what, file in files:
        try:
            if file is not None:
                file.open("rb").close()
        except OSError as error:
            return TlsFault(what, file or Path(), error.strerror or type(error).__name__)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if ca is not None:
            context.load_verify_locations(ca)
    except ssl.SSLError as error:
        return TlsFault("ca", ca or Path(), f"no certificate in PEM ({error.reason or error.strerror})")
    try:
        if certificate is not None:
            # An encrypted key would be asked for on the terminal.
            context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        why = f"no certificate and its own key, without a password, in PEM ({error.reason or error.strerror})"
        return TlsFault("certificate", certificate or Path(), why)
    return None


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
                context.load_cert_chain(
                    self.certificate, self.key, password=""
                )  # never asked for on a terminal
        except OSError as error:
            fault = self.fault()
            why = f"{fault.what} {fault}" if fault else error.strerror or type(error).__name__
            raise PeerRefused(f"the TLS files for this peer cannot be used: {why}") from error
        return context

    def fault(self) -> TlsFault | None:
        """What is wrong with the files."""
        return tls_fault(self.ca, self.certificate, self.key)

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
