"""The page of the ablation states by which speakers its rows are judged."""

from dataclasses import replace

import pytest
from support.results import results_of, run_of

from experiments import ablation


@pytest.mark.parametrize(
    ("validation", "test", "sentence"),
    [
        ("abc", "bca", "All 3 of them are test speakers of other folds, so the test UAR of a recipe that is chosen"),
        ("abc", "bcd", "2 of these 3 speakers are test speakers of other folds"),
        ("abc", "def", "None of them is a test speaker of another fold."),
    ],
)
def test_the_validation_speakers_that_are_test_speakers_of_other_folds_are_counted(validation, test, sentence):
    runs = [
        replace(run_of(fold=fold), validation_speakers=[each], test_speakers=[test[fold]])
        for fold, each in enumerate(validation)
    ]
    assert ablation.selection_note([results_of(runs)]).startswith(sentence)
