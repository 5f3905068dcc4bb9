import numpy as np
import pytest

pytest.importorskip("napari")

from napari_cellsynth.widgets.suggestion_table import SuggestedClasses, SuggestionTable, as_table

IDS, CLASSES, CONFIDENCE = [7, 3, 5_000_000_000], [2, 1, 2], [0.5, 0.25, 1.0]


def test_a_table_says_what_a_dict_of_the_same_suggestions_says():
    plain = dict(zip(IDS, zip(CLASSES, CONFIDENCE, strict=True), strict=True))
    table = SuggestionTable(IDS, CLASSES, CONFIDENCE)
    assert dict(table) == plain
    assert table == plain
    assert as_table(plain) == table
    assert dict(SuggestedClasses(table)) == {7: 2, 3: 1, 5_000_000_000: 2}
    assert sorted(table.with_class(2)) == [7, 5_000_000_000]
    assert 4 not in table
    assert 6_000_000_000 not in table
    assert table.get(4) is None


def test_what_is_not_suggested_has_no_class_and_no_confidence():
    classes, confidence = SuggestionTable(IDS, CLASSES, CONFIDENCE).of(np.array([3, 4, 7, 6_000_000_000]))
    np.testing.assert_array_equal(classes, [1, 0, 2, 0])
    np.testing.assert_array_equal(confidence, [0.25, np.nan, 0.5, np.nan])
    classes, confidence = as_table({}).of(np.array([3]))
    assert (classes[0], np.isnan(confidence[0])) == (0, True)
