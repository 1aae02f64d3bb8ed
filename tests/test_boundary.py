import traceback

import pytest

from juspay_mcp.errors import InternalError, UpstreamTimeout, WalletsError, bugs_as_internal_errors


def through_the_boundary(error: Exception) -> Exception:
    with pytest.raises(WalletsError) as caught, bugs_as_internal_errors():
        raise error
    return caught.value


def test_a_bug_leaves_as_an_internal_error_without_its_words_or_its_trace() -> None:
    error = through_the_boundary(ValueError("9812345678"))
    assert isinstance(error, InternalError)
    assert (error.__cause__, error.__suppress_context__) == (None, True)
    assert "9812345678" not in "".join(traceback.format_exception(error))


def test_what_was_expected_passes_as_it_is() -> None:
    expected = UpstreamTimeout(25)
    assert through_the_boundary(expected) is expected
