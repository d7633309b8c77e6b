"""Lee et al.: the counts behind the ten rates, and what they can tell."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from course_lib import evaluation
from course_lib.audit import confusions, lee
from course_lib.evaluation import Confusion


def test_verdicts(verdicts) -> None:
    assert verdicts("Lee et al.") == (13, 1, 3)


def test_the_rows_are_one_matrix_each() -> None:
    assert lee.matrix("MobileFaceNet") == Confusion(tp=2984, fn=16, fp=3, tn=2997)
    assert lee.matrix("ResNet-100") == Confusion(tp=2991, fn=9, fp=0, tn=3000)
    with pytest.raises(ValueError, match="0 confusion matrices of 100"):
        lee.matrix("ResNet-100", 100)


def test_nine_of_ten_rates_are_counted_and_one_is_rounded_twice() -> None:
    exact = {(n, r): round(100 * getattr(lee.matrix(n), r), 4) for n, rates in lee.RATES.items() for r in rates}
    differ = [key for key, value in exact.items() if f"{value:.4f}" != lee.RATES[key[0]][key[1]]]
    assert differ == [("MobileFaceNet", "f1")] and exact[differ[0]] == 99.6826
    readings = lee.rate(*differ[0])
    assert round(readings["of rounded precision and recall"], 4) == 99.6827


@pytest.mark.slow
def test_no_smaller_even_split_prints_so_and_among_larger_ones_only_multiples() -> None:
    assert lee.smallest_split() == {"equal halves": 3000.0}
    rows = [{name: rates[name] for name in lee.COUNTED} for rates in lee.RATES.values()]
    assert [n for n in range(1, 7001) if all(confusions(row, n, n) for row in rows)] == [3000, 6000]


def test_decisions_have_the_errors_of_the_table_and_share_what_they_can() -> None:
    for same, (only_resnet, only_mobilefacenet) in {True: (10, 0), False: (19, 9)}.items():
        mobilefacenet, resnet = lee.decisions(same)
        assert (~mobilefacenet).sum() == 19 and (~resnet).sum() == 9
        test = evaluation.mcnemar(resnet, mobilefacenet)
        assert (test.only_a, test.only_b) == (only_resnet, only_mobilefacenet)
    assert binomtest(10, 10).pvalue < 0.01 < 0.05 < binomtest(19, 28).pvalue  # so pairs would settle it


def test_the_lead_in_accuracy_cannot_be_told(find) -> None:
    found = find("Lee et al.", "better performance")
    assert str(found.verdict) == "cannot be told"
    assert found.values["two tests, low end"] < 0 < found.values["two tests, high end"]
    assert found.values["same pairs, errors shared, low end"] > 0
    assert found.values["same pairs, no error shared, low end"] < 0
    z = evaluation.difference_of_accuracies(5991, 6000, 5981, 6000)
    assert z.z == pytest.approx(1.89, abs=0.005) and z.p == pytest.approx(0.058, abs=0.001)


def test_recall_leads(find) -> None:
    assert lee.gains()["recall"] == pytest.approx(0.2333) and max(lee.gains(), key=lee.gains().get) == "recall"
    assert find("Lee et al.", "largest difference").values == {"recall minus the next": pytest.approx(0.0662)}
