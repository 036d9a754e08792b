"""A report as one page of HTML that loads nothing from elsewhere, reads on a phone, and prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["page"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1b1b1b; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem; padding: 0; }
.figures li { list-style: none; background: #f2f4f7; border-radius: .5rem; padding: .6rem .8rem; }
.figures b { display: block; font-size: 1.4rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }
code { overflow-wrap: anywhere; }
.warn { border-left: .3rem solid #b45309; padding: .2rem .8rem; background: #fff7ed; }
@media (prefers-color-scheme: dark) {
  body { background: #15181c; color: #e6e6e6; } .figures li { background: #23282f; }
  th, td { border-color: #3a3f46; } .warn { background: #2c2113; }
}
"""


def page(facts: dict[str, Any]) -> str:
    """The page of `ror.deid.report.facts`."""
    title = "De-identification report"
    body = "\n".join(part for part in (f"<h1>{title}</h1>", *_parts(facts)) if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _parts(facts: dict[str, Any]) -> Iterable[str]:
    files, speed, profile = facts["files"], facts["speed"], facts["profile"]
    yield f"<p>{_text(facts['made_by'])}, begun {_text(facts['began_at'])}</p>"
    if not facts["complete"]:
        yield '<p class="warn">The run was stopped before it had seen all files.</p>'
    figures = {name: facts[name] for name in ("patients", "studies", "series")} | files
    yield _figures(figures)
    yield _table(
        "Objects", ("kind", "objects"), ((one["name"], one["objects"]) for one in facts["sop_classes"])
    )
    for heading, name in (("Refused", "refused"), ("Not DICOM objects", "skipped")):
        undone = ((one["what"], " ".join(one["tags"]), one["advice"], one["files"]) for one in facts[name])
        yield _table(heading, ("what", "where", "what to do", "files"), undone)
    settings = [(key, _said(value)) for key, value in profile.items()]
    settings += [("codes of PS3.16 CID 7050", _said(facts["codes"]))]
    settings += [("key", f"{facts['key']['of']}, fingerprint {facts['key']['fingerprint']}")]
    yield _table("Profile", ("setting", ""), settings)
    yield _table("What was done with attributes", ("action", "attributes"), facts["actions"].items())
    for heading, name in (("Cleaned attributes", "cleaned"), ("Removed attributes", "removed")):
        rows = ((one["tag"], one["name"], one["objects"]) for one in facts[name])
        yield _table(heading, ("tag", "name", "objects"), rows)
    yield (
        f"<p>{speed['seconds']} s with {speed['jobs']} processes: {speed['files_per_second']} files/s, "
        f"{speed['mib_per_second']} MiB/s. No value of an attribute and no name of a file is on this page.</p>"
    )


def _figures(figures: dict[str, int]) -> str:
    items = "".join(f"<li><b>{number:,}</b>{_text(name)}</li>" for name, number in figures.items())
    return f'<ul class="figures">{items}</ul>'


def _table(heading: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["".join(_cell("td", one) for one in row) for row in rows]
    if not lines:
        return ""
    head = "".join(f"<th>{_text(one)}</th>" for one in columns)
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<h2>{_text(heading)}</h2>\n<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _cell(tag: str, value: object) -> str:
    if isinstance(value, int):
        return f'<{tag} class="n">{value:,}</{tag}>'
    return f"<{tag}>{_text(value)}</{tag}>"


def _said(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _text(value: object) -> str:
    return escape(str(value))
