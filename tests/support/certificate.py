"""A certificate that a test's own server shows, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["certificate_for"]


def certificate_for(address: str, folder: Path) -> tuple[Path, Path]:
    """Make one for an IP address, signed by itself; returns its file and that of its key."""
    certificate, key = folder / "web.pem", folder / "web.key"
    subject = ["-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{address}"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["/usr/bin/openssl", "req", "-x509", *kind, *subject, *files], check=True, capture_output=True
    )
    return certificate, key
