"""What becomes of a study: read, check, prepare, segment, map back, measure, write."""

from __future__ import annotations

from pathlib import Path

from job import Unusable, read_job, record_key
from models import find_model
from prepare import on_grid_of, prepare
from results import Result, write_results
from steps import Steps
from study import read_sequences
from wanted import Wanted

__all__ = ["run"]


def run(data: Path, output: Path, model: list[str]) -> None:
    """Process one job; everything is written at the end, so that a failed run leaves nothing behind.

    Raises
    ------
    Unusable
        With the reason why there is no mask.
    """
    if left := sorted(path.name for path in output.iterdir() if path.name != "log"):
        raise Unusable(f"the output folder holds {', '.join(left)} of another run: empty it")
    wanted = Wanted.of_package()
    steps = Steps()
    look = find_model(model)
    with steps.timed("reading"):
        sequences = read_sequences(data, read_job(data))
    prepared = prepare(sequences, steps)
    with steps.timed("network"):
        seen = look(prepared)
    with steps.timed("mapping back"):
        target = sequences[wanted.on]
        native = [on_grid_of(target, prepared, part) for part in seen.probabilities[1:]]
    result = Result.of(seen, native, target, prepared)
    print(result.title, flush=True)
    write_results(output, result, record_key(data), wanted, steps)
