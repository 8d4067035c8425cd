"""Detection: boxes, anchors, matching, suppression and regions.

Boxes are (y1, x1, y2, x2) in pixels, ends exclusive, float32. Every function takes leading axes of
batches; sizes are fixed, lists are padded with boxes of zeros. All is on `keras.ops`, to be used in
compiled steps on TensorFlow and JAX. In a net these functions belong into the `call` of a layer; a
layer that takes boxes wants ``autocast=False`` where the policy is a mixed one, since half
precision has no room for a pixel's fraction beyond 1,024.
"""
