"""The chapters show the code that later chapters import, word for word."""

from pathlib import Path

import nbformat
import pytest

from book.sync import SyncError, main, object_source, sync


def test_every_chapter_shows_the_library_as_it_is(capsys):
    assert main(["--check"]) == 0, capsys.readouterr().out


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small project: a library of two objects, a chapter that shows one of them."""
    (tmp_path / "convbook").mkdir()
    (tmp_path / "convbook" / "shapes.py").write_text(
        'SIDES = 4\n"""Sides of a square."""\n\n\n'
        "@staticmethod\ndef area(a):\n    return a * a\n\n\n"
        "def volume(a):\n    return a**3\n",
        encoding="utf-8",
    )
    (tmp_path / "chapters").mkdir()
    _write_chapter(tmp_path, ["convbook.shapes.area"])
    return tmp_path


def _write_chapter(house: Path, tags: list[str]) -> None:
    shown = nbformat.v4.new_code_cell("old", id="area", metadata={"tags": tags})
    own = nbformat.v4.new_code_cell("print(area(2))", id="try", metadata={"tags": ["hide-input"]})
    book = nbformat.v4.new_notebook(cells=[shown, own])
    nbformat.write(book, house / "chapters" / "01_area.ipynb")


def _sources(house: Path) -> list[str]:
    book = nbformat.read(house / "chapters" / "01_area.ipynb", as_version=4)
    return [cell.source for cell in book.cells]


def test_a_check_names_the_stale_cell_and_writes_nothing(house, capsys):
    assert main(["--check"], root=house) == 1
    assert "01_area.ipynb: convbook.shapes.area is stale" in capsys.readouterr().out
    assert _sources(house)[0] == "old"


def test_the_command_brings_a_cell_in_step_and_leaves_the_others(house):
    assert main([], root=house) == 0
    assert _sources(house) == [
        "@staticmethod\ndef area(a):\n    return a * a",
        "print(area(2))",
    ]
    assert main(["--check"], root=house) == 0


def test_one_changed_character_of_the_library_is_noticed(house):
    main([], root=house)
    module = house / "convbook" / "shapes.py"
    module.write_text(module.read_text().replace("a * a", "a * 2"), encoding="utf-8")
    assert sync(house / "chapters" / "01_area.ipynb", write=False, root=house) == [
        "convbook.shapes.area"
    ]


def test_a_constant_comes_with_its_docstring(house):
    assert object_source("convbook.shapes.SIDES", house) == 'SIDES = 4\n"""Sides of a square."""'


@pytest.mark.parametrize("tag", ["convbook.shapes.perimeter", "convbook.forms.area"])
def test_a_wrong_tag_is_refused_in_one_sentence(house, capsys, tag):
    _write_chapter(house, [tag])
    assert main(["--check"], root=house) == 2
    assert tag in capsys.readouterr().err


def test_one_object_a_cell(house):
    _write_chapter(house, ["convbook.shapes.area", "convbook.shapes.volume"])
    with pytest.raises(SyncError, match="its own cell"):
        sync(house / "chapters" / "01_area.ipynb", write=False, root=house)


def test_cells_folded_on_the_pages_are_folded_in_jupyterlab_too(root):
    for path in root.glob("chapters/*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            hidden = bool(cell.metadata.get("jupyter", {}).get("source_hidden"))
            assert hidden == ("hide-input" in cell.metadata.get("tags", [])), f"{path}: {cell.id}"


def test_a_chapter_links_to_its_exercise_and_the_next_and_the_contents_to_all(house):
    chapters = house / "chapters"
    words = {
        "01_area": "# 1 Area\n\n**How large?**\n\n`exercises/01_area/01_area.ipynb`",
        "02_room": "# 2 Room\n\n**And how high?**",
    }
    for name, text in words.items():
        cell = nbformat.v4.new_markdown_cell(text, id="text")
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), chapters / f"{name}.ipynb")
    exercise = house / "exercises" / "01_area" / "01_area.ipynb"
    exercise.parent.mkdir(parents=True)
    cell = nbformat.v4.new_markdown_cell("# Exercise 01: squares", id="text")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), exercise)
    assert main(["--check"], root=house) == 1
    for _ in range(2):  # the second time nothing is added
        assert main([], root=house) == 0
    first, second = (nbformat.read(p, as_version=4).cells[0].source for p in
                     sorted(chapters.glob("*.ipynb")))  # fmt: skip
    assert "[`exercises/01_area/01_area.ipynb`](../exercises/01_area/01_area.ipynb)" in first
    assert first.endswith("\n\n[Contents](../contents.ipynb) · next: [2 Room](02_room.ipynb)")
    assert first.count("Contents") == 1
    assert second.endswith("\n\n[Contents](../contents.ipynb)")
    contents = nbformat.read(house / "contents.ipynb", as_version=4).cells[0].source
    assert (
        "| 01 | [Area](chapters/01_area.ipynb) | How large? | "
        "[squares](exercises/01_area/01_area.ipynb) |"
    ) in contents
    assert main(["--check"], root=house) == 0
