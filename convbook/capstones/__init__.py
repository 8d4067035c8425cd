"""Capstones: a net of one's own, trained at home and graded by what it says of hidden pictures.

A student gets pictures without their truth and hands in predictions, a file of plain arrays. No net
is trained and no code of the student's is run while it is scored. The truth lies in a file that
students do not get. `python -m convbook.capstones` makes both and scores.
"""

from convbook.capstones.files import BadFile
from convbook.capstones.tasks import CAPSTONES, Capstone, capstone, training

__all__ = ["CAPSTONES", "BadFile", "Capstone", "capstone", "training"]
