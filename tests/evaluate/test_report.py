from __future__ import annotations

import base64
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.figures import bars_figure, confusion_figure, confusion_figures, sheet_figure
from napari_cellsynth.evaluate.report import Section, write_report

NASTY = "<script>alert('$5')</script> & \"Dense\""


def test_a_report_is_one_file_without_outside_references_and_with_all_names_escaped(tmp_path):
    table = pd.DataFrame({NASTY: [0.123456, np.nan]}, index=pd.Index([NASTY, "plain"], name="class"))
    patches = np.random.default_rng(0).uniform(-1, 1, (5, 1, 16, 16)).astype(np.float32)
    path = write_report(
        tmp_path / "deep" / "report.html",
        NASTY,
        [
            Section(NASTY, [f"Text with {NASTY}", table]),
            Section("Figures", [confusion_figure([[3, 1], [0, 0]], [NASTY, "b"]), sheet_figure(patches, [NASTY] * 5)]),
        ],
    )
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert page.count("data:image/png;base64,") == 2
    assert "0.1235" in page and "–" in page and "@media print" in page
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_the_page_is_well_formed(tmp_path):
    open_tags: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "img"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    page = write_report(tmp_path / "r.html", "T", [Section("S", ["text", pd.DataFrame({"a": [1, True, "x"]})])])
    Checker().feed(page.read_text(encoding="utf-8"))
    assert open_tags == []


def test_a_place_that_cannot_be_written_is_a_users_mistake(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_report(tmp_path / "file" / "report.html", "T", [])


def test_the_confusion_figure_writes_every_count_and_shares_of_the_true_class():
    axes = confusion_figure([[8, 2], [0, 0]], ["Dense", "Debris"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["8\n80%", "2\n20%", "0\n0%", "0\n0%"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Dense", "Debris"]


@pytest.mark.parametrize(("classes", "drawn"), [(5, [2, 1]), (16, [1, 1, 1])])
def test_confusion_matrices_stand_two_abreast_or_each_alone_so_that_none_is_cut_at_the_end_of_a_page(classes, drawn):
    matrices = {f"arm {n}": np.eye(classes, dtype=int) for n in range(3)}
    figures = confusion_figures(matrices, [f"class {n}" for n in range(classes)])
    assert [len(figure.axes) for figure in figures] == drawn
    assert [axes.get_title() for figure in figures for axes in figure.axes] == list(matrices)
    assert all(figure.get_figheight() / figure.get_figwidth() < 1 for figure in figures)  # A4: 24 cm of 17


def test_a_figure_is_kept_small_and_looks_as_it_was_drawn(tmp_path):
    patches = np.random.default_rng(0).uniform(-1, 1, (20, 1, 32, 32)).astype(np.float32)
    figure = sheet_figure(patches)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=150)
    page = write_report(tmp_path / "r.html", "T", [Section("S", [figure])]).read_text(encoding="utf-8")
    kept = base64.b64decode(re.search(r"base64,([^\"]+)", page)[1])
    assert len(kept) < 0.7 * len(drawn.getvalue())
    before, after = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int) for png in (drawn.getvalue(), kept))
    assert before.shape == after.shape
    assert np.abs(before - after).max() <= 8


def test_names_of_many_columns_stand_upright_so_that_the_table_fits_on_a_page(tmp_path):
    for columns, upright in ((3, False), (16, True)):
        table = pd.DataFrame(np.ones((2, columns)), columns=[f"class {n}" for n in range(columns)])
        page = write_report(tmp_path / "r.html", "T", [Section("S", [table])]).read_text(encoding="utf-8")
        assert bool(re.search('<table class="[^"]*crowd"', page)) == upright


def test_the_bars_figure_draws_each_series_with_gaps_and_intervals():
    figure = bars_figure(
        {"TPR": {"a": 0.5, "b": float("nan")}, "PPV": {"a": 0.7}}, {"TPR": {"a": (0.4, 0.6)}}, label="share"
    )
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights[0] == 0.5 and np.isnan(heights[1]) and heights[2] == 0.7
    assert len(figure.axes[0].collections) == 1


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_sheet_shows_patches_of_any_channel_count(channels):
    figure = sheet_figure(np.zeros((7, channels, 8, 8), np.float32), columns=3)
    assert len(figure.axes) == 7
    figure.canvas.draw()


def test_figures_leave_pyplots_global_state_alone():
    before = "matplotlib.pyplot" in sys.modules
    confusion_figure([[1]], ["a"])
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_names_cannot_bring_markup_into_a_report_and_long_ones_may_be_broken(tmp_path):
    name = "<script>alert(1)</script>"
    table = pd.DataFrame({name: [name, "b" * 80]}, index=pd.Index([name, "b"], name=name))
    page = write_report(tmp_path / "r.html", name, [Section(name, [name, table])]).read_text(encoding="utf-8")
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 8
    assert f'<td class="long">{"b" * 80}</td>' in page


def test_a_column_of_formatted_numbers_stands_to_the_right_and_a_column_of_words_and_numbers_does_not(tmp_path):
    table = pd.DataFrame(
        {"score": ["0.710", "–", "+0.2 ± 0.1"], "value": ["12", "cpu", "0.1.0"]}, index=["1", "2", "3"]
    )
    page = write_report(tmp_path / "report.html", "Scores", [Section("S", [table])]).read_text(encoding="utf-8")
    assert page.count('<td class="number">') == 3
    assert '<td class="number">0.710</td>' in page
