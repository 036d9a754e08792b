"""What is done with an object while it comes in, so that little is left to do when its last byte is there.

Most of an object are its pixels, which go through as they are: as soon as the header is there it is de-identified, and
the pixels are hashed and written behind it as they come. Nothing is decided here. `Intake` decides when the object is
whole, and only then; where anything has come otherwise, what was done ahead is dropped, and the object, which was kept
as it came, is taken in as if nothing had been.
"""

from __future__ import annotations

from typing import Final

from anonymizer import (
    DeidentificationError,
    Deidentifier,
    IdentifiedInstance,
    ResearchInstance,
    RunningFingerprint,
)
from ror.archive import FileStore, NewFile
from ror.gateway.gates import Gate
from ror.gateway.received import Received

__all__ = ["Ahead", "begin"]

# Less than this is done as quickly when it is whole.
_WORTH_BYTES: Final = 2**16
# Explicit, and what the dictionary says where it is implicit: nobody looks into a value of these.
_PIXEL_VRS: Final = frozenset({"OB", "OW", "OB or OW"})


class Ahead:
    """An object that is coming in, by a gate: `identified` and `research` have all but some of its pixels.

    Parameters
    ----------
    end
        How many bytes its data set has, if nothing comes behind its pixels.
    file
        That of `research`, begun with here.
    """

    def __init__(
        self, gate: Gate, identified: IdentifiedInstance, end: int, research: ResearchInstance, file: NewFile
    ) -> None:
        self.gate = gate
        self.identified = identified
        self.research = research
        self.file = file
        self._fingerprint = RunningFingerprint(identified)
        *header, pixels = research.chunks
        self._done, self._end = end - len(pixels), end
        for chunk in header:
            file.write(bytes(chunk))

    @property
    def source_digest(self) -> str:
        """The keyed digest of what was received."""
        return self._fingerprint.by(self.gate.key)

    def more(self, data: memoryview) -> None:
        """Go on; `data` is what there is of the object by now. Raises OSError where the disk refuses."""
        new = data[self._done : self._end]
        self._fingerprint.update(new)
        self.file.write(new)
        self._done += len(new)

    def is_of(self, received: Received, gate: Gate) -> bool:
        """Whether this is all of an object that has come, as its gate is now."""
        return self._done == self._end == len(received.data) and self.gate == gate

    def close(self) -> None:
        """Drop what was not filed."""
        self.file.close()


def begin(
    received: Received, there: int, gate: Gate, deidentifier: Deidentifier, files: FileStore
) -> Ahead | None:
    """Begin with an object of which the first `there` bytes of `received.data` have come; None where it has to wait.

    Raises
    ------
    OSError
        The disk refuses.
    """
    assert isinstance(received.data, memoryview)
    said = received.sop_class_uid, received.sop_instance_uid, received.transfer_syntax_uid
    try:
        found = IdentifiedInstance.from_beginning(received.data, there, *said, deidentifier.memory)
        if found is None or found[1] - there < _WORTH_BYTES:
            return None
        identified, end = found
        research, _report = deidentifier.deidentify(identified)
    except DeidentificationError:
        return None  # told when it is whole
    pixels = identified.data_set.pixels
    if pixels is None or pixels.vr not in _PIXEL_VRS or research.chunks[-1] is not pixels.value:
        return None
    file = files.begin(research.length)
    try:
        return Ahead(gate, identified, end, research, file)
    except OSError:
        file.close()
        raise
