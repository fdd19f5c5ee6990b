from pathlib import Path

import pytest

from scripts.build_target import BuildTarget, build_target


def samconfig(tmp_path: Path, overrides: str, environment: str = "default", command: str = "deploy") -> Path:
    file = tmp_path / "samconfig.toml"
    file.write_text(f"version = 0.1\n[{environment}.{command}.parameters]\nparameter_overrides = {overrides}\n")
    return file


def test_without_any_choice_the_templates_defaults_are_built(tmp_path: Path) -> None:
    assert build_target({}, tmp_path / "samconfig.toml") == BuildTarget("python3.13", "arm64")


@pytest.mark.parametrize(
    "overrides",
    [
        '["Stage=test", "LambdaRuntime=python3.12", "LambdaArchitecture=x86_64"]',
        '"Stage=test LambdaRuntime=python3.12 LambdaArchitecture=x86_64"',
        '"LambdaRuntime=\\"python3.12\\" LambdaArchitecture=\\"x86_64\\""',
        '{ Stage = "test", LambdaRuntime = "python3.12", LambdaArchitecture = "x86_64" }',
    ],
)
def test_what_will_be_deployed_is_built(tmp_path: Path, overrides: str) -> None:
    assert build_target({}, samconfig(tmp_path, overrides)) == BuildTarget("python3.12", "x86_64")


def test_overrides_for_all_commands_count_too(tmp_path: Path) -> None:
    file = samconfig(tmp_path, '["LambdaArchitecture=x86_64"]', command="global")

    assert build_target({}, file).architecture == "x86_64"


def test_another_environment_of_samconfig_can_be_chosen(tmp_path: Path) -> None:
    file = samconfig(tmp_path, '["LambdaArchitecture=x86_64"]', environment="staging")

    assert build_target({}, file).architecture == "arm64"
    assert build_target({"CONFIG_ENV": "staging"}, file).architecture == "x86_64"


def test_the_environment_wins(tmp_path: Path) -> None:
    file = samconfig(tmp_path, '["LambdaRuntime=python3.12"]')

    assert build_target({"LAMBDA_RUNTIME": "python3.11"}, file).version == "3.11"


@pytest.mark.parametrize("variable", ["LAMBDA_RUNTIME", "LAMBDA_ARCHITECTURE"])
def test_a_target_that_lambda_has_not_is_refused(tmp_path: Path, variable: str) -> None:
    with pytest.raises(ValueError, match="Cannot build for"):
        build_target({variable: "sparc"}, tmp_path / "samconfig.toml")


def test_a_native_build_runs_on_this_machine(tmp_path: Path) -> None:
    target = build_target({"LAYER_BUILD": "native"}, tmp_path / "samconfig.toml")

    assert target.native
    assert target.runs_here(target.version)


def test_a_foreign_processor_does_not_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    assert not BuildTarget("python3.13", "arm64").runs_here("3.13")
    assert BuildTarget("python3.13", "x86_64").runs_here("3.13")
    assert not BuildTarget("python3.13", "x86_64").runs_here("3.11")
