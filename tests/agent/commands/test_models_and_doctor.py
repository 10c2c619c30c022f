"""What `kirikae models` and `kirikae doctor` print, and what doctor's exit code says."""

import plistlib
import subprocess
import sys
from pathlib import Path

import pytest
from kirikae.cli import main
from kirikae.collect.runtime_facts import Model, Runtime
from kirikae.commands.doctor import RESTRICTION, _missing_means, _runtime_notes
from kirikae.commands.models import describe_runtime
from kirikae.home import Home
from kirikae.table import format_table, width_of
from kirikae.texts import say

from tests.agent import standin as servers
from tests.agent.confining.test_namespace import FORBIDDEN
from tests.agent.standin import answer, routes, sample, standin

OLLAMA = routes(
    {
        "/api/version": answer(sample("ollama/api_version.json")),
        "/api/tags": answer(sample("ollama/api_tags_with_cloud_models.json")),
        "/api/ps": answer(sample("ollama/api_ps.json")),
    }
)


def test_models_are_shown_in_columns(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with standin(OLLAMA) as url:
        monkeypatch.setenv("KIRIKAE_RUNTIMES", url)
        assert main(["models"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        f"Ollama 0.12.6 at {url}: up",
        "  model                   size  quantization  context  loaded  can  where",
        "  gpt-oss:20b          13.8 GB  -                   -  -       -    on this machine",
        "  qwen3-vl:235b-cloud        -  -                   -  -       -    on another machine",
        "  kimi-k2.6:cloud            -  -                   -  -       -    on another machine",
        "  vr-test:latest             -  -                   -  -       -    on another machine",
    ]


@pytest.mark.usefixtures("home")
def test_without_a_runtime_models_says_what_to_start(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0

    assert capsys.readouterr().out == say("models.none") + "\n"


def test_columns_are_as_wide_as_their_widest_cell_in_japanese_too() -> None:
    table = format_table([["モデル", "サイズ"], ["gemma", "9.6 GB"]], right=(1,))

    assert table.splitlines() == ["モデル  サイズ", "gemma   9.6 GB"]
    assert width_of("モデル") == 6


@pytest.mark.parametrize(
    ("behave", "sentence"),
    [
        (servers.garbage, "what it answers is not what a runtime answers"),
        (servers.hang, "it does not answer in time"),
        (servers.promise_a_gigabyte, "its answer is larger than any list of models"),
        (servers.redirect, "it sends on to another address, which is not followed"),
        (routes({}, otherwise=answer(b"", status="500 Internal Server Error")), "it answers with an error"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_broken_runtime_is_told_in_one_sentence(
    behave: servers.Behaviour, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with standin(behave) as url:
        monkeypatch.setenv("KIRIKAE_RUNTIMES", url)
        main(["models"])

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"The OpenAI-compatible server at {url}: broken: {sentence}")


def up(kind: str, *models: Model, messages_api: bool | None = True) -> Runtime:
    return Runtime(kind, "http://127.0.0.1:1", "up", messages_api=messages_api, models=models)


@pytest.mark.parametrize(
    ("runtime", "note"),
    [
        (up("ollama", Model("m", remote=False, effective_context_tokens=4096)), "OLLAMA_CONTEXT_LENGTH 32768"),
        (up("llama_cpp", Model("m", remote=False, effective_context_tokens=4096)), "-c 32768 -np 1"),
        (up("lm_studio", Model("m", remote=False, effective_context_tokens=4096)), "lms load m"),
        (up("omlx", Model("m", remote=False, effective_context_tokens=4096)), "with a larger context"),
        (up("lm_studio", Model("m")), "lms link status"),
        (up("mlx_lm", Model("m", remote=False), messages_api=False), "Messages API"),
        (up("llama_cpp"), "load one in it"),
        (Runtime("ollama", "http://127.0.0.1:1", "broken", reason="timeout"), "kirikae report"),
    ],
)
def test_doctor_says_what_is_wrong_with_a_runtime_and_what_to_type(runtime: Runtime, note: str) -> None:
    (text,) = _runtime_notes(runtime)

    assert note in text


def test_a_sound_runtime_has_no_notes() -> None:
    sound = up("ollama", Model("m", remote=False, effective_context_tokens=32_768))

    assert list(_runtime_notes(sound)) == []
    assert describe_runtime(sound) == "Ollama at http://127.0.0.1:1: up"


@pytest.mark.usefixtures("runtime_url")
def test_doctor_on_a_machine_that_is_not_enrolled_says_how_to_enrol(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 4

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok    state folder"
    assert lines[1].startswith("bad   enrolment: This machine is not enrolled; type `kirikae enrol URL`")
    assert "ok    runtimes" in lines


@pytest.mark.usefixtures("synced", "runtime_url")
def test_doctor_names_an_unreachable_portal_and_a_service_that_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))

    assert main(["doctor"]) == 1

    out = capsys.readouterr().out
    assert "bad   portal: The portal at http://127.0.0.1:9 does not answer" in out
    assert "ok    policy" in out
    assert "note  service: it does not run" in out
    assert "note  Claude Code: there is no program `claude` on the PATH" in out


@pytest.mark.parametrize(("restriction", "remedy"), [("1\n", "namespaces_restricted"), ("0\n", "namespaces_off")])
def test_doctor_tells_what_keeps_this_linux_from_confining(tmp_path: Path, restriction: str, remedy: str) -> None:
    file = tmp_path / RESTRICTION.name
    file.write_text(restriction)

    assert _missing_means(file, "linux") == remedy
    assert _missing_means(tmp_path / "missing", "linux") == "namespaces_off"
    assert _missing_means(file, "darwin") == "profile_fails"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("managed settings.json", b'{"sandbox": {"enabled": false}}', "type `sudo vi '{file}'` and take `sandbox` out"),
        ("a.plist", plistlib.dumps({"sandbox": {}}), "`plutil -p {file}` shows it"),
    ],
)
@pytest.mark.usefixtures("home")
def test_doctor_names_managed_settings_that_leave_our_confinement_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    said: str,
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    monkeypatch.setattr("kirikae.clients.claude_managed.managed_folder", lambda: tmp_path / "none")
    monkeypatch.setattr("kirikae.clients.claude_managed.preferences_file", lambda: file)

    main(["doctor"])

    (line,) = [line for line in capsys.readouterr().out.splitlines() if "confinement" in line]
    assert line.startswith("note  confinement: nothing below the client keeps protected work from the network.")
    assert said.format(file=file) in line


@pytest.mark.slow
@pytest.mark.where("confinement")
def test_doctor_tells_whether_protected_work_is_confined(home: Home) -> None:
    def doctor(*within: str) -> str:
        command = [*within, sys.executable, "-m", "kirikae.cli", "doctor"]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout

    assert "\nok    confinement\n" in doctor()
    assert "\nnote  confinement: nothing below the client keeps protected work from the network." in doctor(*FORBIDDEN)
