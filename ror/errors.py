"""Errors of the product.

    RorError                    what an operator can meet; says what, and in `advice` what to do
    ├── ConfigurationError      ror.toml, ROR_* or an option is wrong: correct it; all faults are listed
    ├── NotFound                no project, workflow, study or job of that name: look at the matching `list` command
    ├── AlreadyExists           the name is taken: choose another, or change the existing one
    ├── HomeInUse               another `ror serve`, or a worker of this name, works here: stop it, or take another name
    ├── NotAllowed              the thing is not in a state in which this can be done
    ├── ServiceUnavailable      PACS, REDCap, container runtime or disk is not there now: the engine tries again
    └── JobFailed               a job cannot succeed however often it is tried: correct the workflow or the data
        ├── ProgramFailed       its program ended with an error; `retries` is how often its manifest has it tried again
        └── OutOfMemory         its program was ended for using more memory than it may, which may pass

No error carries the value of an attribute of an identified object.
"""

__all__ = [
    "AlreadyExists",
    "ConfigurationError",
    "HomeInUse",
    "JobFailed",
    "NotAllowed",
    "NotFound",
    "OutOfMemory",
    "ProgramFailed",
    "RorError",
    "ServiceUnavailable",
]


class RorError(Exception):
    """Something an operator can understand and act on."""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(what, advice)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return self.what


class ConfigurationError(RorError):
    """Settings are wrong; `faults` has one line for each, with its path."""

    def __init__(self, what: str, faults: tuple[str, ...] = (), advice: str = "") -> None:
        super().__init__(what, advice)
        self.args = (what, faults, advice)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join((self.what, *(f"  {fault}" for fault in self.faults)))


class NotFound(RorError):
    """There is no such project, workflow, study or job."""


class AlreadyExists(RorError):
    """The name is taken."""


class HomeInUse(RorError):
    """Another process serves from this home folder, or works under this executor id."""


class NotAllowed(RorError):
    """Not possible in the present state."""


class ServiceUnavailable(RorError):
    """Something the job needs is not there now; waiting helps."""


class JobFailed(RorError):
    """The job cannot succeed by being repeated."""


class ProgramFailed(JobFailed):
    """The program of the job ended with an error of its own; `retries` more tries are worth it."""

    def __init__(self, what: str, advice: str = "", retries: int = 0) -> None:
        super().__init__(what, advice)
        self.args = (what, advice, retries)
        self.retries = retries


class OutOfMemory(JobFailed):
    """The program of the job was ended for using more memory than it may."""
