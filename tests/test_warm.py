"""Programs that the warm process runs are as they would be if `python` had started them."""

import subprocess
import sys

import pytest
import warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")

LOOK = """
import os, sys
print(sorted(set(os.environ) - {"LC_CTYPE"}), os.getcwd(), sys.argv, sys.path[:2], __name__)
print(sorted(name for name in sys.modules if name.split(".")[0] in ("autograder", "convbook")))
print("an error", file=sys.stderr)
sys.exit(3)
"""


@pytest.mark.parametrize("end", ["sys.exit(3)", "sys.exit('a sentence')", "", "import warm"])
def test_a_program_finds_what_it_would_find_in_a_process_of_its_own(tmp_path, end):
    env = {"PYTHONPATH": "/nowhere", "KERAS_BACKEND": "tensorflow", "PATH": "/usr/bin"}
    words = ["-c", LOOK.replace("sys.exit(3)", end), "one", "two"]
    slow = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    quick = warm.run(words, tmp_path, env)
    assert (quick.returncode, quick.stdout) == (slow.returncode, slow.stdout)
    assert quick.stderr.splitlines()[-1] == slow.stderr.splitlines()[-1]


def test_a_module_is_the_one_of_the_folder_it_is_started_in(tmp_path):
    (tmp_path / "autograder").mkdir()
    (tmp_path / "autograder" / "__init__.py").write_text("")
    (tmp_path / "autograder" / "__main__.py").write_text("import sys; print(sys.argv[1:])")
    done = warm.run(["-m", "autograder", "x"], tmp_path, together=True)
    assert (done.returncode, done.stdout) == (0, "['x']\n")


def test_a_program_can_be_watched_and_ended(tmp_path):
    program = warm.start(["-c", "print('here', flush=True)\nwhile True: pass"], tmp_path)
    assert program.stdout is not None
    assert program.stdout.readline() == "here\n"
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.1)
    program.kill()
    assert program.wait() == -9
    program.stdout.close()
