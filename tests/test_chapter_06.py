"""Chapter 06 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import re

import pytest
from chapter_run import run_chapter

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def run():
    return run_chapter("06_inception")


def test_a_kernel_of_two_doubles_a_map(run):
    assert "twice the map, exactly: True" in run.printed["one-by-one"]


def test_a_1x1_convolution_is_a_dense_layer_at_every_pixel(run):
    lines = run.printed["dense"].splitlines()
    assert [line.split(":")[0].split() for line in lines] == [
        ["3", "channels", "to", "1"],
        ["3", "channels", "to", "5"],
        ["200", "channels", "to", "32"],
    ]
    assert "6,432 parameters" in lines[2]
    for line in lines:
        assert float(line.rpartition(" ")[2]) < 1e-5


def test_network_in_network_takes_pictures_of_any_size(run):
    sizes = re.findall(r"a picture of (\d+x\d+): 10 probabilities", run.printed["any-size"])
    assert len(set(sizes)) == 3


def test_the_naive_module_gives_416_channels_and_the_module_3a_256(run):
    assert "(28, 28, 192) becomes (28, 28, 416)" in run.printed["naive-shapes"]
    assert re.search(r"together +\(28, 28, 256\) +128,049,152", run.printed["module-3a"])


def test_a_bottleneck_of_16_channels_costs_an_eleventh(run):
    cost = run.printed["cost"]
    assert "471,040,000" in cost
    assert "40,960,000" in cost
    assert "11.5 times fewer" in cost


def test_googlenet_has_22_layers_and_the_published_parameters(run):
    counts = run.printed["googlenet-counts"]
    assert "22 layers with weights" in counts
    assert "6,998,552 parameters" in counts
    assert "10 of 12 rows agree with the paper's to the million" in run.printed["googlenet-table"]


def test_the_chapter_ends_with_what_it_saw(run):
    saw = run.printed["saw"]
    assert "GoogLeNet: 6,998,552 parameters, 22 layers" in saw
    assert "11.5 times fewer" in saw
