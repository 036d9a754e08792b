"""Workflow packages and the runtimes that run them.

A package is a folder with a program and a `workflow.toml` (or an older `select.statement`)::

    package = Package.load(folder)                  # ManifestError with all faults, each with its path
    image = runtime.prepare(package, report=print)  # once per package.digest
    outcome = runtime.run(RunOrder(job_id, package, image, data_dir, output_dir, log_path), on_line)
    runtime.stop(job_id)                            # from any thread

The program gets two arguments, the data folder (read-only) and the output folder, and its options as JSON in
ROR_CONT_OPTIONS. `available(root)` gives the runtimes that work here, `DockerRuntime` before
`ProcessRuntime`. How a run ended is an `Outcome`, never an exception. This package knows nothing of DICOM, of
the select language or of the rest of the product.
"""

import importlib
from typing import TYPE_CHECKING, Any

from containers.errors import (
    AdvisedError,
    ContainersError,
    Fault,
    ImageError,
    ManifestError,
    RuntimeUnavailable,
)

if TYPE_CHECKING:
    from containers.docker import DockerRuntime
    from containers.image_archive import ImageArchive
    from containers.known import KnownPackages
    from containers.manifest import (
        Code,
        FileOutput,
        Manifest,
        MaskOutput,
        Measurement,
        Outputs,
        Resources,
        Segment,
        Unit,
        read_manifest,
    )
    from containers.manifest_rules import redcap_field
    from containers.package import IMAGE_ARCHIVE, MANIFESTS, Package
    from containers.process import ProcessRuntime
    from containers.runtime import (
        Availability,
        Ending,
        Image,
        Limits,
        Outcome,
        RunOrder,
        Runtime,
        command_line,
    )

__all__ = [
    "IMAGE_ARCHIVE",
    "MANIFESTS",
    "AdvisedError",
    "Availability",
    "Code",
    "ContainersError",
    "DockerRuntime",
    "Ending",
    "Fault",
    "FileOutput",
    "Image",
    "ImageArchive",
    "ImageError",
    "KnownPackages",
    "Limits",
    "Manifest",
    "ManifestError",
    "MaskOutput",
    "Measurement",
    "Outcome",
    "Outputs",
    "Package",
    "ProcessRuntime",
    "Resources",
    "RunOrder",
    "Runtime",
    "RuntimeUnavailable",
    "Segment",
    "Unit",
    "command_line",
    "read_manifest",
    "redcap_field",
]

# The docker SDK, and what checks manifests, take 0.1 s each to load; who needs neither waits for neither.
_MODULES = {
    "docker": "DockerRuntime",
    "image_archive": "ImageArchive",
    "known": "KnownPackages",
    "manifest": "Code FileOutput Manifest MaskOutput Measurement Outputs Resources Segment Unit read_manifest",
    "manifest_rules": "redcap_field",
    "package": "IMAGE_ARCHIVE MANIFESTS Package",
    "process": "ProcessRuntime",
    "runtime": "Availability Ending Image Limits Outcome RunOrder Runtime command_line",
}
_LAZY = {name: f"containers.{module}" for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'containers' has no attribute {name!r}")
