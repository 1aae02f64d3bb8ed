"""Results that no simulator gives: made to break a page, or in a form that no server of ours sends."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
OVERRIDES = "\u202egnihtemos\u2066\u200b\u061c"
CONTROLS = "\x00\x07\x1b[2J\x7f\u2028\ufeff"
LONG = "W" * 5000
TOWER = "Z" + "\u0335\u0489\u030d" * 200
ARABIC = "محفظة الدفع"
SURROGATE = "\ud83d"


def stamp(ago: timedelta = timedelta()) -> str:
    """An RFC 3339 time in the past."""
    return (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")


def wallet(**changed: object) -> dict[str, Any]:
    """A linked, fresh wallet, with keys changed."""
    return {
        "provider": "Paytm",
        "code": "PAYTM",
        "ref": "XXXXXX9abc",
        "kind": "wallet",
        "linked": True,
        "balance": "95.00",
        "last_refreshed": stamp(),
        "freshness": "live",
        "mobile": "XXXXXX9999",
        **changed,
    }


def answer(*wallets: Mapping[str, Any], **changed: object) -> dict[str, Any]:
    """A tool's result with these wallets, with keys of its answer changed; None leaves a key out."""
    content = {
        "summary": "A few sentences.",
        "customer": "XXXXXX2CJV",
        "environment": "production",
        "source": "refresh",
        "as_of": stamp(),
        "currency": "INR",
        "total_balance": "95.00",
        "wallet_count": len(wallets),
        "linked_count": len(wallets),
        "wallets": list(wallets),
        **changed,
    }
    kept = {key: value for key, value in content.items() if value is not None}
    return {"result": {"content": [{"type": "text", "text": "{}"}], "structuredContent": kept}}


def failed(text: str) -> dict[str, Any]:
    """A tool's error."""
    return {"result": {"content": [{"type": "text", "text": text}], "isError": True}}


NAMES = (MARKUP, OVERRIDES, CONTROLS, LONG, TOWER, ARABIC, SURROGATE, "a b " * 400, "")
AMOUNTS = ("123456789012345678.12", "-999999999999999999.999999999999999999999999999999", "0.00", "-25.50")


def hostile() -> dict[str, Any]:
    """25 wallets of the worst kind."""
    wallets = [
        wallet(
            provider=NAMES[place % len(NAMES)],
            ref=NAMES[(place + 1) % len(NAMES)],
            mobile=NAMES[(place + 2) % len(NAMES)],
            balance=AMOUNTS[place % len(AMOUNTS)],
            kind="pay_later" if place % 5 == 0 else "wallet",
            parts=[
                {"provider": name, "code": "X", "kind": "wallet", "balance": AMOUNTS[1], "last_refreshed": stamp()}
                for name in NAMES
            ],
        )
        for place in range(25)
    ]
    return answer(
        *wallets,
        summary=LONG + MARKUP,
        customer=LONG,
        total_balance="-" + "9" * 60 + "." + "9" * 60,
        omitted_wallets=9_007_199_254_740_991,
        unreadable_wallets=9_007_199_254_740_991,
        notices=[MARKUP, OVERRIDES, CONTROLS, LONG, TOWER, ARABIC],
    )


def changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """A good result but for one value, at a path of its answer; None takes the key away."""
    reply = answer(wallet(parts=[{"provider": "Paytm", "code": "PAYTM", "kind": "wallet"}]), notices=["Note."])
    at = reply["result"]["structuredContent"]
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = deepcopy(value)
    return reply


MISSHAPEN: tuple[tuple[tuple[str | int, ...], object], ...] = (
    *(((key,), None) for key in (
        "summary", "customer", "environment", "source", "as_of", "currency", "wallet_count", "linked_count",
    )),
    (("total_balance",), 95.0),
    (("total_balance",), "95,00"),
    (("total_balance",), "NaN"),
    (("environment",), "prod"),
    (("source",), "cache"),
    (("as_of",), "yesterday"),
    (("currency",), "rupees"),
    (("wallet_count",), -1),
    (("linked_count",), "1"),
    (("omitted_wallets",), 1.5),
    (("notices",), "Note."),
    (("notices", 0), 7),
    (("wallets",), {}),
    (("wallets",), [wallet()] * 26),
    (("wallets", 0), "Paytm"),
    (("wallets", 0, "provider"), None),
    (("wallets", 0, "kind"), "card"),
    (("wallets", 0, "linked"), "true"),
    (("wallets", 0, "balance"), 95),
    (("wallets", 0, "balance"), "1e999"),
    (("wallets", 0, "last_refreshed"), "2026-13-45T99:99:99Z"),
    (("wallets", 0, "freshness"), "fresh"),
    (("wallets", 0, "mobile"), ["XXXXXX9999"]),
    (("wallets", 0, "parts"), "none"),
    (("wallets", 0, "parts", 0), 1),
    (("wallets", 0, "parts", 0, "kind"), None),
)  # fmt: skip
