"""Runtimes to test, and a package whose program does what its options ask for."""

import dataclasses
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from containers import DockerRuntime, Image, Limits, Outcome, Package, ProcessRuntime, RunOrder, Runtime
from tests.support.docker_daemon import BASE_IMAGE

ACTOR = Path(__file__).parent / "actor"
NUMBERS = itertools.count()


@pytest.fixture(scope="session", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def runtime(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    root = tmp_path_factory.mktemp(request.param)
    if request.param == "process":
        return ProcessRuntime(root)
    return DockerRuntime(root, BASE_IMAGE, request.getfixturevalue("docker_host"))


@dataclasses.dataclass
class Stage:
    """One job for the actor: its folders, and how it is run."""

    runtime: Runtime
    package: Package
    image: Image
    folder: Path
    job_id: str

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> str:
        return (self.folder / "log" / "program.log").read_text()

    @property
    def podman(self) -> int:
        """The major version of the Podman that the tests of Docker are run with; 0 where it is Docker."""
        return self.runtime._daemon.podman() if isinstance(self.runtime, DockerRuntime) else 0

    def told(self, outcome: Outcome) -> str:
        """How a run ended, in words; without the doubt that is said where Podman does not tell why."""
        doubt = ", or by another: Podman tells which from version 5 on"
        return outcome.detail.removesuffix(doubt) if 0 < self.podman < 5 else outcome.detail

    def order(self, limits: Limits | None = None, **options: object) -> RunOrder:
        return RunOrder(
            job_id=self.job_id,
            package=self.package,
            image=self.image,
            data_dir=self.data,
            output_dir=self.output,
            log_path=self.folder / "log" / "program.log",
            limits=limits or Limits(memory_mib=512, timeout_s=60),
            options=options,
        )

    def play(
        self, on_line: Callable[[str], None] | None = None, limits: Limits | None = None, **options: object
    ) -> Outcome:
        return self.runtime.run(self.order(limits, **options), on_line)


@pytest.fixture(scope="session")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("package") / "actor"
    shutil.copytree(ACTOR, folder)
    return Package.load(folder)


@pytest.fixture
def stage(runtime: Runtime, actor: Package, tmp_path: Path) -> Stage:
    (tmp_path / "data" / "input").mkdir(parents=True)
    (tmp_path / "data" / "input" / "words.txt").write_text("to be read")
    (tmp_path / "output").mkdir()
    image = runtime.prepare(actor, lambda line: None)
    return Stage(runtime, actor, image, tmp_path, f"job-{next(NUMBERS)}-{tmp_path.parent.name}")
