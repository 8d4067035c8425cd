"""Training that may be killed: `python -m convbook.train NET --data SET --out FOLDER`.

The book's detectors on its scenes, PASCAL VOC or COCO, on one device or all of a machine, in single
or mixed precision. A run keeps its state in its folder; the same command goes on from there as if
it had never been stopped, to the batch. What it needs of Keras is `fit` itself, called for a few
steps at a time.
"""
