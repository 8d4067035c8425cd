"""What a bare machine gets: the lock, the two lists of packages and the script that installs."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

INDEX_HOST = re.compile(
    r"(?:--(?:extra-)?index-url|--find-links|--trusted-host|pypi\.org|pythonhosted\.org|/simple/?\s)"
)
PLATFORMS = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")]
PYTHONS = ["3.11", "3.12", "3.13"]


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def lock(root: Path) -> list[tuple[Requirement, int]]:
    """The pinned requirements, each with its number of hashes."""
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    entries = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        requirement, *hashes = line.split("--hash=sha256:")
        assert all(re.fullmatch(r"[0-9a-f]{64}", value.strip()) for value in hashes)
        entries.append((Requirement(requirement.strip()), len(hashes)))
    return entries


def environment(platform: str, machine: str, python: str) -> dict[str, str]:
    systems = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}
    return {
        **{name: str(value) for name, value in default_environment().items()},
        "sys_platform": platform,
        "platform_system": systems[platform],
        "platform_machine": machine,
        "os_name": "nt" if platform == "win32" else "posix",
        "python_version": python,
        "python_full_version": f"{python}.5",
    }


def applies(requirement: Requirement, where: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(where)


def wanted(project: dict, *extras: str) -> list[Requirement]:
    optional = project["optional-dependencies"]
    lines = project["dependencies"] + [line for extra in extras for line in optional[extra]]
    return [Requirement(line) for line in lines]


def test_every_package_in_the_lock_is_pinned_and_hashed(lock):
    for requirement, hashes in lock:
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), str(requirement)
        assert hashes, f"{requirement} has no hash"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("platform", "machine"), PLATFORMS)
def test_the_lock_satisfies_pyproject(project, lock, platform, machine, python):
    where = environment(platform, machine, python)
    pins: dict[str, str] = {}
    for requirement, _ in lock:
        if applies(requirement, where):
            name = canonicalize_name(requirement.name)
            assert name not in pins, f"{name} is pinned twice for {platform} {machine} {python}"
            pins[name] = str(requirement.specifier).removeprefix("==")
    for requirement in wanted(project, "cpu", "dev"):
        if applies(requirement, where):
            name = canonicalize_name(requirement.name)
            assert name in pins, f"{name} is not in the lock for {platform} {machine}"
            assert requirement.specifier.contains(pins[name], prereleases=True), requirement


@pytest.mark.parametrize("extra", ["cpu", "gpu"])
@pytest.mark.parametrize(("platform", "machine"), PLATFORMS)
def test_each_choice_installs_exactly_one_tensorflow(project, extra, platform, machine):
    where = environment(platform, machine, "3.12")
    optional = [Requirement(line) for line in project["optional-dependencies"][extra]]
    assert len([requirement for requirement in optional if applies(requirement, where)]) == 1


def test_the_lock_holds_the_build_without_gpu_code(lock):
    where = environment("linux", "x86_64", "3.11")
    names = {canonicalize_name(entry.name) for entry, _ in lock if applies(entry, where)}
    assert "tensorflow-cpu" in names
    assert "tensorflow" not in names
    assert not [name for name in names if name.startswith("nvidia-")]


def test_this_environment_is_what_the_lock_says(lock):
    """Guards against testing something else than what is locked."""
    if ".venv-newest" in sys.prefix:
        pytest.skip("this environment has the newest versions on purpose")
    from importlib.metadata import PackageNotFoundError, version

    where = {name: str(value) for name, value in default_environment().items()}
    different = []
    for requirement, _ in lock:
        if applies(requirement, where):
            try:
                found = version(requirement.name)
            except PackageNotFoundError:
                found = "nothing"
            if found != str(requirement.specifier).removeprefix("=="):
                different.append(f"{requirement} but {found} is installed")
    assert not different


def test_no_committed_file_names_a_package_index(root):
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False
    ).stdout.decode()
    if not listed:
        pytest.skip("not a git checkout")
    # These two say which names are forbidden, and that they are left out of the lock.
    excepted = {"tests/test_packaging.py"}
    found = []
    for name in listed.rstrip("\0").split("\0"):
        path = root / name
        if name in excepted or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        text = text.replace("--no-emit-index-url", "").replace("--no-emit-find-links", "")
        found += [f"{name}: {match.group()}" for match in INDEX_HOST.finditer(text)]
    assert not found


def test_conda_users_get_the_same_packages_and_python(root, project):
    conda = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip_lines = next(entry["pip"] for entry in conda if isinstance(entry, dict))
    assert pip_lines[-1] == "--editable ."
    optional = project["optional-dependencies"]
    expected = project["dependencies"] + optional["cpu"] + optional["dev"]
    assert sorted(pip_lines[:-1]) == sorted(expected)
    pythons = [Requirement(entry) for entry in conda if isinstance(entry, str)]
    python = next(entry for entry in pythons if entry.name == "python")
    assert python.specifier == SpecifierSet(project["requires-python"])


def test_supported_pythons_agree(root, project):
    """pyproject's range, its classifiers and the installing script's search say the same."""
    allowed = SpecifierSet(project["requires-python"])
    classified = [line.rsplit(" ", 1)[1] for line in project["classifiers"] if ":: 3." in line]
    assert classified == PYTHONS
    assert all(Version(version) in allowed for version in PYTHONS)
    assert Version("3.10") not in allowed
    assert Version("3.14") not in allowed
    script = (root / "tools" / "environment.sh").read_text(encoding="utf-8")
    assert "(3, 11) <= sys.version_info[:2] < (3, 14)" in script


# --- tools/environment.sh -------------------------------------------------------------------------

needs_sh = pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh here")


def fake_python(folder: Path, name: str, version: str, *, venv: bool) -> Path:
    """A program that answers the script's questions as another Python would."""
    path = folder / name
    numbers = tuple(int(part) for part in version.split("."))
    path.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        f"version = {numbers}\n"
        "code = sys.argv[2]\n"
        "if 'ensurepip' in code:\n"
        f"    sys.exit({0 if venv else 1})\n"
        "code = code.replace('sys.version_info', 'version').replace('import sys; ', '')\n"
        "exec(code, {'sys': sys, 'version': version})\n"
    )
    path.chmod(0o755)
    return path


def make_environment(root: Path, folder: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run the script in a copy of the tree in which it can do no harm."""
    (folder / "tools").mkdir(exist_ok=True)
    for name in ("tools/environment.sh", "requirements.lock", "pyproject.toml"):
        shutil.copy(root / name, folder / name)
    return subprocess.run(
        ["sh", "tools/environment.sh"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder / "home"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_sh
@pytest.mark.parametrize("version", ["3.10.13", "3.14.0", "2.7.18"])
def test_a_python_that_does_not_fit_is_named_in_one_sentence(root, tmp_path, version):
    python = fake_python(tmp_path, "mypython", version, venv=True)
    done = make_environment(root, tmp_path, PYTHON=str(python))
    assert done.returncode == 2
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert version in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".venv").exists()


@needs_sh
def test_a_python_without_venv_is_told_what_to_install(root, tmp_path):
    python = fake_python(tmp_path, "mypython", "3.12.3", venv=False)
    done = make_environment(root, tmp_path, PYTHON=str(python))
    assert done.returncode == 2
    assert "apt-get install python3.12-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


@needs_sh
def test_a_path_with_spaces_names_a_python(root, tmp_path):
    (tmp_path / "my pythons").mkdir()
    python = fake_python(tmp_path / "my pythons", "py", "3.9.1", venv=True)
    assert "3.9.1" in make_environment(root, tmp_path, PYTHON=str(python)).stderr


@needs_sh
def test_an_environment_that_is_up_to_date_is_left_alone(root, tmp_path):
    """And one made for another lock, or left unfinished, is not taken for it."""
    bin_folder = tmp_path / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").symlink_to(sys.executable)
    none = fake_python(tmp_path, "mypython", "3.10.0", venv=True)
    lines = subprocess.run(
        "cat requirements.lock pyproject.toml | cksum",
        shell=True,
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    stamp = tmp_path / ".venv" / "made-from"
    stamp.write_text(f"{lines}{tmp_path.resolve()}\n")
    done = make_environment(root, tmp_path, PYTHON=str(none))
    assert (done.returncode, done.stderr) == (0, "")

    (tmp_path / ".venv" / "unfinished").touch()
    done = make_environment(root, tmp_path, PYTHON=str(none))
    assert "interrupted" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_ci_calls_make_test(root):
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert re.search(r"^make test$", script.read_text(encoding="utf-8"), re.MULTILINE)
