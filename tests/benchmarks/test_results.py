"""The results file, the page and the picture."""

import json

import pytest

from benchmarks import plots, report, results, run
from benchmarks.measure import Case, Figures, UnavailableError
from benchmarks.sections import SECTIONS

OLD, NEW = "2026-01-01 00:00 UTC", "2026-02-02 00:00 UTC"
(FIRST, SECOND, *_) = results.declared()


def row(name: tuple[str, str, str], run: str, found: Figures | str) -> results.Row:
    return results.row(*name, run, found)


def test_names_are_unique():
    names = list(results.declared())
    assert len(set(names)) == len(names)


def test_a_run_replaces_its_rows_and_keeps_the_others(tmp_path):
    before = [row(FIRST, OLD, "no g++"), row(SECOND, OLD, Figures((1.0, 2.0), (3.0, 4.0)))]
    file = results.merge({"runs": {}, "rows": []}, OLD, {"threads": "1"}, reversed(before))
    assert file == {"runs": {OLD: {"threads": "1"}}, "rows": before}
    after = row(FIRST, NEW, Figures((0.5, 0.5), (1.0, 1.0)))
    file = results.merge(file, NEW, {"threads": "2"}, [after])
    assert file["rows"] == [after, before[1]] and list(file["runs"]) == [OLD, NEW]
    path = tmp_path / "results.json"
    results.save(file, path)
    assert results.load(path) == json.loads(path.read_text()) == file


def test_runs_and_cases_that_are_gone_leave_the_file():
    gone = row(("Section", "that", "was"), OLD, "removed")
    file = {"runs": {OLD: {}}, "rows": [gone]}
    new = row(FIRST, NEW, "no g++")
    assert results.merge(file, NEW, {}, [new]) == {"runs": {NEW: {}}, "rows": [new]}


def test_the_page_shows_figures_facts_and_reasons():
    figures = Figures((0.1, 0.1, 0.1), (0.2, 0.3, 0.4), {"GFLOP/s": 99.6, "of peak": 0.5})
    rows = [row(FIRST, OLD, figures), row(SECOND, NEW, "no g++")]
    page = report.markdown({"runs": {OLD: {"threads": "2"}, NEW: {}}, "rows": rows})
    assert f"Run 1, {OLD}:\n\n- threads: 2\n" in page and f"Run 2, {NEW}:" in page
    assert "| 100.0 ms | 300.0 ms | 3.00 (2.50 to 3.50) | 100 | 50% | 1 |" in page
    assert "| not measured: no g++ |  |  |  |  | 2 |" in page


def test_one_run_needs_no_column_and_one_turn_no_quartiles():
    rows = [row(FIRST, OLD, Figures((1.0,), (2.0,))), row(SECOND, OLD, Figures((0.004,)))]
    page = report.markdown({"runs": {OLD: {}}, "rows": rows})
    assert "| 1.00 s | 2.00 s | 2.00 |\n" in page and "| 4.00 ms |  |  |\n" in page


@pytest.mark.parametrize(
    ("size", "text"), [(1000, "< 1 MiB"), (5 << 20, "5 MiB"), (3 << 29, "1.5 GiB")]
)
def test_memory_is_written_in_its_unit(size, text):
    assert report.memory(size) == text


def test_words_choose_rows_and_slow_ones_are_asked_for():
    every = list(run.chosen([], quick=False))
    windows = list(run.chosen(["PATTERNS", "window 256"], quick=False))
    assert {case.peer for _, case in windows} == {"SDPA", "FlexAttention"}
    assert all(section.title == "Forward, patterns" for section, _ in windows)
    assert 0 < len(list(run.chosen([], quick=True))) < len(every)
    asked = sum(case.on_request for section in SECTIONS for case in section.cases)
    assert len(every) + asked == len(list(results.declared()))
    assert any(case.on_request for _, case in run.chosen(["gemma", "32768"], quick=False))


def test_words_that_no_row_holds_are_an_error():
    with pytest.raises(SystemExit, match="no row holds all of these words: windmill"):
        run.main(["--only", "windmill"])


def test_a_case_that_cannot_run_says_why():
    def measure(budget: float) -> Figures:
        raise UnavailableError("no g++")

    assert run.measured(Case("a", "b", measure), 1.0) == "no g++"


def test_the_picture_takes_its_points_from_the_rows(tmp_path):
    cases = ("causal, N 1024, D 64", "causal, N 2048, D 64")
    rows = [
        row(("By length", case, "SDPA"), OLD, Figures((i + 1.0, i + 1.0), (i + 2.0, i + 2.0)))
        for i, case in enumerate(cases)
    ]
    rows.append(row(("By length", "window 256, N 1024, D 64", "SDPA"), OLD, "no"))
    found = plots.series(rows, "By length", "causal")
    assert found == {"attnc": {1024: 1.0, 2048: 2.0}, "SDPA": {1024: 2.0, 2048: 3.0}}
    pytest.importorskip("matplotlib")
    plots.draw(rows, tmp_path / "time.png")
    assert (tmp_path / "time.png").stat().st_size > 10_000
