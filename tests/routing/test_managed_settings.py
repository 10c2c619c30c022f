"""The settings that put the guard on a Mac, as the portal makes them from the policy."""

import json
from typing import Any

from django.test import Client
from kirikae.clients.claude_managed import GUARD_COMMANDS, find_winning_setting

from routing.managed_settings import COMMAND
from tests.routing.conftest import ACME

FOLDERS = {"remotes": ["github.com/acme/**"], "paths": ["~/work/acme/**", "/srv/acme"]}


def settings_of(browser: Client, query: str = "") -> Any:
    answer = browser.get(f"/guard/managed-settings.json{query}")
    assert answer.headers["Content-Disposition"].endswith('"50-kirikae.json"')
    return json.loads(answer.content)


def test_the_guard_is_asked_before_prompts_and_file_tools(publish, client_of, ben):
    publish(privacy_rules=[{**ACME, "match": FOLDERS}])
    settings = settings_of(client_of(ben))

    assert sorted(settings) == ["env", "hooks"]
    assert sorted(settings["hooks"]) == ["PreToolUse", "SessionStart", "UserPromptSubmit"]
    assert "Grep" in settings["hooks"]["PreToolUse"][0]["matcher"]
    assert COMMAND in GUARD_COMMANDS


def test_the_drop_in_keeps_no_protected_launch_from_starting(publish, client_of, ben, tmp_path):
    publish(privacy_rules=[{**ACME, "match": FOLDERS}])
    (tmp_path / "managed-settings.d").mkdir()
    file = tmp_path / "managed-settings.d" / "50-kirikae.json"
    file.write_text(json.dumps(settings_of(client_of(ben), "?denials=1")))

    assert find_winning_setting(["CLAUDE_*"], {}, folder=tmp_path) is None

    file.write_text('{"env": {"CLAUDE_CODE_SIMPLE": "1"}}')
    assert find_winning_setting(["CLAUDE_*"], {}, folder=tmp_path) == (file.name, "env.CLAUDE_CODE_SIMPLE")


def test_denials_name_the_folders_of_restricting_rules_that_are_not_confidential(publish, client_of, ben):
    secret = {**ACME, "id": "secret", "confidential": True, "match": {"paths": ["~/hidden"]}}
    publish(privacy_rules=[{**ACME, "match": FOLDERS}, secret])

    denied = settings_of(client_of(ben), "?denials=1")["permissions"]["deny"]

    assert denied == ["Read(~/work/acme/**)", "Read(//srv/acme/**)"]


def test_the_page_shows_what_is_downloaded(publish, client_of, ben):
    publish()

    assert "kirikae guard || exit 2" in client_of(ben).get("/guard/").content.decode()
