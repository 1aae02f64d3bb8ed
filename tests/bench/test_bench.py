import json
from pathlib import Path

from bench import figures
from bench.caller import OLDER, crowd
from bench.figures import FIGURES
from bench.plot import as_svg
from bench.report import as_json, as_markdown, as_text
from bench.results import Goal, Report, Row, percentile, spread
from bench.rig import FLOOR, OURS, PLAIN, open_rig, turns
from bench.rounds import NUMBERS, Plan
from bench.upstream import customer

ROWS = [
    Row(name="a call", unit="ms", samples={PLAIN: [2, 4, 8], OURS: [1, 4, 6]}, goal=Goal(at_most=1.1, of=PLAIN)),
    Row(name="bytes", unit="bytes", samples={OURS: [801]}, goal=Goal(at_most=800, fails=True)),
    Row(name="for its own sake", unit="/s", samples={FLOOR: [1_234.5]}),
]  # fmt: skip
REPORT = Report(rows=ROWS, curves={"wallets": {OURS: [(1, 2.0), (1_000, 4.0)], PLAIN: [(1, 1.0), (1_000, 40.0)]}})


async def test_each_subject_answers_and_overlapping_calls_are_one_request_of_ours(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        callers = [await rig.stdio(subject) for subject in (FLOOR, PLAIN, OURS)]
        for caller in callers:
            _, took = await crowd([caller] * 2, 4, NUMBERS.fresh())
            assert len(took) == 4
            assert min(took) > 0
        assert await rig.asked() == 2 * 4
        await crowd([callers[-1]] * 8, 8, lambda _: customer("one", delay_ms=100))
        assert await rig.asked() == 2 * 4 + 1


async def test_ours_answers_in_the_era_before(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        assert await (await rig.stdio(OURS, OLDER)).call(customer("older")) > 0


async def test_the_byte_goals_hold_and_nothing_else_fails_a_run(tmp_path: Path) -> None:
    async with open_rig(tmp_path) as rig:
        report = await figures.size(rig, Plan(measured=(OURS,)))
    assert [row.name for row in report.rows if row.goal and row.goal.fails] == [
        "tools/list", "text for 3 wallets with a mobile each", "text for 25 of 40 with a mobile each"
    ]  # fmt: skip
    assert report.broken == []


def test_a_ratio_is_the_median_of_the_rounds_ratios_and_decides_whether_a_goal_holds() -> None:
    assert [(row.ratio, row.holds) for row in ROWS] == [(0.75, True), (None, False), (None, None)]
    assert REPORT.broken == [ROWS[1]]
    assert (spread([1, 2, 3, 4, 5]), percentile([5, 1, 3], 50), str(Goal(at_least=0.95, of=PLAIN))) == (
        1.5, 3, "≥ 0.95 x plain"
    )  # fmt: skip


def test_every_round_begins_with_another_subject() -> None:
    assert list(turns(["a", "b"], 2)) == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]


def test_the_report_is_one_table_in_three_forms() -> None:
    assert len({len(line) for line in as_text(REPORT).splitlines()}) == 1
    assert "| a call | ms |  | 4 ± 3 |  | 4 ± 2.5 | ≤ 1.1 x plain | 0.75 | yes |" in as_markdown(REPORT)
    assert [row["holds"] for row in json.loads(as_json(REPORT))["figures"]] == [True, False, None]
    assert as_svg(REPORT.curves).count("<polyline") == 2


def test_every_figure_says_what_it_is() -> None:
    assert all(measure.__doc__ for measure in FIGURES.values())
