"""Trulience's own tags in what an avatar says, such as a pause or something the page around it shows."""

import json
import re
from xml.sax.saxutils import quoteattr

PREFIX = "trl-"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
# What XML 1.0 has no way to write, not even escaped (its production 2, "Char").
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

AttributeValue = str | int | float | bool | dict[str, object] | list[object] | None


def tag(name: str, **attributes: AttributeValue) -> str:
    """Give a tag that closes itself: `tag("break", duration="1.0")` is `<trl-break duration="1.0" />`.

    The prefix `trl-` is added where the name lacks it. Values are escaped for XML; truth values become `true` and
    `false`, a mapping or list becomes JSON, `None` leaves the attribute out. For a name with a hyphen, unpack a dict.
    Raises `ValueError` for names no tag or attribute can have.
    """
    short = name.removeprefix(PREFIX)
    if not _NAME.fullmatch(short):
        raise ValueError("a tag's name is made of small letters, digits and single hyphens")
    parts = [f"<{PREFIX}{short}"]
    for attribute, value in attributes.items():
        if not _ATTRIBUTE.fullmatch(attribute):
            raise ValueError("an attribute's name is made of letters, digits, hyphens and underscores")
        if value is not None:
            parts.append(f"{attribute}={quoteattr(_UNWRITABLE.sub(chr(0xFFFD), _written(value)))}")
    return " ".join(parts) + " />"


def _written(value: str | float | bool | dict[str, object] | list[object]) -> str:
    if isinstance(value, str):
        return value
    # JSON writes truth values and numbers as the tags do.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
