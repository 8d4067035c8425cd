"""The table of nets: counted from the nets, and anything added is in it."""

from itertools import pairwise
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import layers
from matplotlib.text import Text

from convbook.counting import blueprint
from convbook.drawing.channels import Stage, draw_channels, lines_of
from convbook.drawing.curves import draw_over
from convbook.drawing.nets import draw_nets
from convbook.nets import (
    HEAD,
    NETS,
    WITHOUT_AND_WITH_SE,
    Facts,
    Net,
    depth,
    examine,
    row,
    runner,
    sources,
)

BY_NAME = {net.name: net for net in NETS}

# name: layers on the longest way (its name says it, or its paper), trainable parameters as
# published or as Keras's documentation gives them, and million multiplications where a paper says.
KNOWN: dict[str, tuple[int | None, int, float | None]] = {
    "LeNet-5": (5, 61_706, None),
    "AlexNet": (8, 60_965_224, 724),
    "VGG-16": (16, 138_357_544, 15_470),
    "VGG-19": (19, 143_667_240, 19_632),
    "GoogLeNet": (22, 6_998_552, None),
    "ResNet-18": (18, 11_689_512, 1_814),
    "ResNet-34": (34, 21_797_672, 3_664),
    "ResNet-50": (50, 25_557_032, 3_858),
    "ResNet-101": (101, 44_549_160, 7_570),
    "ResNet-152": (152, 60_192_808, 11_282),
    "Inception V3": (48, 23_817_352, None),
    "Xception": (36 + 1, 22_855_952, None),
    "SE-ResNet-50": (50 + 2 * 16, 28_088_024, None),
    "MobileNetV2": (53, 3_504_872, 301),
}


def test_every_net_of_the_table_has_its_known_depth_and_parameters() -> None:
    for net in NETS:
        facts, name = examine(net, timed=False), net.name
        layers_in_the_way, parameters, millions = KNOWN[name]
        assert facts.parameters == parameters, name
        assert layers_in_the_way in (None, facts.depth), name
        assert millions in (None, round(facts.multiplications / 1e6)), name
        assert facts.seconds is None


def test_what_chapter_07_says_of_the_table_holds() -> None:
    known = {name: values for name, values in KNOWN.items() if BY_NAME[name].error is not None}
    error = {name: BY_NAME[name].error or 0 for name in known}
    for name, layers_in_the_way in [("Xception", 37), ("Inception V3", 48)]:
        assert error[name] < error["ResNet-152"]
        assert layers_in_the_way < 152 / 3
        assert known[name][1] < known["ResNet-152"][1] / 2
    assert abs(error["MobileNetV2"] - error["VGG-16"]) < 1
    assert (known["VGG-16"][2] or 0) > 50 * (known["MobileNetV2"][2] or 0)


def test_errors_have_a_source_with_a_year_and_only_what_never_saw_imagenet_has_none() -> None:
    for net in NETS:
        assert (net.error is None) == (net.source == "")
        assert net.error is None or 15 < net.error < 45
    assert [net.name for net in NETS if net.error is None] == ["LeNet-5"]
    said = sources()
    assert sum(len(text.split(": ")[0].split(", ")) for text in said) == len(NETS) - 1
    assert all("20" in text for text in said)
    assert [net.year for net in NETS] == sorted(net.year for net in NETS)


def test_the_published_error_of_xception_stands_beside_that_of_inception_v3() -> None:
    """Chollet 2017, table 1: accuracies of 0.790 and 0.782 by the same recipe."""
    ours, theirs = BY_NAME["Xception"], BY_NAME["Inception V3"]
    assert (ours.error, theirs.error) == (21.0, 21.8)
    assert ours.source == theirs.source


def branched() -> keras.Model:
    x = inputs = keras.Input((12, 10, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    long = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    long = layers.SeparableConv2D(4, 3, padding="same")(long)
    x = layers.Add()([long, layers.Conv2D(4, 1)(x)])
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def test_depth_is_that_of_the_longest_way_and_normalisations_do_not_count() -> None:
    assert depth(branched()) == depth(blueprint(branched)) == 4


def test_a_net_that_is_added_is_in_the_table_and_in_the_figures() -> None:
    added = Net("mine", 2030, branched, 12.5, "nobody 2030")
    facts = [examine(net, timed=False) for net in (BY_NAME["MobileNetV2"], added)]
    assert [each.net.name for each in facts] == ["MobileNetV2", "mine"]
    assert row(facts[1]) == ["mine", "2030", 12, 4, facts[1].parameters, "0.0", "12.5", "-"]
    assert len(HEAD) == 8
    assert sources([added]) == ["mine: nobody 2030"]
    for quantity in ("depth", "work"):
        axes = draw_nets(facts, quantity)
        assert {"MobileNetV2", "mine"} <= {text.get_text() for text in axes.texts}
        plt.close("all")


def test_a_picture_is_timed_and_a_larger_net_takes_longer() -> None:
    def large() -> keras.Model:
        inputs = keras.Input((64, 64, 64))
        x = inputs
        for _ in range(4):
            x = layers.Conv2D(128, 3)(x)
        return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))

    quick, slow = (examine(Net("", 2000, build), repeats=3) for build in (branched, large))
    assert quick.seconds is not None
    assert slow.seconds is not None
    assert 0 < quick.seconds < slow.seconds


def test_a_net_is_run_as_it_is_called() -> None:
    net = branched()
    x = np.random.default_rng(0).standard_normal((3, 12, 10, 3), dtype="float32")
    np.testing.assert_allclose(runner(net, x)(), np.asarray(net(x)), rtol=1e-4, atol=1e-5)


# Figures


def fake(name: str, depth: int, parameters: int, multiplications: int, error: float) -> Facts:
    net = Net(name, 2000, branched, error, "made up")
    return Facts(net, depth, parameters, multiplications, 224, 0.1)


def test_bubbles_are_as_large_as_nets_have_parameters_and_names_do_not_collide() -> None:
    facts = [
        fake(f"net number {i}", 50 + i, 10**7 * (1 + i), 10**9, 24 + 0.3 * i) for i in range(6)
    ]
    axes = draw_nets(facts, "depth", new=["net number 2"])
    bubbles: Any = axes.collections[0]
    areas = bubbles.get_sizes()
    np.testing.assert_allclose(areas / areas[0], [1, 2, 3, 4, 5, 6])
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    names = [text for text in axes.texts if "number" in text.get_text()]
    boxes = [Text.get_window_extent(name) for name in names]
    assert len(boxes) == 6
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    plt.close("all")


def test_a_net_without_a_published_error_is_left_out_of_the_figure() -> None:
    facts = [fake("a", 5, 10**6, 10**8, 30), Facts(Net("b", 1998, branched), 5, 10, 10, 28)]
    words = {text.get_text() for text in draw_nets(facts, "work").texts}
    assert "a" in words
    assert "b" not in words
    plt.close("all")


@pytest.mark.parametrize(("groups", "count"), [(1, 36), (3, 12), (6, 6)])
def test_a_line_for_each_channel_that_a_filter_sees(groups: int, count: int) -> None:
    stage = Stage(6, groups)
    assert len(lines_of(6, stage)) == count
    axes = draw_channels(6, [stage, Stage(6, window=False)], title="two layers")
    assert len(axes.get_lines()) == count + 36
    plt.close("all")


def test_groups_are_of_neighbours() -> None:
    assert lines_of(4, Stage(2, 2)) == [(0, 0), (1, 0), (2, 1), (3, 1)]


def test_curves_over_places_are_labelled_at_their_ends() -> None:
    axes = draw_over(
        (1, 4, 16),
        {"one": (1, 2, 3), "two": (3, 4, 9)},
        xlabel="side (pixels)",
        ylabel="share (%)",
        marks={"spot": (4, 5)},
        levels={"level": 2},
        named_at={"one": 1},
        ticks=(1, 10),
    )
    words = {text.get_text(): text for text in axes.texts}
    assert list(words) == ["one", "two", "spot", "level"]
    assert [words[name].xy for name in ("one", "two")] == [(4, 2), (16, 9)]  # type: ignore[attr-defined]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "4", "16"]
    assert all(a < b for a, b in pairwise(axes.get_xticks()))
    plt.close("all")


def test_the_name_of_a_level_stands_clear_above_its_line() -> None:
    axes = draw_over((1, 9), {"": (1, 90)}, xlabel="", ylabel="", levels={"gypsy, full": 5})
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    line = axes.transData.transform((1, 5))[1]
    (name,) = [text for text in axes.texts if text.get_text() == "gypsy, full"]
    pixels = axes.figure.dpi / 72
    assert name.get_window_extent().y0 >= line + 1.5 * pixels  # half the line's width, and more
    plt.close("all")


def test_years_are_written_without_commas() -> None:
    facts = examine(BY_NAME["LeNet-5"], timed=False)
    assert row(facts)[:3] == ["LeNet-5", "1998", 32]


def test_the_gain_of_squeeze_and_excitation_is_that_of_one_laboratory() -> None:
    """Tensorpack's README: 23.91 without the block, 22.94 with it; the authors' own net: 22.37."""
    plain, attentive = WITHOUT_AND_WITH_SE
    assert plain.source == attentive.source
    assert (plain.error, attentive.error) == (23.9, 22.9)
    assert (plain.name, attentive.name) == ("ResNet-50", "SE-ResNet-50")
    assert BY_NAME["SE-ResNet-50"].error == 22.4
