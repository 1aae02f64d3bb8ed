"""Snapshots of any form, for properties."""

from datetime import timedelta
from typing import get_args

from hypothesis import strategies as st

from juspay_mcp.settings.load import Environment
from tests.support.builders import make_part, make_snapshot, make_wallet
from tests.support.common import NOW

codes = st.sampled_from(["PAYTM", "MOBIKWIK", "SIMPL", "LAZYPAY", "TWID", "NEWPAY", "SENDMONEY"])


wallets = st.builds(
    make_wallet,
    codes,
    st.sampled_from([None, "0", "-5", "1234.5"]),
    ref=st.sampled_from([None, "XXXXXX1234"]),
    linked=st.sampled_from([True, False, None]),
    refreshed=st.none() | st.timedeltas(timedelta(minutes=-9), timedelta(days=9)).map(NOW.__sub__),
    unreadable_parts=st.integers(0, 2),
    entries_differ=st.booleans(),
    parts=st.lists(st.builds(make_part, codes, is_own=st.booleans()), max_size=12).map(tuple),
)


snapshots = st.builds(
    lambda wallets, source, unreadable, incomplete, reports_error: make_snapshot(
        *wallets, source=source, unreadable=unreadable, incomplete=incomplete, reports_error=reports_error
    ),
    st.lists(wallets, max_size=12),
    st.sampled_from(["refresh", "last_known"]),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
)


environments = st.sampled_from(get_args(Environment))
