"""ror: a research-PACS workflow engine.

The way of a study is on two pages: `ror.gateway.intake` (the way in) and `ror.engine.pipeline` (the way of a job).
`ror.app` builds everything that opens a file or a socket.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
