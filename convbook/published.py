"""Numbers that others measured and this book cannot: each with its source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChallengeResult:
    """An entry to the ImageNet challenge (ILSVRC), classification.

    Attributes:
        year: of the challenge.
        name: of the net, or of the team where the method has no name of its own.
        top5: error on the test set in per cent, five guesses a picture.
        learned: whether the features were learned (a convolutional net) or made by hand.
        source: where the number stands.
    """

    year: int
    name: str
    top5: float
    learned: bool
    source: str


_CHALLENGE_PAPER = "Russakovsky et al. 2015, arXiv:1409.0575"
_ORGANISERS = "results page of the organisers, image-net.org/challenges/LSVRC/{year}/results"

CHALLENGE_WINNERS = (
    ChallengeResult(2010, "NEC-UIUC", 28.2, False, _CHALLENGE_PAPER),
    ChallengeResult(2011, "XRCE", 25.8, False, _CHALLENGE_PAPER),
    ChallengeResult(2012, "AlexNet", 16.4, True, _ORGANISERS.format(year=2012)),
    ChallengeResult(2013, "Clarifai", 11.7, True, _CHALLENGE_PAPER),
    ChallengeResult(2014, "GoogLeNet", 6.7, True, "Szegedy et al. 2015, arXiv:1409.4842, table 2"),
    ChallengeResult(2015, "ResNet", 3.57, True, "He et al. 2016, arXiv:1512.03385, table 5"),
    ChallengeResult(2016, "Trimps-Soushen", 2.99, True, _ORGANISERS.format(year=2016)),
    ChallengeResult(2017, "SENet", 2.25, True, "Hu et al. 2018, arXiv:1709.01507, abstract"),
)
"""The best classification entry of each year, by the data the challenge supplied."""

SECOND_IN_2012 = ChallengeResult(2012, "ISI", 26.2, False, _ORGANISERS.format(year=2012))
"""The best entry of 2012 with features made by hand, second to AlexNet."""

VGG_IN_2014 = ChallengeResult(
    2014, "VGG", 7.3, True, "Simonyan and Zisserman 2015, arXiv:1409.1556, table 7"
)
"""Second in 2014."""

TRAINED_HUMAN = ChallengeResult(
    2014, "a trained human", 5.1, True, "Russakovsky et al. 2015, arXiv:1409.0575"
)
"""The better of two people who learned the thousand classes and then labelled 1,500 pictures."""
