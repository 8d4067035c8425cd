"""The appendix on the data: it runs, and its numbers say that every set is worth learning from."""

import pytest
from chapter_run import run_chapter

from convbook.data.catalogue import CATALOGUE, embedded

pytestmark = pytest.mark.notebook


def test_the_page_shows_every_set_with_its_licence_and_a_sheet():
    run = run_chapter("90_data")
    tables = run.printed["embedded-table"] + run.printed["real-table"]
    for name, entry in CATALOGUE.items():
        assert f"{name}: {entry.what}" in tables
        assert entry.licence in tables
    sheets = sum(count for cell, count in run.figures.items() if cell.endswith("-sheet"))
    assert sheets == len(embedded())
    assert "python -m convbook.data fetch coco/2017" in run.printed["missing"]
    assert len(run.names["results"]) == len(run.printed["seen"].splitlines()) == 9


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_small_net_learns_what_a_poor_one_cannot():
    results = run_chapter("90_data", "default").names["results"]
    gains = {task: good - poor for task, (poor, good) in results.items()}
    assert gains.pop("heads, mean error in degrees") < -8
    assert gains.pop("digits, accuracy") > 0.02
    assert gains.pop("twice the resolution, PSNR in dB") > 1
    assert gains.pop("noise removed, PSNR in dB") > 1.5
    assert len(gains) == 5
    assert min(gains.values()) > 0.25
