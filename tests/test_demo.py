"""The demonstrations: what moves, moves the picture; what does not go together is said."""

import io
import time

import nbformat
import numpy as np
import pytest
from browser import MISSING, chromium, jupyterlab
from PIL import Image
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from bench.demonstrations import moved
from convbook import demo
from convbook.demo.nets import _error_lengths
from convbook.drawing import stage


def test_there_are_ten_demonstrations_or_more():
    assert len(demo.__all__) >= 10


@pytest.mark.parametrize("name", demo.__all__)
def test_every_control_moves_the_picture_or_says_why_not(name, monkeypatch):
    monkeypatch.setattr(stage, "in_notebook", lambda: True)
    said, rows, picture = getattr(demo, name)().children
    assert said.value.startswith("<b>Try:</b> ")
    assert bytes(picture.value).startswith(b"\x89PNG")
    first = pixels(picture.value)
    for control in rows.children:
        start = control.value
        control.value = moved(control)
        assert pixels(picture.value) != first or "Not so" in said.value, control.description
        control.value = start
        assert pixels(picture.value) == first, "the same values give another picture"


def pixels(picture):
    """The bytes of a PNG's pixels; the first picture's file says more than the later ones'."""
    with Image.open(io.BytesIO(picture)) as opened:
        return opened.tobytes()


def test_a_picture_says_how_high_its_smallest_letters_are():
    def draw():
        figure, axes = stage.panels()
        axes.text(0, 0, "small", fontsize=9)
        return figure

    with Image.open(io.BytesIO(stage.picture(draw, {}))) as picture:
        assert picture.info["Letters"] == "10.0", "9 points at 80 dots an inch"
    with Image.open(io.BytesIO(stage.picture(draw, {}, measured=False))) as picture:
        assert "Letters" not in picture.info


def test_what_does_not_go_together_is_said_and_the_last_picture_stays(monkeypatch):
    monkeypatch.setattr(stage, "in_notebook", lambda: True)
    said, rows, picture = demo.receptive_field().children
    before = bytes(picture.value)
    rows.children[0].value = "3 <b>"
    assert "Not so" in said.value
    assert "&lt;b&gt;" in said.value
    assert picture.value == before


def test_the_shown_gradient_is_that_of_kerass_layers():
    """The chain of the demonstration, built of layers with the same numbers."""
    import keras
    from keras import layers

    from convbook.gradients import signal_gradients

    depth, random = 5, np.random.default_rng(0)
    x = random.normal(size=(8, 8, 8, 12)).astype("float32")
    parts = []
    for _ in range(depth):
        kernel = random.normal(0, np.sqrt(1 / 108), (3, 3, 12, 12)).astype("float32")
        inputs = keras.Input((8, 8, 12))
        layer = layers.Conv2D(12, 3, padding="same", use_bias=False, activation="relu")
        outputs = layers.add([inputs, layer(inputs)])
        layer.set_weights([kernel])
        parts.append(keras.Model(inputs, outputs))
    error = random.normal(size=x.shape).astype("float32")
    error /= np.linalg.norm(error)
    below = signal_gradients(parts, x, lambda top: keras.ops.sum(top * error))
    theirs = [float(np.linalg.norm(each)) for each in below][::-1]
    ours = _error_lengths(depth, "Glorot", shortcut=True, scaled=False)
    np.testing.assert_allclose(ours[-len(theirs) :], theirs, rtol=1e-4)


def test_without_a_notebook_a_demonstration_says_so(monkeypatch, capsys):
    monkeypatch.setattr(stage, "in_notebook", lambda: False)
    assert demo.groups() is None
    assert "need a Jupyter notebook" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_in_jupyterlab_each_demonstration_answers_to_its_first_control(tmp_path, root, monkeypatch):
    # All cells are in the page at once, those out of sight too.
    tracker = tmp_path / "settings" / "@jupyterlab" / "notebook-extension"
    tracker.mkdir(parents=True)
    (tracker / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(tmp_path / "settings"))
    monkeypatch.setenv("PYTHONPATH", str(root))
    book = nbformat.read(root / "chapters" / "91_demonstrations.ipynb", as_version=4)
    nbformat.write(book, tmp_path / "demonstrations.ipynb")
    with jupyterlab(tmp_path) as address, chromium(tmp_path / "profile", height=2400) as driver:
        driver.get(f"{address}/lab/tree/demonstrations.ipynb")
        _wait(lambda: driver.find_elements(By.CSS_SELECTOR, ".jp-Cell"))
        time.sleep(5)
        _run_all(driver)
        missed = []
        for name in demo.__all__:
            if not _answers(driver, f"demo.{name}()"):
                missed.append(name)
            driver.save_screenshot(str(tmp_path / f"{name}.png"))
        assert missed == []


def _wait(there, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := there():
                return found
        except StaleElementReferenceException:
            pass
        time.sleep(0.5)
    raise AssertionError("it did not appear")


def _run_all(driver):
    for selector, words in (
        (".lm-MenuBar-itemLabel", "Run"),
        (".lm-Menu-itemLabel", "Run All Cells"),
    ):
        labels = _wait(
            lambda selector=selector, words=words: [
                label
                for label in driver.find_elements(By.CSS_SELECTOR, selector)
                if label.text == words
            ]
        )
        labels[0].click()


def _answers(driver, call):
    """Whether the picture under a cell changes when its first control is moved by the keys."""
    find = "return [...document.querySelectorAll('.jp-CodeCell')].find(c => c.innerText.includes("
    cell = _wait(lambda: driver.execute_script(find + f"{call!r}))"))
    driver.execute_script("arguments[0].scrollIntoView()", cell)
    picture = _wait(lambda: cell.find_elements(By.CSS_SELECTOR, "img.widget-image, .widget-image"))[
        0
    ]
    before = picture.get_attribute("src")
    handles = ".noUi-handle, input[type=checkbox], .widget-toggle-buttons button:not(.mod-active)"
    control = cell.find_elements(By.CSS_SELECTOR, handles + ", input[type=text]")[0]
    if "noUi-handle" in (control.get_attribute("class") or ""):
        control.send_keys(*[Keys.ARROW_RIGHT] * 8)
    elif control.get_attribute("type") == "text":
        control.send_keys(Keys.END, " 3", Keys.ENTER)
    else:
        control.click()
    try:
        _wait(lambda: picture.get_attribute("src") != before, seconds=20)
    except AssertionError:
        return False
    return True
