"""gc needs neither TensorFlow, Beam nor TFX, nor what costs as much."""

import json
import subprocess
import sys
from pathlib import Path

from tests.pipeline.housekeeping.conftest import Ground
from tests.pipeline.imported import HEAVY, heavy_or_sqlite

ROOT = Path(__file__).parents[3]


def test_gc_imports_no_framework(ground: Ground) -> None:
    for number in (1, 2):
        ground.run(number, value=2000)
    code = (
        "import json, sys, runner\n"
        f"assert runner.main(['gc', '--keep-runs', '1', '--workspace', {str(ground.root)!r}]) == 0\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("freed ")
    assert json.loads(done.stderr.splitlines()[-1]) == []


def test_no_module_of_the_package_imports_sqlite() -> None:
    """Two copies of SQLite in one process do not see one another's locks; ML Metadata brings its own."""
    assert heavy_or_sqlite(ROOT / "pipeline" / "housekeeping") == {}
