"""A token as it is shown to a server by HTTP (RFC 6750)."""

from __future__ import annotations

import requests

__all__ = ["Bearer"]


class Bearer(requests.auth.AuthBase):
    """Shows `token` with each request; said as `auth`, no file of passwords of the user's (.netrc) takes its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Show it."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
