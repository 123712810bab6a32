"""Telephone numbers in E.164: one number, one form, however it was written."""

from collections.abc import Sequence

from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_possible_number, parse


def answers(texts: Sequence[str], region: str) -> dict[str, Sequence[object]]:
    """`e164` of each text, null where it is no possible number; those without a country code are of `region`.

    Possible is a matter of length, not of whether the number is in use: plans change, and a number must keep its form.
    """
    return {"e164": [_e164(text, region) for text in texts]}


def _e164(text: str, region: str) -> str | None:
    try:
        number = parse(text, region)
    except NumberParseException:
        return None
    return format_number(number, PhoneNumberFormat.E164) if is_possible_number(number) else None
