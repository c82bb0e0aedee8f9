"""`egca doctor` as a user runs it, and its checks on environments made here."""

import json
import os
import subprocess
import sys

import pytest

from egca.cli import doctor

SECRET = "sk-not-a-real-key-5f1c"


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "egca", "doctor", *options],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80", **environment},
        timeout=60,
    )


@pytest.fixture(scope="module")
def report() -> dict[str, object]:
    shown = run("--json", OPENAI_API_KEY=SECRET)
    assert shown.returncode == 0, shown.stderr
    assert SECRET not in shown.stdout + shown.stderr
    return json.loads(shown.stdout)


def test_json_has_every_section_and_only_documented_fields(report):
    assert list(report["sections"]) == list(doctor.SECTIONS)
    assert report["schema"] == 1
    for section in report["sections"].values():
        for finding in section:
            assert set(finding) == {"name", "present", "detail", "enables", "required"}


def test_sandbox_layers_of_this_kernel_are_listed(report):
    layers = report["sections"]["sandbox"]
    assert layers
    assert all(layer["present"] == (layer["detail"] == "on") for layer in layers)
    assert {layer["name"] for layer in layers} == set(doctor.LAYERS)  # each says what it is for


def test_text_fits_80_columns_and_never_shows_a_key():
    shown = run(ANTHROPIC_API_KEY=SECRET)
    assert shown.returncode == 0, shown.stderr
    assert SECRET not in shown.stdout
    assert "ANTHROPIC_API_KEY" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_keys_are_found_without_their_value():
    found = {f.name: f for f in doctor.keys({"OPENAI_API_KEY": SECRET, "ANTHROPIC_API_KEY": ""})}
    assert found["OPENAI_API_KEY"].present
    assert not found["ANTHROPIC_API_KEY"].present  # set to nothing is not set
    assert all(SECRET not in str(f) for f in found.values())


def test_an_override_variable_must_name_a_readable_file(tmp_path):
    file = tmp_path / "plus.jsonl"
    file.write_text("{}\n")
    good = doctor.data_sets({"HUMANEVAL_OVERRIDE_PATH": str(file)})
    bad = doctor.data_sets({"HUMANEVAL_OVERRIDE_PATH": str(tmp_path / "none.jsonl")})
    assert good[0].present
    assert not bad[0].present
    assert "no readable file" in bad[0].detail
    assert good[1].detail == "not set"


def test_a_missing_extra_says_what_to_install_and_what_for():
    dev = next(f for f in doctor.extras(lambda module: module != "hypothesis") if f.name == "dev")
    assert not dev.present
    assert dev.detail == 'missing hypothesis; pip install "egca[dev]"'
    assert dev.enables


def test_only_a_missing_required_thing_makes_it_not_ready():
    optional = doctor.Finding("GPU", False, "none")
    required = doctor.Finding("start", False, "no fork", required=True)
    assert doctor.is_ready({"gpu": [optional]})
    assert not doctor.is_ready({"gpu": [optional], "sandbox": [required]})
