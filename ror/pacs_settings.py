"""A ``[pacs.NAME]`` of ``ror.toml``: where results are delivered to, and studies pulled from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from ror.setting_types import AeTitle, Host, Section

__all__ = ["PacsSettings"]


_NO_ADDRESS = "a folder, or the archive, has no address; give it a section of its own"


def _is_here(known: dict[str, Any]) -> bool:
    return bool(known.get("folder") or known.get("archive"))


class PacsSettings(Section):
    """A PACS: results are sent to it, and studies pulled from it. One of the web alone, or a folder, has no host."""

    # Instead of a PACS: results, and images, are written below it.
    folder: str = ""
    # Instead of a PACS: results are filed in the archive of ror itself, beside their images.
    archive: bool = False
    # Its REST address, if it is an Orthanc: results that a later job replaces are deleted there.
    orthanc_url: str = ""
    orthanc_user: str = ""
    orthanc_password: SecretStr = SecretStr("")
    dicomweb_url: str = ""
    dicomweb_user: str = ""
    dicomweb_password: SecretStr = SecretStr("")
    dicomweb_token: SecretStr = SecretStr("")
    host: Host = Field(default=None, validate_default=True)
    port: int = Field(default=None, ge=1, le=65535, validate_default=True)
    ae_title: AeTitle = Field(default=None, validate_default=True)
    images: bool = Field(default=True, description="send the de-identified images of the study too")
    identity: Literal["pseudonym", "original"] = Field(
        default="pseudonym", description="under which identity results are sent to it"
    )
    retrieve: Literal["auto", "get", "move", "dicomweb"] = Field(
        default="auto", description="how studies are pulled from it"
    )
    confirm: Literal["auto", "find", "qido", "no"] = Field(
        default="auto", description="how it is asked for what was sent to it"
    )
    commitment: bool | Literal["auto"] = Field(
        default=False,
        description="whether it is asked for storage commitment first; auto: and else as confirm says",
    )
    tls: bool = Field(default=False, description="DICOM by TLS; web addresses say https themselves")
    tls_certificate: str = Field(default="", description="PEM, of ours")
    tls_key: str = Field(default="", description="PEM; empty where the certificate's file holds it")
    tls_ca: str = Field(default="", description="PEM; empty for the authorities that the system trusts")

    @field_validator("folder")
    @classmethod
    def _is_from_the_root(cls, folder: str) -> str:
        if folder and not Path(folder).is_absolute():
            raise ValueError("no absolute path of a folder")
        return folder

    @field_validator("archive")
    @classmethod
    def _is_no_folder_too(cls, archive: bool, info: ValidationInfo) -> bool:
        if archive and info.data.get("folder"):
            raise ValueError("is not beside a folder; give it a section of its own")
        return archive

    @field_validator("dicomweb_url", "orthanc_url")
    @classmethod
    def _no_address_beside_a_folder(cls, url: str, info: ValidationInfo) -> str:
        if url and _is_here(info.data):
            raise ValueError(_NO_ADDRESS)
        return url

    @field_validator("identity")
    @classmethod
    def _is_never_on_a_disk(cls, identity: str, info: ValidationInfo) -> str:
        if identity == "original" and _is_here(info.data):
            raise ValueError(
                "a folder or the archive gets no original identity: it is never written to a disk"
            )
        return identity

    @field_validator("confirm")
    @classmethod
    def _can_be_asked_so(cls, confirm: str, info: ValidationInfo) -> str:
        needed = {"find": "host", "qido": "dicomweb_url"}.get(confirm)
        if needed and info.data.get(needed) == "":
            raise ValueError(f"needs {needed}")
        return confirm

    @field_validator("commitment")
    @classmethod
    def _can_be_committed_to(cls, commitment: bool | str, info: ValidationInfo) -> bool | str:
        if commitment and info.data.get("host") == "":
            raise ValueError("needs host, port and ae_title: it is asked by DICOM")
        return commitment

    @field_validator("tls_certificate", "tls_key", "tls_ca")
    @classmethod
    def _is_of_use(cls, file: str, info: ValidationInfo) -> str:
        """Files that nothing uses are a PACS that is called in plain, though somebody thought otherwise."""
        known = info.data
        https = any(known.get(url, "").startswith("https:") for url in ("dicomweb_url", "orthanc_url"))
        if file and not (known.get("tls", True) or https):
            raise ValueError("is of no use without tls = true, or an address with https")
        if file and info.field_name == "tls_key" and known.get("tls_certificate") == "":
            raise ValueError("needs tls_certificate")
        return file

    @field_validator("host", "port", "ae_title", mode="wrap")
    @classmethod
    def _all_three_unless_of_the_web(
        cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        known = info.data
        of_the_web = known.get("dicomweb_url") or known.get("orthanc_url")
        is_folder = known.get("folder", True) or known.get("archive", True)  # also one that is wrong
        if is_folder and value is not None:
            raise ValueError(_NO_ADDRESS)
        if value is None:
            if (of_the_web or is_folder) and not (known.get("host") or known.get("port")):
                return 0 if info.field_name == "port" else ""
            raise ValueError("field required")
        if of_the_web and any(known.get(name, value) in ("", 0) for name in ("host", "port")):
            raise ValueError("host, port and ae_title belong together")
        return handler(value)
