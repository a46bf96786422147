"""The pages of tables beside the committed results are what the scripts write from those results."""

import re
import shutil
from pathlib import Path

import pytest

from experiments import (
    ablation,
    audit_leakage,
    chen2018_tables,
    classical_baselines,
    lim2016_tables,
    peng2021_tables,
    zhang2021_tables,
)

RESULTS = Path(__file__).parents[2] / "experiments" / "results"
PAGES = [
    (chen2018_tables, "emodb_chen2018/tables.md", "--depths 1"),
    (chen2018_tables, "emodb_centered/tables.md", "--depths 1 --recipe centered"),
    (chen2018_tables, "emodb_centered_reduced/tables.md", "--depths 1 --recipe centered --reduced"),
    (lim2016_tables, "emodb_lim2016/tables.md", "--repetitions 1"),
    (lim2016_tables, "emodb_lim2016_reduced/tables.md", "--repetitions 1 --reduced"),
    (zhang2021_tables, "emodb_zhang2021_reduced/tables.md", "--reduced --table 2 --table 3 --table figure7"),
    (zhang2021_tables, "emodb_zhang2021_transfer/tables.md", "--reduced --table 3"),
    (peng2021_tables, "toy-bimodal_peng2021/tables.md", "--audio-kernels 3,5,7"),
    (ablation, "ablation/ablation.md", ""),
    (classical_baselines, "emodb_baselines/tables.md", ""),
    (audit_leakage, "leakage_emodb_han2014-dnn-elm/leakage.md", ""),
]


def figures_of(page):
    """The numbers in each row of the tables of a page, without the first cell: titles may be worded anew."""
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [re.findall(r"[-+]?\d+(?:\.\d+)?", row.partition(" | ")[2]) for row in rows]


@pytest.mark.parametrize(
    ("script", "page", "options"), PAGES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_tables_only_writes_the_committed_figures(script, page, options, tmp_path, monkeypatch):
    folder = shutil.copytree(RESULTS / Path(page).parent, tmp_path / "copy")
    (folder / Path(page).name).unlink()
    monkeypatch.chdir(tmp_path)  # no records are there, and none are needed
    dataset = "toy-bimodal" if page.startswith("toy-bimodal") else "emodb"
    command = ["--dataset", dataset, "--tables-only", "--output-dir", str(folder), *options.split()]
    assert script.main(command) == 0
    written, committed = (path.read_text(encoding="utf-8") for path in (folder / Path(page).name, RESULTS / page))
    assert figures_of(written) == figures_of(committed)
    assert sum(map(len, figures_of(written))) > 15
