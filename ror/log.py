"""Logging: one line an event, to standard error and ``<home>/log/ror.log``; never a value of an identified object."""

from __future__ import annotations

import ast
import inspect
import linecache
import logging
import logging.handlers
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import FrameType

from ror.log_json import JsonLines

__all__ = ["WithholdValues", "set_up"]

# These libraries quote attribute values in their messages, and what they handle at the gate is identified.
_QUOTE_VALUES = ("pydicom", "pynetdicom", "uvicorn", "py")  # "py.warnings" are the warnings of all
_LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_MAX_BYTES = 20 * 2**20
_PLACES = 3
_ROOT = Path(__file__).parent.parent
_CATEGORY = re.compile(r"[^:\n]*:\d+: (\w+): ")  # "file:line: Category: text"
_TELLS = re.compile(r"warn|log|error|exception|critical", re.IGNORECASE)
_BETWEEN = ("logging", "warnings", __name__)  # between the library's call and our filter


class WithholdValues(logging.Filter):
    """Leave of a library's message what is written in its source, for the rest may quote a patient's data.

    That is the literal text of the call with ``…`` for what was put into it, where it stands, who called it, and of an
    exception its type and its traceback without what it says; and of a peer on the network its AE title and address.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "values_withheld", False):  # another handler's filter was first
            return True
        frames = list(islice(_callers(), _PLACES))
        text = next(filter(None, map(_literal, frames)), "text withheld, since it may quote a value")
        if record.name == "py.warnings" and (category := _CATEGORY.match(record.getMessage())):
            text = f"{category[1]}: {text}"
        peer = next(filter(None, map(_peer, _callers())), "")
        record.msg = f"{text}{peer} [{' < '.join(map(_place, frames))}]"
        record.args = ()
        record.exc_text = _told(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None
        record.exc_info = record.stack_info = None
        record.values_withheld = True
        return True


def set_up(
    home: Path, level: int = logging.INFO, *, shown: bool = True, json: bool = False, host: str = ""
) -> None:
    """Send all log lines to a rotating file in `home`, and, if they are to be `shown`, to standard error.

    As `json` each is an object that says on which `host` it was written.
    """
    folder = home / "log"
    folder.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [
        *([logging.StreamHandler()] if shown else ()),
        logging.handlers.RotatingFileHandler(folder / "ror.log", maxBytes=_MAX_BYTES, backupCount=5),
    ]
    formatter = JsonLines(host) if json else logging.Formatter(_LINE)
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(_withhold_from_libraries)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(True)
    # highdicom says it of every pseudonym, which has no family and given name.
    warnings.filterwarnings(
        "ignore", message=".*unlikely to represent the intended person name", category=UserWarning
    )
    for chatty in ("dbos", "alembic", "urllib3", "docker", "highdicom", "pynetdicom", "pydicom"):
        logger = logging.getLogger(chatty)
        logger.setLevel(logging.WARNING)
        logger.handlers.clear()  # DBOS has one of its own
        logger.propagate = True


def _withhold_from_libraries(record: logging.LogRecord) -> bool:
    if record.name.split(".")[0] in _QUOTE_VALUES:
        WithholdValues().filter(record)
    return True


def _callers() -> Iterator[FrameType]:
    """The frames outside of logging, from the call that told something outwards."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") not in _BETWEEN:
            yield frame
        frame = frame.f_back


def _literal(frame: FrameType) -> str | None:
    """The text that the source has where this frame tells something; None where it only passes a text on."""
    at = inspect.getframeinfo(frame, context=0).positions
    if at is None or at.lineno is None or at.col_offset is None or at.end_col_offset is None:
        return None
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)[at.lineno - 1 : at.end_lineno]
    if not lines:
        return None
    # Columns are counted in UTF-8; the last line goes first, for it may be the first.
    lines[-1] = lines[-1].encode()[: at.end_col_offset].decode(errors="replace")
    lines[0] = lines[0].encode()[at.col_offset :].decode(errors="replace")
    try:
        call = ast.parse("".join(lines), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(call, ast.Call) or not call.args or not _TELLS.search(ast.unparse(call.func)):
        return None
    return " ".join((_text_of(call.args[0]) or "").split()) or None


def _text_of(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text_of(part) or "…" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            texts = _text_of(left), _text_of(right)
            return "".join(text or "…" for text in texts) if any(texts) else None
        case ast.BinOp(left=left, op=ast.Mod()):
            return _text_of(left)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return text
        case _:
            return None


def _peer(frame: FrameType) -> str:
    """With whom a frame of pynetdicom speaks; "" of any other. Its parts all know their association."""
    if not str(frame.f_globals.get("__name__")).startswith("pynetdicom."):
        return ""
    part = frame.f_locals.get("self")
    association = getattr(part, "assoc", part)
    is_ours = getattr(association, "is_requestor", None)
    peer = getattr(association, "acceptor" if is_ours else "requestor", None)
    if peer is None:
        return ""
    title, address = (str(getattr(peer, name, "")) for name in ("ae_title", "address"))
    told = " at ".join(one for one in (title.strip(), address) if one and one.isprintable())
    port = f":{peer.port}" if is_ours and address else ""  # the port of who has called us says nothing
    return f" ({told}{port})" if told else ""


def _place(frame: FrameType) -> str:
    return f"{_short(frame.f_code.co_filename)}:{frame.f_lineno} in {frame.f_code.co_name}"


def _short(file: str) -> str:
    return file.rpartition("/site-packages/")[2].removeprefix(f"{_ROOT}/")


def _told(error: BaseException) -> str:
    """An exception and what it came from as a traceback: places and types, no texts."""
    lines, seen = [], set[int]()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        frames = traceback.format_tb(one.__traceback__)
        lines += [*frames, f"{type(one).__module__}.{type(one).__qualname__}: text withheld\n"]
        one = one.__cause__ or one.__context__
    return "Traceback, each error before what caused it:\n" + "".join(lines).rstrip()
