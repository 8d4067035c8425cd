"""Keeps Keras's global settings through an answer's calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def kept_settings() -> Iterator[None]:
    """Put back afterwards what a block sets for all of Keras: an answer's settings are its own."""
    from keras import config

    image_format, kind, epsilon = config.image_data_format(), config.floatx(), config.epsilon()
    policy = config.dtype_policy()
    try:
        yield
    finally:
        config.set_image_data_format(image_format)
        config.set_floatx(kind)
        config.set_epsilon(epsilon)
        config.set_dtype_policy(policy)
