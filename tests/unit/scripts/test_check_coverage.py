import json
from pathlib import Path

import pytest

from scripts.check_coverage import main


def report(tmp_path: Path, covered: int, total: int) -> str:
    file = tmp_path / "coverage.json"
    file.write_text(json.dumps({"totals": {"covered_branches": covered, "num_branches": total}}))
    return str(file)


@pytest.mark.parametrize(("covered", "code"), [(899, 1), (900, 0), (1000, 0)])
def test_nine_branches_of_ten_are_enough(tmp_path: Path, covered: int, code: int) -> None:
    assert main([report(tmp_path, covered, 1000)]) == code


def test_code_without_branches_passes(tmp_path: Path) -> None:
    assert main([report(tmp_path, 0, 0)]) == 0
