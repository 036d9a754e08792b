"""The example runs a statement over a CSV of series."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "select_csv.py"
TABLE = """SeriesInstanceUID,StudyInstanceUID,PatientID,Modality,NumImages,ImageType
1.1,1,P1,CT,133,ORIGINAL\\PRIMARY
1.2,1,P1,CT,133,DERIVED\\SECONDARY
"""


def run(folder: Path, statement: str, content: str = TABLE) -> subprocess.CompletedProcess[str]:
    table = folder / "series.csv"
    table.write_text(content, encoding="utf-8")
    command = [sys.executable, str(EXAMPLE), str(table), statement]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={"PYTHONPATH": str(EXAMPLE.parents[1])},
    )


def test_it_prints_the_jobs(tmp_path):
    done = run(tmp_path, "select series where series named CT has ImageType = PRIMARY")
    assert done.stdout == "e6aa6839cd88afe2f23f CT=1.1\nmatched: 1 CT\n", done.stderr


def test_it_says_why_there_is_none(tmp_path):
    done = run(tmp_path, "select study where Modality = MR")
    assert done.stdout == 'no series fits: Modality = "MR" found nothing in 2 series (seen: CT)\n'


def test_it_says_what_is_wrong_with_a_statement(tmp_path):
    done = run(tmp_path, "select study where Modalty = MR")
    assert done.returncode == 1
    assert "Did you mean Modality?" in done.stderr


def test_it_says_what_is_wrong_with_a_table(tmp_path):
    done = run(tmp_path, "select study where Modality = MR", TABLE.replace("Modality", "Modalty"))
    assert done.returncode == 1
    assert "Did you mean Modality?" in done.stderr


def test_it_is_short_and_uses_the_package_alone():
    text = EXAMPLE.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 20
    assert "import csv" not in text
