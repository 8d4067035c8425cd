"""The book's nets leave Keras's own names alone, so that every backend's trainer finds them."""

import keras
import pytest

from convbook.architectures import detr, faster_rcnn, mask_rcnn, pose, rcnn, single_shot

WANTED = {  # what a net of its own steps may define anew
    *("call", "build", "fit", "train_step", "train_on_batch", "compute_loss", "compute_metrics"),
    *("get_config", "from_config", "compute_output_shape", "metrics", "predict_step", "test_step"),
}
NETS: set[type[keras.Model]] = {
    value
    for module in (detr, faster_rcnn, mask_rcnn, pose, rcnn, single_shot)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, keras.Model)
}


@pytest.mark.parametrize("net", sorted(NETS, key=repr))
def test_a_net_can_be_trained_step_by_step_since_it_hides_nothing_of_kerass(net):
    # On JAX the second eager step failed where `losses` was a method of the net's own.
    own = {
        name
        for base in net.__mro__
        if base.__module__.startswith("convbook")
        for name in vars(base)
        if not name.startswith("__")
    }
    hidden = {name for name in own if hasattr(keras.Model, name)} - WANTED
    assert not hidden
