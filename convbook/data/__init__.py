"""Everything the chapters train on: real where it can be, no download, one name each.

The generators are NumPy: importing this package imports neither TensorFlow nor Keras. `load` gives
any set, embedded or real, as a pipeline; what it needs is imported when it is called.
"""

from convbook.data.figure_drawing import figures, stack_figures
from convbook.data.gates import structure
from convbook.data.handwriting import digits
from convbook.data.head_drawing import heads
from convbook.data.loading import arrays, load
from convbook.data.more_photos import other_photographs
from convbook.data.photos import damage, lower_resolution, photo_patches, photographs
from convbook.data.real_digits import mnist_digits
from convbook.data.scenes import digit_scenes

__all__ = [
    "arrays",
    "damage",
    "digit_scenes",
    "digits",
    "figures",
    "heads",
    "load",
    "lower_resolution",
    "mnist_digits",
    "other_photographs",
    "photo_patches",
    "photographs",
    "stack_figures",
    "structure",
]
