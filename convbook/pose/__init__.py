"""Poses: rotations of a head, joints as heat maps, and whose joints they are.

Points are (y, x) in pixels, the centres of pixels at whole numbers. Cell (i, j) of a map of stride
s is centred at ((i + 1/2) s - 1/2, (j + 1/2) s - 1/2).
"""
