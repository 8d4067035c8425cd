"""A chapter opened where the book is not installed, as on a bare Colab."""

import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest

from book.elsewhere import is_elsewhere, runs_elsewhere

ADDRESS = "https://example.org/someone/the-book"


def chapter():
    setup = nbformat.v4.new_code_cell("import keras", id="setup")
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 1 One"), setup])


def cell_of(book):
    (cell,) = filter(is_elsewhere, book.cells)
    return cell


@pytest.fixture
def bare(monkeypatch):
    """A machine without the book; what is run on it is noted, and ends as `returned` says."""
    machine = SimpleNamespace(ran=[], returned=0, folder=None)

    def run(step):
        machine.ran.append(step)
        return SimpleNamespace(returncode=machine.returned)

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "chdir", lambda folder: setattr(machine, "folder", folder))
    return machine


def test_without_an_address_it_says_in_a_sentence_what_to_do(bare, monkeypatch):
    monkeypatch.delenv("CONVBOOK_REPOSITORY", raising=False)
    book = chapter()
    assert runs_elsewhere(book)
    with pytest.raises(
        SystemExit, match=r"not installed here: write .* address into BOOK above\.$"
    ):
        exec(cell_of(book).source, {})
    assert bare.ran == []


def test_with_the_address_it_fetches_the_book_installs_it_and_goes_there(bare, monkeypatch):
    monkeypatch.setenv("CONVBOOK_REPOSITORY", f"{ADDRESS}/")
    book = chapter()
    assert runs_elsewhere(book)
    assert book.cells.index(cell_of(book)) == 1
    exec(cell_of(book).source, {})
    clone, install = bare.ran
    assert clone == ["git", "clone", "--quiet", "--depth", "1", ADDRESS, "the-book"]
    assert install == [sys.executable, "-m", "pip", "install", "--quiet", "./the-book"]
    assert bare.folder == "the-book/chapters"
    # Whoever brings the chapters in step without the address does not lose it.
    monkeypatch.delenv("CONVBOOK_REPOSITORY")
    assert not runs_elsewhere(book)
    assert ADDRESS in cell_of(book).source


def test_where_the_book_cannot_be_fetched_it_stops_and_says_so(bare, monkeypatch):
    monkeypatch.setenv("CONVBOOK_REPOSITORY", ADDRESS)
    book = chapter()
    runs_elsewhere(book)
    bare.returned = 128
    with pytest.raises(SystemExit, match=f"could not be fetched from {ADDRESS}"):
        exec(cell_of(book).source, {})
    assert len(bare.ran) == 1
    assert bare.folder is None


def test_where_the_book_is_installed_nothing_is_done(monkeypatch, capfd):
    monkeypatch.setenv("CONVBOOK_REPOSITORY", ADDRESS)
    monkeypatch.setattr(subprocess, "run", lambda step: pytest.fail(f"ran {step}"))
    book = chapter()
    runs_elsewhere(book)
    before = os.getcwd()
    exec(cell_of(book).source, {})
    assert os.getcwd() == before
    assert capfd.readouterr().out == ""
