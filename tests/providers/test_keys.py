"""Keys stay where they are: in no message, traceback, log, cache, listing or report."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from asking import ANTHROPIC_KEY, ASKED, OPENAI_KEY, PROTOCOLS, opened
from wire import BEHAVIOURS, Wire

import egca
from egca.errors import InputError, ProviderError
from egca.providers import Sampling, open_model

both = pytest.mark.parametrize("protocol", PROTOCOLS)
KEYS = (OPENAI_KEY, ANTHROPIC_KEY)
OURS = str(Path(egca.__file__).parent)  # variables of other packages' frames are gigabytes of text


@both
def test_the_key_reaches_the_server(wire: Wire, protocol: str) -> None:
    opened(wire, protocol).complete(ASKED, Sampling())
    key = OPENAI_KEY if protocol == "openai" else ANTHROPIC_KEY
    assert wire.headers[0]["authorization"] == f"Bearer {key}"


@both
def test_no_failure_shows_it(wire: Wire, protocol: str, caplog, capfd, tmp_path: Path) -> None:
    wire.script = ["ok", *(name for name in BEHAVIOURS if name not in {"slow", "crowd", "busy"})]
    model = opened(wire, protocol, cache=True, cache_folder=tmp_path)
    shown: list[str] = [repr(model), repr(model.provider), repr(vars(model.provider))]
    n_failures = 0
    with caplog.at_level(logging.DEBUG):
        for number in range(len(wire.script)):
            try:
                model.complete(ASKED, Sampling(seed=number))
            except ProviderError as error:
                n_failures += 1
                shown += traceback.format_exception(error)
                stack = traceback.TracebackException.from_exception(
                    error, capture_locals=True
                ).stack
                shown += [str(frame.locals) for frame in stack if frame.filename.startswith(OURS)]
    out, err = capfd.readouterr()
    shown += [out, err, caplog.text, *(str(vars(record)) for record in caplog.records)]
    shown += [path.read_text() for path in tmp_path.glob("*/*")]
    assert n_failures > 5
    assert any("***" in text for text in shown)  # a server had shown it, and it was cut out
    for key in KEYS:
        assert not [text for text in shown if key in text]


def test_the_key_of_openai_goes_to_openai_alone(wire: Wire, monkeypatch) -> None:
    monkeypatch.delenv("EGCA_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", OPENAI_KEY)
    opened(wire, "openai").complete(ASKED, Sampling())
    assert OPENAI_KEY not in str(wire.headers)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{wire.url}/v1")
    open_model("openai:tiny-chat", cache=False).complete(ASKED, Sampling())
    assert wire.headers[-1]["authorization"] == f"Bearer {OPENAI_KEY}"


@pytest.mark.parametrize("key", ["sk-se\ncret", "sk-se cret", "sk-sécret"])
@both
def test_a_key_that_cannot_be_one(wire: Wire, protocol: str, key: str, monkeypatch) -> None:
    monkeypatch.setenv("EGCA_API_KEY", key)
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    with pytest.raises(InputError, match="holds characters that no key has") as error_info:
        opened(wire, protocol)
    assert "cret" not in str(error_info.value)


@both
def test_no_pickle_takes_it_along(wire: Wire, protocol: str) -> None:
    try:
        data = pickle.dumps(opened(wire, protocol))
    except (TypeError, AttributeError, pickle.PicklingError):
        return
    assert not [key for key in KEYS if key.encode() in data]


@pytest.mark.parametrize(
    "arguments",
    [
        ["providers"],
        ["doctor", "--json"],
        ["--debug", "providers", "check", "openai:tiny-chat", "--base-url", "{url}/v1"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_command_shows_it(wire: Wire, arguments: list[str], tmp_path: Path) -> None:
    wire.script = ["401"]
    command = [sys.executable, "-m", "egca", *(part.format(url=wire.url) for part in arguments)]
    environment = {**os.environ, "OPENAI_API_KEY": OPENAI_KEY, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.stdout + done.stderr
    for key in KEYS:
        assert key not in done.stdout + done.stderr
