"""Chapter 10 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools

import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, of, run_chapter
from skimage.metrics import peak_signal_noise_ratio
from sklearn import metrics

from convbook.counting import count_parameters
from convbook.training import compare

NAME = "10_unet"
HELD = ("FCN, whole", "plain FCN", "PSPNet", "DeepLabv3+", "no skips", "SegNet", "U-Net", "FCN-8s")
ONCE = ("FCN, whole", "FCN-8s")  # trained from one seed only


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def check_what_holds_at_every_scale(run: Run) -> None:
    check_the_nets(run)
    check_the_measures(run)
    check_tiles(run)
    check_the_pyramids(run)
    check_pictures_and_maps(run)
    figures = ("scenes", "published", "masks", "classes", "seams", "together", "judged", "table")
    for cell in figures:
        assert run.figures[cell] == 1, cell


def check_the_nets(run: Run) -> None:
    lines = [line.split("[", 1)[1] for line in run.printed["switches"].splitlines()]
    assert lines[1:] == [
        "7, 9]  [8, 6]",  # maxima
        "1, 2]  [3, 2]",  # switches: top right, bottom left, bottom right, bottom left
        "0, 7, 0, 0]  [0, 0, 9, 0]  [0, 0, 0, 0]  [0, 8, 6, 0]",
        "7, 7, 9, 9]  [7, 7, 9, 9]  [8, 8, 6, 6]  [8, 8, 6, 6]",
    ]
    assert run.names["same_net"] < 1e-5
    assert run.names["sizes"] == (572, 388)
    assert run.names["parameters_published"] == 31_030_658
    assert "570 pixels" in run.names["refused"]
    assert run.names["refused"].endswith("is 572.")
    through = run.names["through"]
    assert 572 in through
    assert all(side % 16 == 12 for side in through)
    assert run.names["nets"]["U-Net"].output_shape == (None, 48, 48, 2)


def check_the_measures(run: Run) -> None:
    truth, answers = of(run, "y_test", "answers")
    band = run.names["band"]
    for name in HELD:
        assert len(answers[name]) == (1 if name in ONCE else len(run.names["SEEDS"]))
        for seed, labels in enumerate(answers[name]):
            iou, near, elsewhere = run.names["third"][name][seed]
            assert near == pytest.approx(metrics.accuracy_score(truth[band], labels[band]))
            assert elsewhere == pytest.approx(metrics.accuracy_score(truth[~band], labels[~band]))
            present = np.union1d(truth, labels)
            theirs = metrics.jaccard_score(
                truth.ravel(), labels.ravel(), labels=present, average="macro"
            )
            assert iou == pytest.approx(theirs)
    answer, named = of(run, "answer", "named_test")
    present = np.union1d(named, answer)
    theirs = metrics.jaccard_score(named.ravel(), answer.ravel(), labels=present, average="macro")
    assert run.names["several_iou"] == pytest.approx(theirs)
    dice = run.names["dice"]
    whole = 1 - 2 * 8 / 17  # eight pixels found, nine there
    for name in ("Dice()", "Dice(reduction=None)", "Tversky(reduction=None)", 'DiceLoss("batch")'):
        np.testing.assert_allclose(dice[name], [whole], atol=1e-5)
    np.testing.assert_allclose(dice["Dice(axis=(1, 2, 3), reduction=None)"], [0, 1], atol=1e-5)
    np.testing.assert_allclose(dice['DiceLoss("picture")'], [0.5], atol=1e-5)


def check_tiles(run: Run) -> None:
    seams = run.names["seams"]
    assert run.names["MARGIN"] == 44
    assert seams["56 apart"] < 1e-5
    assert seams["60 apart"] > 100 * max(seams["56 apart"], 1e-7)
    assert seams["padded, 48 apart"] > 100 * max(seams["56 apart"], 1e-7)


def check_the_pyramids(run: Run) -> None:
    assert all(error < 1e-4 for error in run.names["dilation_errors"].values())
    full = run.names["full"]
    assert full["plain FCN, stride 8"][0] == 23_508_032 + 2048 * 21 + 21
    # PSPNet: 4 levels, 3x3, scores. DeepLabv3+: by its parts, as in tests/test_pyramid.py.
    assert full["PSPNet, stride 8"][1] == 4 * (2048 * 512 + 1024) + 9 * 4096 * 512 + 1024 + 10_773
    if "DeepLabv3+, stride 8" in full:  # left out at the smoke scale
        assert full["DeepLabv3+, stride 16"][:2] == full["DeepLabv3+, stride 8"][:2]
        assert full["DeepLabv3+, stride 16"][2] < full["DeepLabv3+, stride 8"][2]
    assert (run.names["reach"] > 0).sum() > 9  # more than its own quarter
    counts = {name: count_parameters(net) for name, net in run.names["nets"].items()}
    assert counts["PSPNet without pyramid"] < counts["PSPNet"]
    assert counts["DeepLabv3+ without dilated branches"] < counts["DeepLabv3+"]
    facts = run.names["facts"]
    assert set(facts) | {"FCN, whole"} == set(HELD)
    for name, (_, parameters, work, seconds) in facts.items():
        assert parameters == counts[name]
        assert work > 0
        assert seconds > 0


def check_pictures_and_maps(run: Run) -> None:
    # Shrunk maps: the pixel that each way takes, and how many labels are wrong.
    named, most, shrunk = of(run, "named_test", "most", "shrunk")
    np.testing.assert_array_equal(shrunk["Keras nearest"], named[:, 2::4, 2::4])
    np.testing.assert_array_equal(shrunk["OpenCV nearest"], named[:, ::4, ::4])
    np.testing.assert_array_equal(shrunk["OpenCV exact"], shrunk["Keras nearest"])
    for block in ((0, 5, 3), (1, 8, 8), (2, 11, 6)):
        n, row, column = block
        values = named[n, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        assert most[block] == np.bincount(values.ravel()).argmax()
    wrong, invented = of(run, "wrong_labels", "invented")
    assert wrong == {name: (labels != most).sum() for name, labels in shrunk.items()}
    assert wrong["OpenCV nearest"] > 1.2 * wrong["Keras nearest"]
    assert invented["bilinear"] > 10
    assert invented["Keras nearest"] == invented["OpenCV nearest"] == 0
    untouched = run.names["untouched"]
    assert 0.4 < untouched[1.0] < 0.6
    assert untouched[1.0, 1.0] == 0
    assert not run.names["mask_erased"]
    decibels, restored, whole, hole = of(run, "decibels", "restored", "whole_test", "hole")
    assert set(decibels) == set(restored)
    assert len(decibels) == 5
    assert hole.mean((1, 2)).max() == pytest.approx(2 * (8 / 32) ** 2)
    for name, (over_all, inside, _) in decibels.items():
        theirs = peak_signal_noise_ratio(whole, restored[name], data_range=1)
        assert over_all == pytest.approx(theirs, abs=1e-3)
        theirs = peak_signal_noise_ratio(whole[hole], restored[name][hole], data_range=1)
        assert inside == pytest.approx(theirs, abs=1e-3)


@pytest.mark.notebook
@pytest.mark.timeout(300)
def test_the_chapter_runs_and_holds_the_syllabus_numbers() -> None:
    check_what_holds_at_every_scale(smoke())


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(1800)
def test_the_default_run_shows_what_the_chapter_claims() -> None:
    run = run_chapter(NAME, "default")
    check_what_holds_at_every_scale(run)
    check_the_claims(run)


def check_the_claims(run: Run) -> None:
    first, second, third = of(run, "first", "second", "third")
    assert all(len(values) == 3 for name, values in third.items() if name not in ONCE)

    # Near outlines each step is better by more than the seeds differ.
    verdicts = run.names["verdicts"]
    for one, other in (("no skips", "SegNet"), ("SegNet", "U-Net"), ("no skips", "U-Net")):
        assert verdicts[one, other, "near outlines"].verdict == "better", (one, other)
        assert verdicts[one, other, "mean IoU"].gap < 0
    for one in ("no skips", "SegNet"):
        assert verdicts[one, "U-Net", "mean IoU"].verdict == "better"
    switches = verdicts["no skips", "SegNet", "mean IoU"]
    assert 0.5 < -switches.gap / switches.spread < 2  # about as much as the seeds make
    sizes = {name: count_parameters(net) for name, net in run.names["nets"].items()}
    for name in ("no skips", "U-Net"):
        assert 0.27 < sizes["SegNet"] / sizes[name] < 0.4
    ground, moved = (run.names[name][1] for name in ("nothing", "shifted"))
    near = {name: values[:, 1].mean() for name, values in first.items()}
    assert abs(near["U-Net"] - moved) < 0.04
    assert abs(near["no skips"] - ground) < abs(near["no skips"] - moved)
    assert min(values[:, 0].min() for values in third.values()) > 1.15 * run.names["nothing"][0]
    assert first["U-Net"][:, 0].mean() > 0.78
    assert run.names["several_iou"] > 1.8 * run.names["no_digit"]
    assert run.names["right_digit"] > 0.75

    wrong = run.names["wrong_labels"]
    assert wrong["bilinear"] < wrong["Keras nearest"]
    assert 2.5 < wrong["OpenCV nearest"] / wrong["Keras nearest"] < 3.5

    # Every published part is left out once.
    gains, changes = of(run, "gains", "changes")
    nets = [net for net, _ in changes]
    assert (nets.count("PSPNet"), nets.count("DeepLabv3+")) == (2, 2)
    build_trunk, ablations = of(run, "trunk", "ABLATIONS")
    assert len(ablations) == 9  # with those of the full scale
    whole = count_parameters(run.names["nets"]["DeepLabv3+"])
    counts = {
        part: count_parameters(build(build_trunk(), 2, **options))
        for net, part, build, options in ablations
        if net == "DeepLabv3+" and "stride" not in part
    }
    for part in ("mean of all positions", "decoder", "dilated branches"):
        assert counts[part] < whole
    assert counts["separable convolutions (full 3x3)"] > whole

    # Both gain on the plain head, on the same maps, PSPNet little, and less on the plain one's
    # own; with its pyramid no more than without. Fine maps matter.
    on_plain = {other: key for key in verdicts for one, other, _ in [key] if one == "plain FCN"}
    assert verdicts[on_plain["DeepLabv3+"]].verdict == "better"
    for net in ("PSPNet", "DeepLabv3+", "PSPNet without pyramid"):
        assert verdicts[on_plain[net]].verdict in ("better", "level"), net
        assert min(gains[on_plain[net]]) > 0, net
    on_common, on_own = on_plain["PSPNet"], (*run.names["ELSEWHERE"], "mean IoU")
    assert verdicts[on_plain["DeepLabv3+"]].gap < verdicts[on_common].gap
    assert verdicts[on_own].verdict == "level"
    assert gains[on_own].mean() < gains[on_common].mean()
    assert verdicts["PSPNet without pyramid", "PSPNet", "mean IoU"].verdict == "level"
    own, common = (
        of(run, "elsewhere", "second")[i][name][:, 0].mean()
        for i, name in enumerate(("plain FCN, its own trunk", "plain FCN"))
    )
    assert abs(own - common) < 0.04
    stand_out = {("PSPNet", "stride 8 (16)"), ("DeepLabv3+", "decoder")}
    assert set(sorted(changes, key=lambda key: changes[key][0])[:2]) == stand_out
    for net, part in stand_out:
        assert changes[net, part][0] < -np.ptp(second[net][:, 0])
    for net, part in set(changes) - stand_out:  # the others change less than seeds do
        assert abs(changes[net, part][0]) < np.ptp(second["DeepLabv3+"][:, 0]), part

    facts = run.names["facts"]
    for column in (0, 1):
        assert max(facts, key=lambda name: facts[name][0][column]) == "U-Net"
    assert max(facts, key=lambda name: facts[name][2]) == "U-Net"
    assert min(facts, key=lambda name: facts[name][1]) == "SegNet"
    ranks = sorted(facts, key=lambda name: -facts[name][0][0])
    assert ranks[:3] == ["U-Net", "SegNet", "DeepLabv3+"]
    one, other = third["SegNet"][:, 0], third["DeepLabv3+"][:, 0]
    assert compare(-one, -other).verdict == "level"

    decibels = run.names["decibels"]
    for name in ("plain net", "U-Net"):
        assert decibels[name][0] > decibels["damaged"][0] + 8, name
        assert decibels[name][0] > decibels["mean colour"][0] + 0.45, name
        assert decibels[name][1] > decibels["mean colour"][1] + 0.45, name
    assert 0.3 < decibels["U-Net"][1] - decibels["plain net"][1] < 1
    detail = run.names["measured"](run.names["whole_test"])[2]
    assert all(decibels[name][2] < detail / 2 for name in ("plain net", "U-Net"))
    weights = [count_parameters(build()) for build in run.names["menders"].values()]
    assert 18 < weights[1] / weights[0] < 24
    judged = decibels["U-Net, judged"]
    assert judged[0] < decibels["U-Net"][0]


def test_the_sources_of_its_numbers_are_named() -> None:
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1505.04597", "1511.00561", "1612.01105", "1802.02611", "1611.07004"):
        assert source in prose
