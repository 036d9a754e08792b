"""Profiles as text (TOML): `read_document` collects every fault, `write_profile` writes all that holds."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from anonymizer.errors import ProfileFault
from anonymizer.inheritance import Changes
from anonymizer.lines import Line, PrivateLine, Treatment
from anonymizer.options import Option
from anonymizer.profile import Profile
from anonymizer.profile_lines import attribute_line, nearest
from anonymizer.table import keyword

__all__ = ["Document", "read_document", "write_profile"]

_KINDS: Final[dict[str, tuple[type, str]]] = {
    "name": (str, "a text"),
    "description": (str, "a text"),
    "extends": (str, "the name of a shipped profile, or a file"),
    "options": (list, "a list of options"),
    "without": (list, "a list of options"),
    "clean": (list, "a list of keywords"),
    "keep": (list, "a list of keywords"),
    "remove": (list, "a list of keywords"),
    "weekdays": (bool, "true or false"),
    "find_text": (bool, "true or false"),
    "pixel_rules": (str, "the name of a file"),
    "attributes": (dict, "a table of attributes"),
}
_NAMES: Final = ("extends", "pixel_rules")


@dataclass(frozen=True, slots=True)
class Document:
    """What stands in one profile file.

    Attributes
    ----------
    pixel_file
        Name of the file with its rules for pixels; empty where there is none, or `changes` has them.
    written
        Place of each line as it is written there, by its place as errors of profiles tell it.
    """

    name: str
    description: str
    extends: str
    pixel_file: str
    changes: Changes
    written: dict[str, str]
    faults: tuple[ProfileFault, ...]


def read_document(text: str) -> Document:
    """What a text says, as far as it says something, and its faults."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = ProfileFault("not_toml", "", f"not TOML: {error}", "Correct the file.")
        return Document("", "", "", "", Changes(), {}, (fault,))
    faults: list[ProfileFault] = []
    rules = _inline_rules(table)
    values = {key: value for key, value in table.items() if _known(key, value, faults)}
    lines, private, written = _lines(values.get("attributes", {}), faults)
    changes = Changes(
        options=_options("options", values, faults),
        without=_options("without", values, faults),
        cleaned=_words("clean", values, faults),
        keep=_words("keep", values, faults),
        remove=_words("remove", values, faults),
        weekdays=values.get("weekdays"),
        find_text=values.get("find_text"),
        pixel_rules=rules,
        lines=lines,
        private=private,
    )
    name, description = values.get("name", ""), values.get("description", "")
    extends, file = values.get("extends", ""), values.get("pixel_rules", "")
    return Document(name, description, extends, file, changes, written, tuple(faults))


def _inline_rules(table: dict[str, Any]) -> str:
    # As `write_profile` writes them: what is written needs no other file.
    match table.get("pixel_rules"):
        case {"text": str(text), **more} if not more:
            del table["pixel_rules"]
            return text
    return ""


def _known(key: str, value: object, faults: list[ProfileFault]) -> bool:
    if key not in _KINDS:
        faults.append(ProfileFault("unknown_key", key, "unknown", nearest(key, _KINDS)))
        return False
    kind, told = _KINDS[key]
    if not isinstance(value, kind):
        faults.append(ProfileFault("wrong_type", key, f"{told} is needed", "Correct it."))
        return False
    if key in _NAMES and not str(value).strip():
        faults.append(
            ProfileFault("empty", key, f"empty; {told} is needed", "Take the line out, or name one.")
        )
        return False
    return True


def _words(key: str, values: dict[str, Any], faults: list[ProfileFault]) -> frozenset[str]:
    words = values.get(key, [])
    if not all(isinstance(word, str) for word in words):
        faults.append(ProfileFault("wrong_type", key, "a list of texts is needed", "Correct it."))
    return frozenset(word for word in words if isinstance(word, str))


def _options(key: str, values: dict[str, Any], faults: list[ProfileFault]) -> frozenset[Option]:
    found = set()
    for word in sorted(_words(key, values, faults)):
        try:
            found.add(Option(word))
        except ValueError:
            text = f"{word!r} is no option of PS3.15"
            faults.append(ProfileFault("unknown_option", key, text, nearest(word, Option)))
    return frozenset(found)


def _lines(
    table: dict[str, Any], faults: list[ProfileFault]
) -> tuple[frozenset[Line], frozenset[PrivateLine], dict[str, str]]:
    lines, private, written = set(), set(), {}
    for key, value in table.items():
        match attribute_line(key, value):
            case ProfileFault() as fault:
                faults.append(fault)
            case Line() as line:
                if f'attributes."{line.where}"' in written:
                    text, advice = "the same attribute stands there twice", "Leave one of the lines."
                    faults.append(ProfileFault("contradiction", f'attributes."{key}"', text, advice))
                    continue
                lines.add(line)
                written[f'attributes."{line.where}"'] = f'attributes."{key}"'
            case PrivateLine() as line:
                private.add(line)
                written[f'attributes."{line.where}"'] = f'attributes."{key}"'
    return frozenset(lines), frozenset(private), written


def write_profile(profile: Profile, name: str = "", description: str = "") -> str:
    """The text of a profile that extends none: read again, it is the same profile."""
    rows = [f"{key} = {_text(text)}" for key, text in (("name", name), ("description", description)) if text]
    lists = {
        "options": profile.options,
        "clean": profile.cleaned,
        "keep": profile.keep,
        "remove": profile.remove,
    }
    rows += [f"{key} = {_list(words)}" for key, words in lists.items() if words]
    rows += [] if profile.weekdays else ["weekdays = false"]
    rows += ["find_text = true"] if profile.find_text else []
    rows += [f"pixel_rules = {{ text = {_text(profile.pixel_rules)} }}"] if profile.pixel_rules else []
    if profile.lines or profile.private:
        rows += ["", "[attributes]"]
    for line in sorted(profile.lines):
        comment = f"  # {word}" if (word := keyword(line.tag)) else ""
        rows.append(f'"{line.where}" = {_text(line.treatment)}{comment}')
    for private in sorted(profile.private):
        done = f"{{ keep = {_text(private.vr)} }}" if private.vr else _text(Treatment.REMOVE)
        rows.append(f"{_text(private.where)} = {done}")
    return "\n".join([*rows, ""])


def _list(words: Iterable[str]) -> str:
    inside = sorted(_text(word) for word in words)
    flat = f"[{', '.join(inside)}]"
    return flat if len(flat) <= 100 else "[\n" + "".join(f"    {one},\n" for one in inside) + "]"


def _text(value: str) -> str:
    # JSON escapes what TOML does, but for DEL.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
