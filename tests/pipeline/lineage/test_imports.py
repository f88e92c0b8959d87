"""The questions are answered without TensorFlow, Beam or TFX, and without what costs as much."""

import json
import subprocess
import sys
from pathlib import Path

from tests.pipeline.imported import HEAVY, heavy_or_sqlite

ROOT = Path(__file__).parents[3]
COMMANDS = (
    *(["runs", "--all"], ["show", "last-4"], ["diff", "last-5", "last-4"], ["logs", "flats-20260103", "Trainer"]),
    *(["why", "Trainer", "flats-20260103"], ["why", "Transform", "flats-20260103"]),
    *(["serving"], ["lineage", "model", "flats/3"], ["lineage", "data", "rows.csv"], ["lineage", "feature", "rooms"]),
)


def test_the_questions_import_no_framework(workspace: Path) -> None:
    code = (
        "import json, sys, runner\n"
        f"for command in {COMMANDS!r}:\n"
        f"    assert runner.main([*command, '--workspace', {str(workspace)!r}]) == 0, command\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == []


def test_no_module_of_the_package_imports_a_framework_or_sqlite() -> None:
    assert heavy_or_sqlite(ROOT / "pipeline" / "lineage") == {}
