"""DICOMweb (PS3.18): `serving` puts STOW-RS before the intake, and QIDO-RS and WADO-RS over the archive.

Starlette routes, uvicorn serves; both come in here and nowhere else.
"""

from ror.web.errors import Refusal
from ror.web.server import WebServer
from ror.web.service import serving

__all__ = ["Refusal", "WebServer", "serving"]
