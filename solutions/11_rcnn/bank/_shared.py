"""What the banks of both box offsets share."""

import numpy as np

from ..tasks import centres_and_sizes


def encoded(boxes, proposals, centre=None, size=None, after=None):
    """The model answer where the offset of centres or of sizes is another, or the result is."""
    (centres, sizes), (origins, units) = centres_and_sizes(boxes), centres_and_sizes(proposals)
    moved = centre(centres, sizes, origins, units) if centre else (centres - origins) / units
    grown = size(sizes, units) if size else np.log(sizes / units)
    result = np.concatenate([moved, grown], axis=1)
    return after(result) if after else result


def decoded(offsets, proposals, before=None, centre=None, size=None, after=None):
    """The model answer where offsets, centres or sizes are others, or the result is."""
    offsets = before(offsets) if before else offsets
    origins, units = centres_and_sizes(proposals)
    sizes = size(offsets[:, 2:], units) if size else np.exp(offsets[:, 2:]) * units
    shift = offsets[:, :2]
    centres = centre(shift, origins, units, sizes) if centre else origins + shift * units
    result = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
    return after(result) if after else result


def as_boxes(meaning, *several):
    """Boxes of which the four numbers are taken for something else."""
    return [np.stack(meaning(*boxes.T), axis=1) for boxes in several]
