"""Models of one-time password requests, validated on creation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import attrs

from smsworks_async import phone
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks, values
from smsworks_async.models.fields import hidden, optional, wire


def _template(value: str) -> str:
    template = checks.content(value, "template")
    if "{{passcode}}" not in template:
        raise ValidationError("template must contain {{passcode}}", field="template")
    return template


def _passcode(value: object) -> str:
    passcode = checks.text(value, "passcode")
    if not passcode.strip():
        raise ValidationError("passcode is empty", field="passcode")
    return passcode


_DASH_OR_BLANK: Final = re.compile(r"[\s\u2010-\u2015\u2212\ufe63\uff0d-]+")


def typed_passcodes(value: object) -> tuple[str, ...]:
    """Return the possible readings of a typed passcode, the likeliest first.

    Surrounding blanks and invisible characters are removed, and digits of any script are accepted.
    Digits separated by blanks or dashes, such as ``"012 345"``, are read as one number, the form of
    generated passcodes, and second as typed, since the caller may have chosen a passcode with a
    dash.

    Raises:
        ValidationError: it is not a string, or it is blank.
    """
    typed = unicodedata.normalize("NFKC", _passcode(value))
    typed = "".join(one for one in typed if unicodedata.category(one) != "Cf").strip()
    typed = "".join(str(int(one)) if one.isdecimal() else one for one in typed)
    if not typed:
        raise ValidationError("passcode is empty", field="passcode")
    together = _DASH_OR_BLANK.sub("", typed)
    read = (together, typed) if together.isdecimal() else (typed,)
    return tuple(dict.fromkeys((*read, _passcode(value).strip())))


def _own_passcode(value: Any) -> str | None:
    blank = values.as_text(value) is not None
    return None if values.is_missing(value) and not blank else _passcode(value)


def _otp_length(value: object) -> int:
    return checks.integer(value, "length", at_least=1)


def _otp_validity(value: object) -> int:
    return checks.integer(value, "validity", at_least=1)


@attrs.frozen(kw_only=True)
class OTPRequest:
    """A request for a one-time password; see `AsyncOTP.send` for its fields."""

    sender: str = attrs.field(converter=checks.sender, metadata=wire(secret=False))
    destination: str = attrs.field(converter=phone.canonical, repr=phone.mask)
    length: int | None = optional(_otp_length)
    template: str | None = hidden(_template)
    validity: int | None = optional(_otp_validity)
    # A blank passcode is an error: if it were omitted, the API would generate one.
    passcode: str | None = attrs.field(default=None, converter=_own_passcode, repr=False)
    metadata: Mapping[str, Any] | None = hidden(checks.otp_metadata, hashed=False)


@attrs.frozen(kw_only=True)
class PasscodeToVerify:
    """A typed passcode; see `typed_passcodes`."""

    passcode: str = attrs.field(converter=_passcode, repr=False)
