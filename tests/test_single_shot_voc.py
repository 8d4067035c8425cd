"""SSD on PASCAL VOC 2007: chapter 13's cell and the training command, on the set's own layout."""

import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS
from test_data_real import fetched  # noqa: F401 (a fixture: an archive made here, fetched)

from convbook.train.__main__ import main


@pytest.mark.notebook
def test_the_chapters_cell_takes_voc_2007_by_one_argument(fetched):  # noqa: F811
    book = nbformat.read(CHAPTERS / "13_single_shot.ipynb", as_version=4)
    cells = {cell.id: cell.source for cell in book.cells}
    definition = cells["voc"].split("\n_, tried")[0]
    names: dict = {}
    imports = cells["setup"].split("\nuse_style()")[0]
    exec(imports, names)
    exec("from convbook.architectures import single_shot as nets_of", names)
    exec(definition, names)
    net, tried = names["try_out"]("voc/2007", count=3, data_dir=fetched("voc/2007"))
    assert len(tried["classes"]) == 20
    assert tried["classes"][11] == "dog"
    assert np.isfinite(tried["loss"])
    assert 0 <= tried["mAP@0.5"] <= 1
    assert net.net.output["scores"].shape == (None, 5376, 21)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["ssd", "yolo"])
def test_the_training_command_takes_voc_2007(net, fetched, tmp_path, capsys):  # noqa: F811
    small = ["--net-size", "small", "--size", "64", "--optimizer", "adam", "--batch-size", "3"]
    where = ["--data-dir", fetched("voc/2007"), "--out", str(tmp_path)]
    assert main([net, "--data", "voc/2007", "--epochs", "1", *small, *where]) == 0
    told = capsys.readouterr().out
    assert f"{net} on voc/2007: 3 pictures, 1 steps of 3" in told
    assert "on 3 test pictures mAP@0.5" in told
    assert {"weights.npz", "history.json", "curve.svg"} <= {p.name for p in tmp_path.iterdir()}
