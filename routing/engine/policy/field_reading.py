"""Fields that rules, exceptions and tasks of a policy document share."""

from datetime import date

from ..effects import Effect
from ..reading.shapes import ObjectReader
from .values import NO_TEXT, LocalText


def read_slug(reader: ObjectReader) -> str:
    slug = reader.text("id", max_length=64)
    if slug and not (slug.isascii() and slug.replace("-", "").isalnum() and slug == slug.lower()):
        reader.wrong(reader.at("id"), found=slug, allowed="small letters, digits and hyphens")
    return slug


def read_effect(reader: ObjectReader, key: str) -> Effect:
    return Effect(reader.choice(key, tuple(Effect)))


def read_local_text(reader: ObjectReader, key: str) -> LocalText:
    found = reader.take(key, None)
    if found is None:
        return NO_TEXT
    if isinstance(found, str):
        found = {"en": found, "ja": found}
    inner = ObjectReader(found, path=reader.at(key), problems=reader.problems)
    text = LocalText(
        en=inner.text("en", "", max_length=500, may_be_empty=True),
        ja=inner.text("ja", "", max_length=500, may_be_empty=True),
    )
    inner.close()
    return text


def read_day(reader: ObjectReader, key: str, *, is_required: bool = False) -> date | None:
    """A day; YAML gives a date, JSON a text."""
    found = reader.take(key) if is_required else reader.take(key, None)
    if found is None or type(found) is date:
        return found
    try:
        return date.fromisoformat(found if isinstance(found, str) else "")
    except ValueError:
        reader.wrong(reader.at(key), found=found, allowed="a day such as 2027-03-31")
        return None
