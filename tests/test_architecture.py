"""Holds the layers, the doors of third parties, and the absence of import circles (ARCHITECTURE.md)."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEAVES = ("select_lang", "anonymizer", "containers", "orthanc")

# Each layer may import the layers behind it, never those before it; a pair in one layer does not import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("ror.cli",),
    ("ror.web",),
    ("ror.service",),
    ("ror.away", "ror.comparison", "ror.housekeeping", "ror.withdrawal"),
    ("ror.app", "ror.develop"),
    ("ror.gateway", "ror.engine", "ror.results", "ror.deid"),
    ("ror.registry",),
    ("ror.archive",),
    ("ror.db",),
    ("ror.pacs",),
    (
        "ror.config",
        "ror.home",
        "ror.log",
        "ror.walking",
        "ror.stopping",
        "ror.listening",
        "ror.packing",
        "ror.whole_file",
    ),
    ("ror.pacs_settings", "ror.engine_settings", "ror.housekeeping_settings"),
    ("ror.setting_types", "ror.setting_places"),
    ("ror.bearer", "ror.model", "ror.hashed_uid", "ror.overheard", "ror.series_names"),
    ("ror.errors", "ror.loading", "ror.log_json", "ror.wording"),
    LEAVES,
)

DOORS: dict[str, tuple[str, ...]] = {
    "lark": ("select_lang.parse", "select_lang.build"),
    "pynetdicom": ("ror.gateway", "orthanc.dimse"),
    "docker": (
        "containers.docker",
        "containers.docker_daemon",
        "containers.docker_images",
        "containers.docker_loading",
    ),
    "highdicom": ("ror.results",),
    "redcap": ("ror.results",),
    "nibabel": ("ror.results",),
    "nrrd": ("ror.results",),
    "duckdb": ("ror.results.export",),
    "dbos": ("ror.engine",),
    "alembic": ("ror.db",),
    "reportlab": ("ror.results",),
    "PIL": ("anonymizer.pixels", "ror.results", "ror.web"),
    "onnxruntime": ("anonymizer.pixels",),
    "starlette": ("ror.web",),
    "prometheus_client": ("ror.web",),
    "uvicorn": ("ror.web",),
    "sqlalchemy": ("ror", "select_lang.sql"),
    "click": ("ror.cli",),
    "rich": ("ror.cli",),
    "textual": ("ror.cli.terminal",),
    "mcp": ("ror.cli.mcp_server",),
}

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

# Modules that are public by themselves: tables are data, geometry is shared by staging and results; parts of the
# language and of the developer's side that not everybody needs have doors of their own.
PUBLIC_MODULES = {
    "ror.db.tables",
    "ror.archive.geometry",
    "ror.develop.base_images",
    "ror.develop.assistant",
    "ror.develop.ontology",
    "ror.develop.preview",
    "ror.develop.scanning",
    "ror.develop.submitting",
    "ror.develop.trial",
    "select_lang.classification",
    "select_lang.sql",
}


@dataclass(frozen=True)
class Import:
    """`module` (a file of ours) imports `target`."""

    module: str
    target: str
    line: int
    inside: bool


def modules() -> Iterator[tuple[str, Path]]:
    for package in (*LEAVES, "ror"):
        for file in sorted((ROOT / package).rglob("*.py")):
            if "migrations" in file.parts:
                continue
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def imports() -> Iterator[Import]:
    for module, file in modules():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        top = set(
            ast.walk(
                ast.Module(body=[n for n in tree.body if not isinstance(n, DEFINITIONS)], type_ignores=[])
            )
        )
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(module, alias.name, node.lineno, node not in top)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}:{node.lineno}: relative import"
                for alias in node.names:
                    yield Import(
                        module, resolved(node.module or "", alias.name), node.lineno, node not in top
                    )


def resolved(package: str, name: str) -> str:
    return f"{package}.{name}" if f"{package}.{name}" in MODULES else package


MODULES = dict(modules())
IMPORTS = list(imports())


def below(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def layer(module: str) -> int:
    for number, packages in enumerate(LAYERS):
        if any(below(module, package) for package in packages):
            return number
    pytest.fail(f"{module} is in no layer")


def home(module: str) -> str:
    return next(package for package in LAYERS[layer(module)] if below(module, package))


OURS = [one for one in IMPORTS if one.target in MODULES and one.target != "ror" and one.module != "ror"]


def test_imports_go_down_the_layers_only() -> None:
    wrong = [
        f"{one.module}:{one.line} imports {one.target}"
        for one in OURS
        if home(one.module) != home(one.target) and layer(one.module) >= layer(one.target)
    ]
    assert not wrong, "\n".join(wrong)


def test_other_packages_are_entered_by_their_front_door() -> None:
    wrong = []
    for one in OURS:
        entered = home(one.target)
        deeper = one.target.removeprefix(entered).count(".") > 0
        if home(one.module) != entered and deeper and one.target not in PUBLIC_MODULES:
            wrong.append(f"{one.module}:{one.line} reaches into {one.target}")
    assert not wrong, "\n".join(wrong)


def test_third_parties_come_in_through_one_door_each() -> None:
    wrong = [
        f"{one.module}:{one.line} imports {one.target}"
        for one in IMPORTS
        for library, doors in DOORS.items()
        if below(one.target, library)
        and one.target not in MODULES
        and not any(below(one.module, d) for d in doors)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_hides_in_a_function() -> None:
    wrong = [f"{one.module}:{one.line} imports {one.target}" for one in IMPORTS if one.inside]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for one in OURS:
        if one.target != one.module:
            graph[one.module].add(one.target)
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path[path.index(module) :], module))
        if module not in done:
            for target in graph[module]:
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_workflows_import_nothing_of_ours() -> None:
    wrong = []
    for file in (ROOT / "workflows").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            wrong += [f"{file}: {name}" for name in names if name.split(".")[0] in (*LEAVES, "ror")]
    assert not wrong, "\n".join(wrong)


def test_every_package_says_what_it_gives() -> None:
    wrong = [
        module
        for module, file in MODULES.items()
        if "__all__" not in file.read_text(encoding="utf-8") and not module.split(".")[-1].startswith("_")
    ]
    assert not wrong, "\n".join(wrong)
