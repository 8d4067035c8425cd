"""Demonstrations to play with, and to drive in front of a class: each one call in a notebook.

    from convbook import demo

    demo.receptive_field()

A demonstration shows one picture and what moves it, and says in one line what to try. Where no
widgets can run it says so; a page made from the notebook shows a still picture in its place.
"""

from convbook.demo.boxes import anchors, intersection_over_union, regions, suppression
from convbook.demo.filters import output_size, receptive_field, sliding_filter
from convbook.demo.maps import transposed_convolution, unet_skips
from convbook.demo.nets import gradients, groups, inception_cost

__all__ = [
    "anchors",
    "gradients",
    "groups",
    "inception_cost",
    "intersection_over_union",
    "output_size",
    "receptive_field",
    "regions",
    "sliding_filter",
    "suppression",
    "transposed_convolution",
    "unet_skips",
]
