"""What the numbers of a label map mean, wherever it comes from."""

IGNORE = 255
"""The label of pixels that do not count: VOC's outlines, what comes into view beyond a border."""
