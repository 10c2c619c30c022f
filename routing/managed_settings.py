"""The drop-in for Claude Code's managed settings: the guard on every Mac, as this policy needs it."""

from routing.engine.policy.values import Policy

# A guard that is missing or that fails counts as a no: the client lets pass whatever does not end with 2.
COMMAND = "kirikae guard || exit 2"
# What reads, writes or uploads files that its input names. With `^` and `$` the client takes it for an expression.
GUARDED_TOOLS = (
    "^(Read|Edit|MultiEdit|Write|NotebookEdit|Grep|Glob|Skill|SlashCommand|Workflow"
    "|Artifact|LSP|Projects|SendUserFile|mcp__.*)$"
)
TIMEOUT_S = 15
# A repository's settings or a shell could set them: the client then asks no hook, or another program in its place.
EMPTIED = {"CLAUDE_CODE_SHELL_PREFIX": "", "CLAUDE_CODE_SIMPLE": ""}


def managed_settings(policy: Policy, *, has_denials: bool) -> dict[str, object]:
    """`has_denials`: for Macs on which nobody works in the protected folders; they deny them to local work too."""
    hook = {"type": "command", "command": COMMAND, "timeout": TIMEOUT_S}
    on_prompt, on_tool = {"hooks": [hook]}, {"matcher": GUARDED_TOOLS, "hooks": [hook]}
    hooks = {"SessionStart": [on_prompt], "UserPromptSubmit": [on_prompt], "PreToolUse": [on_tool]}
    settings: dict[str, object] = {"hooks": hooks, "env": EMPTIED}
    if not has_denials:
        return settings
    return {**settings, "permissions": {"deny": [f"Read({path})" for path in _folders(policy)]}}


def _folders(policy: Policy) -> list[str]:
    """In the form of the client's permission rules, in which `//` is the root of the disk."""
    restricting = (rule for rule in policy.privacy_rules if rule.effect.is_restricting and not rule.is_confidential)
    paths = dict.fromkeys(path.rstrip("/") for rule in restricting for path in rule.match.paths)
    whole = (path if path.endswith("/**") else f"{path}/**" for path in paths)
    return [path if path.startswith("~") else f"//{path.lstrip('/')}" for path in whole]
