"""No chapter needs more than 8 GB: each is run with that limit on what it may allocate."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

CHAPTERS = sorted((Path(__file__).parent.parent / "chapters").glob("[0-9]*.ipynb"))
LIMIT = 8 * 1024**3
COMMAND = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute"]
COMMAND += ["--ExecutePreprocessor.timeout=1500"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.notebook,
    pytest.mark.skipif(sys.platform != "linux", reason="limits of this kind are Linux's"),
]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapters_whole_run_stays_under_8_gb(chapter, tmp_path):
    done = subprocess.run(
        [*COMMAND, "--output-dir", str(tmp_path), str(chapter)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT)),
        env={**os.environ, "CONVBOOK_SCALE": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
