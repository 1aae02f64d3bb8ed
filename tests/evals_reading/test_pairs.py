import math

import pytest

from evals.reading.pairs import compare


def test_it_counts_what_only_one_form_has_right() -> None:
    found = compare(
        {"first": [(True, False), (True, True)], "second": [(False, True), (True, False), (False, False)]}
    )
    assert (found.questions, found.only_a, found.only_b) == (5, 2, 1)
    assert found.difference == pytest.approx(20)
    assert found.ratio == pytest.approx(3 / 2)


def test_forms_that_are_right_together_do_not_differ_at_all() -> None:
    found = compare({number: [(number % 2 == 0, number % 2 == 0)] for number in range(40)})
    assert (found.difference, found.difference_interval) == (0, (0, 0))
    assert (found.ratio, found.ratio_interval) == (1, (1, 1))


def test_the_interval_is_that_of_the_normal_approximation_for_many_questions() -> None:
    """90 of 300 pairs differ by one, the others not: the standard error is sqrt(0.3 * 0.7 / 300)."""
    found = compare({each: [(each < 90, False)] for each in range(300)})
    error = 100 * math.sqrt(0.3 * 0.7 / 300)
    assert found.difference_interval == pytest.approx((30 - 1.96 * error, 30 + 1.96 * error), abs=0.5)


def test_questions_about_one_customer_count_as_a_cluster() -> None:
    """The same forty replies: four customers tell less than forty do."""
    right = [each % 4 == 0 for each in range(40)]
    alone = compare({each: [(right[each], False)] for each in range(40)})
    together = compare({quarter: [(quarter == 0, False)] * 10 for quarter in range(4)})
    assert alone.difference == together.difference
    assert together.difference_interval[1] > alone.difference_interval[1]


def test_a_ratio_to_nothing_is_infinite() -> None:
    assert compare({1: [(True, False)]}).ratio == math.inf


def test_without_a_question_there_is_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="no questions"):
        compare({1: []})
