"""What the README and CONTRIBUTING say is so: commands, paths, links, who may import what."""

import ast
import graphlib
import re
import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from nbgrader.apps import NbGraderApp
from typer.testing import CliRunner

from autograder.cli import app

DOCUMENTS = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("docs/tour.md", "docs/teaching.md", "docs/platforms.md", "docs/clusters.md"),
]
# Made by commands, or by the reader; not in the repository.
MADE = ("_book", "_demo", ".venv", "downloaded", "submitted", "graded", "keys")


@pytest.fixture(scope="module", params=DOCUMENTS)
def document(request, root) -> tuple[Path, str]:
    path = root / request.param
    return path, path.read_text(encoding="utf-8")


def code_spans(text: str) -> list[str]:
    """Every inline code span, and every line of the fenced blocks without its comment."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    without = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [line for line in lines if line] + re.findall(r"`([^`\n]+)`", without)


def test_links_lead_somewhere(document):
    path, text = document
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+://", target):
            assert (path.parent / target.split("#")[0]).is_file(), target


def test_links_within_a_page_have_their_heading(document):
    _, text = document
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(#([^)]+)\)", text):
        assert target in anchors


def test_named_paths_exist(document, root):
    _, text = document
    for span in code_spans(text):
        for word in shlex.split(span.replace("'", "")):
            if not re.fullmatch(r"[\w.-]+(?:/[\w.-]*)+", word) or word.startswith(MADE):
                continue
            if word.split("/")[0] not in {path.name for path in root.iterdir()}:
                continue  # such as a relative path on a student's disk
            if "NN_name" in word or "STUDENT" in word:
                continue
            assert (root / word).exists(), f"{word} (in {span!r})"


def test_make_targets_exist(document, root):
    _, text = document
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    named = {
        found.group(1)
        for span in code_spans(text)
        if (found := re.search(r"(?:^|\s)make ([\w-]+)$", span))
    }
    assert named <= targets, named - targets


def test_the_two_commands_are_in_the_readme(root):
    spans = code_spans((root / "README.md").read_text(encoding="utf-8"))
    assert {"make demo", "make lab"} <= set(spans)


def commands(root: Path, program: str) -> set[tuple[str, tuple[str, ...]]]:
    """The subcommands of a program that the documents name, each with its options."""
    found = set()
    for name in DOCUMENTS:
        for span in code_spans((root / name).read_text(encoding="utf-8")):
            words = shlex.split(span.replace("'", ""))
            if len(words) > 1 and Path(words[0]).name == program:
                options = tuple(word for word in words if word.startswith("--"))
                # `autograder course` has commands of its own
                command = " ".join(words[1:3]) if words[1] == "course" else words[1]
                found.add((command, options))
    return found


def test_autograder_commands_and_options_exist(root):
    named = commands(root, "autograder")
    assert {"check", "grade", "key", "release", "progress"} <= {name for name, _ in named}
    for command, options in named:
        done = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
        assert done.exit_code == 0, f"autograder {command}: {done.output}"
        for option in options:
            assert option in done.output, f"autograder {command} {option}"


def test_nbgrader_commands_exist(root):
    for command, _ in commands(root, "nbgrader"):
        assert command in NbGraderApp.subcommands


def test_modules_that_are_run_exist(document, root):
    _, text = document
    for module in re.findall(r"python -m ([\w.]+)", text):
        path = root / module.replace(".", "/")  # a module, or a package that can be run
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_each_reader_has_ten_lines(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    readers = [section for section in sections if section.startswith("If you ")]
    assert len(readers) == 3
    for section in readers:
        assert len(re.findall(r"^\d+\. ", section, re.MULTILINE)) == 10, section.splitlines()[0]


def test_the_readme_names_every_chapter(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| (\d\d) \| \[.+?\]\(chapters/(\S+)\.ipynb\)", text, re.MULTILINE)
    chapters = sorted(path.stem for path in (root / "chapters").glob("[01]*.ipynb"))
    assert [name for _, name in named] == chapters
    assert all(name.startswith(number) for number, name in named)


def imported(path: Path) -> set[str]:
    """The packages that a Python file imports anywhere in it."""
    return packages(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported_at_once(path: Path) -> set[str]:
    """The packages that importing a Python file imports."""
    return packages(ast.parse(path.read_text(encoding="utf-8")).body)


def packages(nodes: Iterable[ast.AST]) -> set[str]:
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("autograder", {"convbook", "book", "solutions"}),
        ("convbook", {"autograder", "book", "solutions"}),
    ],
)
def test_packages_import_in_the_direction_contributing_says(root, package, forbidden):
    files = sorted((root / package).rglob("*.py"))
    assert files
    for path in files:
        assert not imported(path) & forbidden, path.relative_to(root)


ROOMS = ("data", "probing", "judging", "running", "setting", "course", "desk")


def names_imported(path: Path) -> set[str]:
    """The dotted names that a file imports, at once or within a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_imported(path: Path) -> set[str]:
    """The rooms of `autograder` that a file imports from, at once or within a function."""
    parts = [name.split(".") for name in names_imported(path) if name.startswith("autograder.")]
    return {part[1] for part in parts}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_of_the_autograder_import_only_from_themselves_and_from_below(root, room):
    below = set(ROOMS[: ROOMS.index(room) + 1])
    files = sorted((root / "autograder" / room).glob("*.py"))
    assert len(files) > 1
    for path in files:
        assert rooms_imported(path) <= below, path.relative_to(root)


@pytest.mark.parametrize("package", ["autograder", "convbook", "book"])
def test_no_modules_import_each_other_in_a_circle(root, package):
    files = {
        ".".join(path.relative_to(root).with_suffix("").parts): path
        for path in (root / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    graph = {name: names_imported(path) & set(files) for name, path in files.items()}
    assert sum(map(len, graph.values())) > 10
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_every_module_of_the_autograder_is_in_a_room_or_on_top(root):
    top = {path.name for path in (root / "autograder").glob("*.py")}
    assert top == {"__init__.py", "__main__.py", "cli.py", "notebook_check.py"}
    folders = {path.name for path in (root / "autograder").iterdir() if any(path.glob("*.py"))}
    assert folders == set(ROOMS)


def test_only_the_data_package_imports_a_backend(root):
    """So that each of Keras's backends runs the rest with the others not installed.

    What Keras has no function for (gradients, a list of PyTorch's devices) is imported within a
    function, for the backend that is in use.
    """
    for package in ("autograder", "convbook"):
        for path in sorted((root / package).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if not name.startswith("convbook/data/"):
                assert not imported_at_once(path) & {"tensorflow", "torch", "jax"}, name


@pytest.mark.parametrize("name", ["LICENSE", "CITATION.cff", "CHANGELOG.md"])
def test_what_a_project_must_say_of_itself_is_there(root, name):
    assert (root / name).stat().st_size > 100


def test_citation_licence_and_version_agree(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["license"] == project["license"]
    assert str(citation["version"]) == project["version"]
    assert f"## {project['version']}" in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in (root / "LICENSE").read_text(encoding="utf-8")
