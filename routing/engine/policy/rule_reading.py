"""Privacy rules and exceptions of a policy document, with everything that is wrong with their patterns."""

from collections.abc import Iterable, Sequence
from datetime import date

from ..effects import Effect, is_stricter
from ..identity import normalise_pattern
from ..matching.globs import is_all_wildcards
from ..reading.shapes import ObjectReader, Problems
from .field_reading import read_day, read_effect, read_local_text, read_slug
from .values import (
    LOOSENING_KEYS,
    SIGNAL_KEYS,
    Match,
    ModelRules,
    PrivacyException,
    PrivacyRule,
    Recommendation,
)

_HEX = frozenset("0123456789abcdef")
# Never part of a normal form; brackets and braces are somebody's hope for a regular expression.
_FOREIGN = frozenset(":@\\?#[]{}|")
_MOST_GB = 2**20


def read_models(reader: ObjectReader, *, has_recommended: bool = False) -> ModelRules:
    models = ModelRules(
        allow=reader.texts("allow", [], high=500),
        deny=reader.texts("deny", [], high=500),
        recommended=reader.texts("recommended", [], high=500) if has_recommended else (),
        recommended_by_memory=_read_recommendations(reader) if has_recommended else (),
    )
    reader.close()
    return models


def _read_recommendations(reader: ObjectReader) -> tuple[Recommendation, ...]:
    found = []
    for one in reader.readers("recommended_by_memory", [], high=100):
        below = one.optional_integer("below_gb", low=1, high=_MOST_GB)
        recommendation = Recommendation(
            models=one.texts("models", high=500),
            from_gb=one.integer("from_gb", 0, high=_MOST_GB),
            below_gb=below,
        )
        if below is not None and below <= recommendation.from_gb:
            one.wrong(one.at("below_gb"), found=below, allowed="more than from_gb")
        one.close()
        found.append(recommendation)
    return tuple(found)


def read_rule(reader: ObjectReader, *, is_lenient: bool) -> PrivacyRule:
    if is_lenient and not _is_understood(reader):
        return PrivacyRule(
            id=str(reader.take("id", "?")), effect=Effect.LOCAL_ONLY, match=Match(), can_be_evaluated=False
        )
    effect = read_effect(reader, "effect")
    rule = PrivacyRule(
        id=read_slug(reader),
        effect=effect,
        match=_read_match(reader.reader("match"), keys=SIGNAL_KEYS if effect.is_restricting else LOOSENING_KEYS),
        name=read_local_text(reader, "name"),
        is_confidential=reader.boolean("confidential", default=False),
        may_have_exceptions=reader.choice("exceptions", ("second_person", "forbidden"), "second_person") != "forbidden",
        models=read_models(reader.reader("models", {})),
        reason=read_local_text(reader, "reason"),
        owner=reader.text("owner", "", max_length=120, may_be_empty=True),
        review_by=read_day(reader, "review_by") if effect.is_restricting else None,
        expires=None if effect.is_restricting else read_day(reader, "expires"),
    )
    reader.close()
    return rule


def _is_understood(reader: ObjectReader) -> bool:
    """Whether this engine knows the rule's effect, every match key and every pattern."""
    trial = ObjectReader(reader.take("match", None), path="", problems=Problems())
    _read_match(trial, keys=SIGNAL_KEYS)
    return reader.take("effect", None) in tuple(Effect) and not trial.problems.found


def _read_match(reader: ObjectReader, *, keys: Sequence[str]) -> Match:
    found = {key: reader.texts(key, [], high=2000, max_length=2048) for key in keys}
    for key in SIGNAL_KEYS:
        if key not in keys and reader.take(key, []):
            reader.wrong(reader.at(key), found=reader.take(key), allowed="nothing: only remotes can loosen")
    if keys == LOOSENING_KEYS:
        _check_no_wikis(reader, found["remotes"])
    for index, commit in enumerate(found.get("root_commits", ())):
        if len(commit) not in (40, 64) or not set(commit.lower()) <= _HEX:
            reader.wrong(f"{reader.at('root_commits')}[{index}]", found=commit, allowed="a whole hash, 40 or 64 digits")
    if not any(found.values()) and not any(reader.take(key, []) for key in SIGNAL_KEYS):
        reader.wrong(reader.path, found="no pattern", allowed="at least one pattern", code="match.empty")
    for key in ("remotes", "paths"):
        for index, pattern in enumerate(found.get(key, ())):
            _check_pattern(reader, f"{reader.at(key)}[{index}]", pattern, is_remote=key == "remotes")
    reader.close()
    return Match(**found)


def _check_pattern(reader: ObjectReader, path: str, pattern: str, *, is_remote: bool) -> None:
    if any("**" in segment and segment != "**" for segment in pattern.split("/")):
        reader.wrong(path, found=pattern, allowed="** only as a whole segment", code="pattern.invalid")
    if is_remote and not _is_remote_pattern(pattern):
        reader.wrong(path, found=pattern, allowed="host/path, such as github.com/acme/**", code="pattern.invalid")
    if not is_remote and not pattern.startswith(("~/", "/", "**/")):
        reader.wrong(path, found=pattern, allowed="~/folder/** or /folder/**", code="pattern.invalid")


def _is_remote_pattern(pattern: str) -> bool:
    """Whether a remote can meet it: a host, a path, and no character that a normal form never holds."""
    host, *path = normalise_pattern(pattern)
    is_host_good = host.isascii() and not is_all_wildcards((host,))
    has_dots = any(segment in (".", "..") for segment in pattern.split("/"))
    return (
        is_host_good
        and bool(path)
        and all(path)
        and not has_dots
        and pattern.isprintable()
        and not set(pattern) & _FOREIGN
    )


def _check_no_wikis(reader: ObjectReader, patterns: Sequence[str]) -> None:
    """A wiki counts as its repository, so a pattern of wikis would open repositories."""
    for index, pattern in enumerate(patterns):
        if pattern.strip().rstrip("/").removesuffix(".git").endswith(".wiki"):
            path = f"{reader.at('remotes')}[{index}]"
            reader.wrong(path, found=pattern, allowed="the repository, its wiki goes with it", code="pattern.invalid")


def read_exception(reader: ObjectReader, rules: Iterable[PrivacyRule]) -> PrivacyException:
    by_id = {rule.id: rule for rule in rules}
    exception = PrivacyException(
        id=read_slug(reader),
        rule=reader.text("rule", max_length=64),
        remotes=_read_match(reader.reader("match"), keys=LOOSENING_KEYS).remotes,
        effect=read_effect(reader, "effect"),
        expires=read_day(reader, "expires", is_required=True) or date.min,
        machines=reader.texts("machines", [], high=500, max_length=40),
        owner=reader.text("owner", "", max_length=120, may_be_empty=True),
        reason=read_local_text(reader, "reason"),
    )
    rule = by_id.get(exception.rule)
    if rule is None:
        reader.wrong(reader.at("rule"), found=exception.rule, allowed=", ".join(by_id) or "no rule is there to except")
    elif not is_stricter(rule.effect, exception.effect):
        weaker = [str(one) for one in Effect if is_stricter(rule.effect, one)]
        reader.wrong(reader.at("effect"), found=str(exception.effect), allowed=", ".join(weaker) or "no exception")
    elif not rule.may_have_exceptions:
        reader.wrong(reader.at("rule"), found=exception.rule, allowed="a rule that permits exceptions")
    reader.close()
    return exception
