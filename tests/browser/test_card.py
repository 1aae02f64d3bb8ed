"""The card in a real browser, in a host that follows the protocol, with a real server behind it."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.stage import Stage
from tests.support import card_results as results

THEMES = ("light", "dark", "warm-light", "warm-dark")
WIDTHS = ("320", "480", "760")
SAMPLE = "cth_with_parts"
ERROR = "Juspay is unavailable. Try again in a few minutes. [upstream_unavailable]"


def waiting(stage: Stage) -> None:
    stage.never_answer()
    stage.begin(SAMPLE)
    stage.card.locator(".bones").wait_for()


def cancelled(stage: Stage) -> None:
    waiting(stage)
    stage.page.locator("#cancel").click()
    stage.settle()


def shown(customer: str) -> Callable[[Stage], None]:
    return lambda stage: stage.show(customer)


def all_of(customer: str) -> Callable[[Stage], None]:
    def show(stage: Stage) -> None:
        stage.show(customer)
        more = stage.card.get_by_role("button", name="Show all")
        if more.count():
            more.click()

    return show


def given(make: Callable[[], dict[str, Any]]) -> Callable[[Stage], None]:
    def show(stage: Stage) -> None:
        stage.answer_with(make())
        stage.show(SAMPLE)

    return show


def failed_again(stage: Stage) -> None:
    stage.show("cth_stale")
    stage.answer_with(results.failed(ERROR))
    stage.card.get_by_role("button", name="Refresh", exact=True).click()
    stage.card.get_by_role("alert").filter(has_text="Juspay is unavailable.").wait_for()


def unfolded(stage: Stage) -> None:
    stage.show(SAMPLE)
    for summary in stage.card.locator("summary").all():
        summary.click()


# Each state: how to get there, and what must be read there.
STATES: dict[str, tuple[Callable[[Stage], None], tuple[str, ...]]] = {
    "waiting": (waiting, ("Customer ••••arts", "Asking every wallet's provider.")),
    "done": (shown(SAMPLE), ("SIMULATOR", "₹195.00", "INR", "2 of 2 wallets linked", "MobiKwik", "just refreshed")),
    "unfolded": (unfolded, ("Breakdown · 2 parts", "₹22,222.00", "pay later", "not added to the total", "MOBIKWIK")),
    "empty": (shown("cth_no_wallets"), ("No wallets",)),
    "unlinked": (shown("cth_unlinked"), ("No wallets linked", "Not linked", "0 of 2 wallets linked")),
    "error": (shown("cth_server_error"), ("Couldn't get the balances", "Try again in a few", "Customer ••••")),
    "error after an answer": (
        failed_again, ("Juspay is unavailable.", "Not refreshed", "These figures are the earlier ones.", "₹310.25"),
    ),
    "cancelled": (cancelled, ("Cancelled", "before an answer came")),
    "stale": (shown("cth_stale"), ("oldest balance 3 days old", "₹75.00")),
    "pay later": (shown("cth_pay_later"), ("Pay later · credit, not in the total", "₹640.75", "of unknown age")),
    "rewards": (shown("cth_rewards"), ("Rewards · points, not in the total", "250.00", "₹40.40")),
    "unlisted": (shown("cth_new_provider"), ("Nothing in the total", "Unlisted · of unknown kind, not in the total")),
    "two of one": (shown("cth_two_of_one"), ("mobile ••••2233", "mobile ••••4455", "id ••••")),
    "not known": (shown("cth_no_answer"), ("Balance unknown", "not counted: balance unknown", "Known total")),
    "last known": (shown("cth_refresh_down"), ("NOT REFRESHED", "stored balances, 2 hours old", "SIMULATOR")),
    "thirty": (all_of("cth_thirty"), ("and 5 more wallets, not listed here", "24 of 30 wallets linked")),
    "odd balances": (all_of("cth_odd_balances"), ("\u2212₹25.50", "₹0.00000125", "₹1,23,45,67,89,01,23,45,678.12")),
    "sandbox": (
        given(lambda: results.answer(results.wallet(), environment="sandbox")), ("SANDBOX", "test figures"),
    ),
    "hostile": (given(results.hostile), ("<img src=x onerror=alert(1)>", "<script>", "…")),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_each_state_reads_well_in_every_theme_and_width(state: str, stage: Stage, artifacts: Path) -> None:
    reach, words = STATES[state]
    reach(stage)
    assert [word for word in words if word not in stage.text()] == []
    for theme in THEMES:
        for width in WIDTHS:
            stage.dress(theme, width)
            assert stage.overflow() == [], (theme, width)
            assert stage.axe() == [], (theme, width)
            name = f"{state.replace(' ', '-')}-{theme}-{width}.png"
            stage.page.locator("#frame").screenshot(path=artifacts / name)


@pytest.mark.parametrize("state", ["done", "pay later", "odd balances", "hostile", "error"])
def test_it_bears_text_of_twice_the_size_and_wide_spacing_at_the_narrowest_width(state: str, stage: Stage) -> None:
    STATES[state][0](stage)
    stage.frame.add_style_tag(
        content="html { font-size: 200%; } * { line-height: 1.5 !important; letter-spacing: .12em !important; "
        "word-spacing: .16em !important; } p { margin-bottom: 2em !important; }"
    )
    stage.dress(width="320")
    assert stage.overflow() == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"environment": "simulator"}, ["Simulator · test figures, not real money"]),
        ({"environment": "sandbox"}, ["Sandbox · test figures"]),
        ({"source": "last_known"}, [re.compile(r"^Not refreshed · stored balances, \d+ \w+ old$")]),
    ],
)
def test_figures_that_are_not_real_or_not_refreshed_wear_a_band(
    changed: dict[str, str], words: list[str | re.Pattern[str]], stage: Stage
) -> None:
    stale = {"freshness": "stale"} if changed.get("source") else {}
    stage.answer_with(results.answer(results.wallet(**stale), **changed))
    stage.show(SAMPLE)
    expect(stage.card.locator("#band")).to_be_visible()
    expect(stage.card.locator("#band p")).to_have_text(words)


def test_production_figures_wear_no_band(stage: Stage) -> None:
    stage.answer_with(results.answer(results.wallet()))
    stage.show(SAMPLE)
    expect(stage.card.locator("#band")).to_be_hidden()


def test_the_refresh_button_has_the_host_call_the_tool_again_with_the_same_arguments(stage: Stage) -> None:
    stage.show("cth_all_linked")
    # The gallery's first customer may have had an answer before this one was chosen.
    first = stage.said("card", "ui/notifications/tool-result")[-1]
    button = stage.card.get_by_role("button", name="Refresh", exact=True)
    button.focus()
    with stage.page.expect_response("**/call") as response:
        stage.page.keyboard.press("Enter")
    second = response.value.json()["result"]
    stage.settle()
    [call] = stage.said("host", "tools/call")
    assert call["params"].pop("_meta").keys() == {"progressToken"}
    assert call["params"] == {"name": "refresh_customer_wallets", "arguments": {"customer_id": "cth_all_linked"}}
    [given] = [message["result"] for side, message in stage.heard
               if side == "card" and message.get("id") == call["id"] and "result" in message
               and "structuredContent" in message["result"]]  # fmt: skip
    assert given == second
    refs = [{wallet["ref"] for wallet in each["structuredContent"]["wallets"]} for each in (first["params"], second)]
    assert refs[0] == refs[1]  # the same customer, asked about again
    expect(button).to_be_focused()
    expect(stage.card.get_by_role("status")).to_contain_text("3 wallets hold INR 1,770.49")


def test_there_is_nothing_to_refresh_before_the_first_answer(stage: Stage) -> None:
    waiting(stage)
    expect(stage.card.locator("#refresh")).to_be_hidden()
    stage.page.locator("#cancel").click()
    stage.settle()
    button = stage.card.get_by_role("button", name="Try again")
    stage.never_answer()
    button.click()
    expect(stage.card.get_by_role("button", name="Refreshing…")).to_be_focused()


def test_while_it_refreshes_the_button_waits_and_the_figures_stay(stage: Stage) -> None:
    stage.show("cth_all_linked")
    calls = stage.never_answer()
    button = stage.card.locator("#refresh")
    button.click()
    expect(button).to_have_text("Refreshing…")
    button.click(force=True)  # a second press asks for nothing
    expect(stage.card.get_by_role("status")).to_have_text("Refreshing")
    assert "₹1,770.49" in stage.text()
    assert len(calls) == len(stage.said("host", "tools/call")) == 1
    calls[0].fulfill(json={"error": {"code": -32000, "message": "No"}})
    stage.settle()
    expect(stage.card.get_by_role("alert")).to_contain_text("The host didn't carry out the call.")
    assert "₹1,770.49" in stage.text()


def test_a_good_answer_takes_the_earlier_trouble_away(stage: Stage) -> None:
    failed_again(stage)
    stage.page.unroute_all()
    stage.card.get_by_role("button", name="Refresh", exact=True).click()
    stage.settle()
    expect(stage.card.locator("#trouble")).to_be_hidden()


def test_without_a_host_that_passes_calls_on_there_is_no_button(stage: Stage) -> None:
    stage.open()
    stage.page.get_by_label("The host passes tool calls on").uncheck()
    stage.show(SAMPLE)
    expect(stage.card.locator("#refresh")).to_be_hidden()


@pytest.mark.parametrize(("path", "value"), results.MISSHAPEN)
def test_a_result_of_another_form_is_an_error_and_no_half_a_card(
    path: tuple[str | int, ...], value: object, stage: Stage
) -> None:
    stage.answer_with(results.changed(path, value))
    stage.show(SAMPLE)
    assert [line for line in stage.text().splitlines() if line] == [
        "Customer ••••arts",
        "Try again",
        "Not understood",
        "This card doesn't know the answer's form.",
    ]


@pytest.mark.parametrize("result", [{"content": []}, {"content": [], "structuredContent": {}}])
def test_a_result_without_an_answer_is_an_error(result: dict[str, Any], stage: Stage) -> None:
    stage.answer_with({"result": result})
    stage.show(SAMPLE)
    assert "Not understood" in stage.text()


def test_texts_from_others_are_shown_as_text_only(stage: Stage) -> None:
    stage.answer_with(results.hostile())
    stage.show(SAMPLE)
    assert stage.card.locator("img, script:not(body > script), a, svg, form").count() == 0
    text = stage.frame.evaluate("document.querySelector('main').textContent")
    assert (
        re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]", text)
        == []
    )
    # A masked id, a name and a notice; off the page, the summary that can be copied.
    for place, most in (("h1, .line", 20), (".name, .part", 40), (".notes", 400), ("main, #said", 1000)):
        runs = stage.card.locator(place).evaluate_all(
            "(all) => all.flatMap(({ textContent }) => textContent.match(/W+/g) ?? []).map((run) => run.length)"
        )
        assert max(runs) == most, place
    assert re.findall("[\u0335\u0489\u030d]{4,}", text) == []
    assert results.ARABIC in text


DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩०१२३४५६७८९", "01234567890123456789")


@pytest.mark.parametrize("locale", ["en-IN", "en-US", "de-DE", "hi-IN", "ar-EG"])
def test_every_digit_arrives_in_every_locale(locale: str, stage: Stage) -> None:
    amounts = [
        "123456789012345678.12", "999999999999999999999.99", "0.1000", "0.000000000000000000000000000001",
        "-9007199254740993.005", "1234.50",
    ]  # fmt: skip
    stage.answer_with(results.answer(*(results.wallet(balance=amount) for amount in amounts)))
    stage.open()
    stage.dress(locale=locale)
    stage.show(SAMPLE)
    shown = stage.card.locator("li .amount").all_inner_texts()
    assert [re.sub(r"\D", "", text.translate(DIGITS)) for text in shown] == [
        re.sub(r"\D", "", one) for one in amounts
    ]
    assert all("₹" in text for text in shown)
    assert shown[-1] == "₹1,234.50", "rupees are grouped as in India"


def test_an_engine_that_would_round_shows_the_digits_as_they_came(context: BrowserContext, stage: Stage) -> None:
    context.add_init_script(
        "const exact = Intl.NumberFormat.prototype.__lookupGetter__('format');"
        "Object.defineProperty(Intl.NumberFormat.prototype, 'format',"
        "  { get() { return (value) => exact.call(this)(Number(value)); } });"
    )
    stage.answer_with(results.answer(results.wallet(balance="123456789012345678.12"), results.wallet()))
    stage.show(SAMPLE)
    assert stage.card.locator("li .amount").all_inner_texts() == ["INR 123456789012345678.12", "₹95.00"]


def test_an_unknown_locale_time_zone_or_currency_changes_no_digit(stage: Stage) -> None:
    stage.answer_with(results.answer(results.wallet(), currency="ZZZ"))
    stage.show(SAMPLE)
    stage.tell(
        {"method": "ui/notifications/host-context-changed", "params": {"locale": "x_y", "timeZone": "Mars/Base"}}
    )
    expect(stage.card.locator("li .amount")).to_have_text("ZZZ\xa095.00")


def test_freshness_is_said_in_words_and_exactly_on_hover_and_when_pressed(stage: Stage) -> None:
    wallet = results.wallet(last_refreshed="2026-11-20T09:30:00Z", freshness="stale")
    stage.answer_with(results.answer(wallet, as_of="2026-11-23T09:30:00Z"))
    stage.show(SAMPLE)
    button = stage.card.locator("#head .when")
    expect(button).to_have_text(re.compile(r"^\d+ days old$"))
    exact = "20 Nov 2026, 3:00:00 pm IST"
    expect(button).to_have_attribute("title", exact)
    expect(button).to_have_accessible_description(exact)
    button.focus()
    stage.page.keyboard.press("Enter")
    expect(button).to_have_text(exact)
    stage.page.keyboard.press("Space")
    expect(button).to_have_text(re.compile("days old"))


def test_everything_can_be_reached_and_used_by_keyboard_alone(stage: Stage) -> None:
    stage.show("cth_with_parts")
    reached = []
    stage.card.locator("body").evaluate("document.body.tabIndex = -1, document.body.focus()")
    for _ in range(6):
        stage.page.keyboard.press("Tab")
        reached.append(stage.frame.evaluate("document.activeElement.textContent"))
        outline = stage.frame.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
    assert reached == [
        "Refresh", "just refreshed", "Breakdown", "Breakdown · 2 parts", "Copy summary", "Details for support",
    ]  # fmt: skip
    stage.page.keyboard.press("Enter")
    expect(stage.card.locator("footer details")).to_have_attribute("open", "")


def test_a_screen_reader_finds_headings_lists_and_one_sentence_of_news(stage: Stage) -> None:
    stage.show("cth_pay_later")
    expect(stage.card.get_by_role("heading", level=1)).to_have_text("Customer ••••ater")
    expect(stage.card.get_by_role("heading", level=2)).to_have_text("Pay later · credit, not in the total")
    assert stage.card.get_by_role("list").count() == 2
    expect(stage.card.get_by_role("status")).to_contain_text(
        "Test figures (simulator), not real money: Paytm holds INR 640.75"
    )
    stage.answer_with(results.failed(ERROR))
    stage.card.get_by_role("button", name="Refresh", exact=True).click()
    expect(stage.card.get_by_role("alert")).to_contain_text("Juspay is unavailable. Try again in a few minutes.")


def test_names_from_right_to_left_turn_nothing_around_them(stage: Stage) -> None:
    stage.answer_with(results.answer(results.wallet(provider=results.ARABIC), results.wallet()))
    stage.show(SAMPLE)
    starts = [row.bounding_box() for row in stage.card.locator("li .who").all()]
    assert all(start and first and start["x"] == first["x"] for start in starts for first in starts[:1])
    assert stage.card.locator("li .who .soft").first.inner_text().startswith("mobile ")


def test_nothing_moves_with_reduced_motion(stage: Stage) -> None:
    waiting(stage)
    assert stage.frame.evaluate("document.getAnimations().length") == 0
    stage.page.emulate_media(reduced_motion="no-preference")
    assert stage.frame.evaluate("document.getAnimations().length") == 2  # the skeleton, and the total's


def test_it_takes_the_host_s_colours_and_no_other_of_its_variables(stage: Stage) -> None:
    stage.show(SAMPLE)
    stage.dress("warm-light")
    assert stage.frame.evaluate("getComputedStyle(document.body).color") == "rgb(20, 20, 19)"
    assert "Georgia" in stage.frame.evaluate("getComputedStyle(document.body).fontFamily")
    variables = {"--page": "red", "--font-mono": "x", "--color-text-primary": "url(https://example.invalid/a)"}
    stage.tell({"method": "ui/notifications/host-context-changed", "params": {"styles": {"variables": variables}}})
    stage.settle()
    assert stage.frame.evaluate("document.documentElement.style.getPropertyValue('--page')") == ""


def test_without_a_theme_it_follows_the_system_s(stage: Stage) -> None:
    stage.show(SAMPLE)
    stage.tell({"method": "ui/notifications/host-context-changed", "params": {"theme": None}})
    ink = "(colour) => getComputedStyle(document.body).color === colour"
    stage.page.emulate_media(color_scheme="dark")
    stage.frame.wait_for_function(ink, arg="rgb(241, 243, 248)")
    stage.page.emulate_media(color_scheme="light")
    stage.frame.wait_for_function(ink, arg="rgb(16, 22, 42)")


def test_it_listens_to_its_parent_alone(stage: Stage) -> None:
    stage.show(SAMPLE)
    fake = results.answer(results.wallet(balance="666.00"), total_balance="666.00")["result"]
    stage.frame.evaluate(
        "(result) => postMessage({ jsonrpc: '2.0', method: 'ui/notifications/tool-result', params: result }, '*')",
        fake,
    )
    stage.frame.evaluate("() => new Promise((resolve) => setTimeout(resolve, 100))")
    assert "666" not in stage.text()


def test_it_answers_what_a_host_may_ask_and_refuses_the_rest(stage: Stage) -> None:
    stage.show(SAMPLE)
    for number, method in enumerate(("ping", "ui/resource-teardown", "tools/list")):
        stage.tell({"id": f"test{number}", "method": method, "params": {}})
    stage.tell({"method": "ui/notifications/tool-input-partial", "params": {"arguments": {"customer_id": "c"}}})
    stage.tell({"method": "__proto__", "params": {}})
    stage.page.wait_for_function("() => document.querySelector('#log').textContent.includes('test2')")
    replies = {message["id"]: message for side, message in stage.heard
               if side == "host" and str(message.get("id", "")).startswith("test")}  # fmt: skip
    assert [replies[f"test{number}"].get("result") for number in range(3)] == [{}, {}, None]
    assert replies["test2"]["error"] == {"code": -32601, "message": "Method not found"}


def test_messages_that_aren_t_of_the_protocol_are_ignored(stage: Stage) -> None:
    stage.show(SAMPLE)
    before = stage.text()
    post = "(data) => document.querySelector('iframe').contentWindow.postMessage(data, '*')"
    noise: list[Any] = ["text", None, 7, [], {"method": "ui/notifications/tool-result"}, {"jsonrpc": "2.0", "id": 99}]
    for data in noise:
        stage.page.evaluate(post, data)
    stage.tell({"id": "last", "method": "ping"})
    stage.page.wait_for_function("() => document.querySelector('#log').textContent.includes('last')")
    assert stage.text() == before
    stage.heard[:] = [(side, message) for side, message in stage.heard if message not in noise]


def test_the_customer_s_whole_id_is_nowhere_on_the_card(stage: Stage) -> None:
    stage.show("asha.rao@example.com")
    assert "asha" not in stage.frame.evaluate("document.documentElement.outerHTML")


def test_opened_without_a_host_it_says_so(context: BrowserContext, gallery: str) -> None:
    page = context.new_page()
    page.goto(gallery.partition("/#")[0] + "/card")
    expect(page.get_by_role("alert")).to_contain_text("Not shown")


def test_the_gallery_has_no_fault_that_axe_knows_either(stage: Stage) -> None:
    stage.show(SAMPLE)
    assert stage.axe(stage.page.main_frame) == []


def test_the_gallery_without_its_token_shows_nothing(context: BrowserContext, gallery: str) -> None:
    page = context.new_page()
    page.goto(gallery.partition("#")[0])
    expect(page.locator("#about")).to_contain_text("no valid token")
    assert page.locator("iframe").count() == 0


def test_the_messages_can_be_read_in_the_gallery(stage: Stage) -> None:
    stage.show(SAMPLE)
    log = stage.page.locator("#log").text_content() or ""
    messages = [json.loads(line.partition(": ")[2]) for line in log.strip().split("\n\n")]
    assert {"ui/initialize", "ui/notifications/tool-result"} <= {message.get("method") for message in messages}


def test_the_headline_never_says_more_than_is_known(stage: Stage) -> None:
    old = results.wallet(provider="Freecharge", last_refreshed=results.stamp(timedelta(days=3)), freshness="stale")
    unknown = results.wallet(provider="MobiKwik", balance=None)
    del unknown["balance"]
    stage.answer_with(results.answer(results.wallet(), old, unknown, total_balance="190.00"))
    stage.show(SAMPLE)
    head = stage.card.locator("header").inner_text()
    assert "Known total" in head
    assert "1 linked wallet not counted: balance unknown" in head
    assert "oldest balance 3 days old" in head
    assert "just refreshed" not in head


def test_what_was_just_refreshed_says_so_until_it_grows_old(stage: Stage) -> None:
    stage.page.clock.install()
    stage.answer_with(results.answer(results.wallet()))
    stage.show(SAMPLE)
    age = stage.card.locator("#head .when")
    expect(age).to_have_text("just refreshed")
    expect(age).to_have_class("when live")
    stage.page.clock.run_for(timedelta(minutes=6) // timedelta(milliseconds=1))
    expect(age).to_have_text(re.compile("[5-7] minutes old"))
    expect(age).to_have_class("when stale")
    stage.page.clock.run_for(timedelta(hours=1) // timedelta(milliseconds=1))
    expect(age).to_have_text("1 hour old")


def test_warnings_stand_between_the_total_and_the_wallets(stage: Stage) -> None:
    stage.answer_with(results.answer(results.wallet(), notices=["A balance is unknown."]))
    stage.show(SAMPLE)
    lines = stage.text().splitlines()
    total, warning, row = (lines.index(each) for each in ("₹95.00", "A balance is unknown.", "Paytm"))
    assert total < warning < row


@pytest.mark.parametrize(("number", "shown_first"), [(4, 4), (7, 5), (25, 5)])
def test_of_many_wallets_five_are_shown_and_a_button_shows_all(number: int, shown_first: int, stage: Stage) -> None:
    stage.answer_with(results.answer(*[results.wallet(ref=f"XXXXXX{place:04}") for place in range(number)]))
    stage.show(SAMPLE)
    assert stage.card.locator("li.wallet:visible").count() == shown_first
    if number > shown_first:
        stage.card.get_by_role("button", name=f"Show all {number}").click()
        assert stage.card.locator("li.wallet:visible").count() == number


def test_what_can_be_pressed_is_44_pixels_high(stage: Stage) -> None:
    stage.answer_with(results.answer(*[results.wallet(parts=[
        {"provider": "Paytm", "code": "PAYTM", "kind": "wallet"}]) for _ in range(7)]))  # fmt: skip
    stage.show(SAMPLE)
    heights = stage.frame.evaluate(
        "[...document.querySelectorAll('button, summary')].filter((each) => each.checkVisibility())"
        ".map((each) => each.getBoundingClientRect().height)"
    )
    assert len(heights) == 8
    assert min(heights) >= 43.5


def test_each_provider_has_letters_and_a_hue_of_its_own_and_an_unlisted_one_has_neither(stage: Stage) -> None:
    names = ("Paytm", "PhonePe", "PayZapp", "PayPal")
    wallets = [results.wallet(provider=name, code=name.upper()) for name in names]
    unlisted = results.wallet(provider="Unlisted provider", kind="unknown")
    del unlisted["code"]
    stage.answer_with(results.answer(*wallets, unlisted))
    stage.show(SAMPLE)
    marks = stage.card.locator(".mark")
    colours = marks.evaluate_all("(all) => all.map((each) => getComputedStyle(each).backgroundColor)")
    assert len(set(colours)) == len(colours)
    assert marks.all_inner_texts() == ["Pa", "PP", "PZ", "PP", "?"]


def test_the_card_is_no_wider_than_reads_well(stage: Stage) -> None:
    stage.show(SAMPLE)
    stage.dress(width="760")
    assert stage.frame.evaluate("document.querySelector('main').getBoundingClientRect().width") <= 560


OVER_500 = {"unfolded", "thirty", "odd balances"}  # opened by a person


@pytest.mark.parametrize("state", sorted(STATES.keys() - OVER_500))
def test_no_state_is_higher_inline_than_500_pixels_or_wider_than_its_frame(state: str, stage: Stage) -> None:
    STATES[state][0](stage)
    for width in WIDTHS:
        stage.dress(width=width)
        check_room(stage)


@pytest.mark.parametrize("number", [3, 25])
def test_nor_are_three_wallets_or_25_with_all_that_may_stand_beside_them(number: int, stage: Stage) -> None:
    wallets = [results.wallet(ref=f"XXXXXX{place:04}", parts=[PART]) for place in range(number - 2)]
    unknown = results.wallet(provider="MobiKwik")
    del unknown["balance"]
    credit = results.wallet(provider="Simpl", kind="pay_later")
    notes = [f"{place}. Juspay's reply reports an error as well, so balances may be missing." for place in range(6)]
    stage.answer_with(results.answer(
        *wallets, unknown, credit, notices=notes, environment="simulator", source="last_known",
    ))  # fmt: skip
    stage.show(SAMPLE)
    for width in WIDTHS:
        stage.dress(width=width)
        check_room(stage)
        expect(stage.card.get_by_text(notes[0])).to_be_visible()
    stage.card.get_by_role("button", name=f"Show all {number} wallets and 6 notes").click()
    assert stage.card.locator("li.wallet:visible").count() == number
    expect(stage.card.get_by_text(notes[5])).to_be_visible()
    stage.card.get_by_role("button", name="Show fewer").click()
    check_room(stage)


PART = {"provider": "Paytm", "code": "PAYTM", "kind": "wallet", "balance": "1.00"}


def check_room(stage: Stage) -> None:
    height, width, inner = stage.frame.evaluate(
        "[document.body.offsetHeight, document.documentElement.scrollWidth, innerWidth]"
    )
    assert height <= 500
    assert width <= inner


def test_a_heading_stands_over_wallets_that_are_shown_or_not_at_all(stage: Stage) -> None:
    credit = results.wallet(provider="Simpl", kind="pay_later", parts=[PART])
    stage.answer_with(results.answer(*[results.wallet()] * 9, credit))
    stage.show(SAMPLE)
    heading = stage.card.get_by_role("heading", level=2)
    expect(heading).to_be_hidden()
    stage.card.get_by_role("button", name="Show all 10 wallets").click()
    expect(heading).to_be_visible()


def test_a_host_s_amber_is_made_legible(stage: Stage) -> None:
    stage.show("cth_no_answer")
    amber = {"--color-text-warning": "#d19700"}  # the Inspector's, 2.6:1 on white
    stage.tell({"method": "ui/notifications/host-context-changed", "params": {"styles": {"variables": amber}}})
    stage.frame.wait_for_function("() => document.documentElement.style.cssText.includes('warning')")
    assert stage.axe() == []


def test_the_host_shows_through(stage: Stage) -> None:
    stage.show(SAMPLE)
    grounds = "[document.documentElement, document.body].map((each) => getComputedStyle(each).backgroundColor)"
    assert stage.frame.evaluate(grounds) == ["rgba(0, 0, 0, 0)"] * 2


def test_what_all_wallets_have_in_common_is_shown_once_and_an_exception_at_its_wallet(stage: Stage) -> None:
    fresh = results.wallet()
    stage.answer_with(results.answer(fresh, fresh))
    stage.show(SAMPLE)
    assert stage.text().count("just refreshed") == 1
    assert "Linked" not in stage.text()
    old = results.wallet(provider="Freecharge", last_refreshed=results.stamp(timedelta(days=3)), freshness="stale")
    stage.answer_with(results.answer(fresh, old, results.wallet(provider="MobiKwik", linked=False)))
    stage.show("cth_stale")
    assert stage.card.locator("li .when:visible").all_inner_texts() == ["3 days old"]
    assert stage.text().count("Not linked") == 1


def test_an_error_s_code_and_request_id_are_in_the_fold_for_support(stage: Stage) -> None:
    number = "0b6f1c1e-9f6f-4b7e-8f52-3f6a0c1d2e3f"
    stage.answer_with(
        results.failed(f"Juspay is unavailable. Wait. Juspay's request id: {number}. [upstream_timeout]")
    )
    stage.show(SAMPLE)
    expect(stage.card.get_by_role("alert")).to_have_text("Couldn't get the balancesJuspay is unavailable. Wait.")
    assert number not in stage.text()
    stage.card.get_by_text("Details for support").click()
    assert f"Error upstream_timeout, Juspay's request id {number}" in stage.text()


def test_copying_fills_the_clipboard_though_the_host_passes_no_permission_on(
    stage: Stage, context: BrowserContext
) -> None:
    stage.show("cth_all_linked")
    stage.card.get_by_text("Details for support").click()
    context.grant_permissions(["clipboard-read"])  # to the host's page alone, for this test to look
    for name, words in (("Copy summary", "3 wallets hold INR 1,770.49"), ("Copy details", "Paytm PAYTM id XXXXXX")):
        stage.card.get_by_role("button", name=name).click()
        expect(stage.card.get_by_role("status")).to_have_text("Copied")
        copied = stage.page.evaluate("navigator.clipboard.readText()")
        assert words in copied
        assert re.search(r"Customer XXXXXXnked, as of 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", copied)
    kinds = "async () => (await navigator.clipboard.read()).map(({ types }) => types)"
    assert stage.page.evaluate(kinds) == [["text/plain"]]
    expect(stage.card.locator("footer > pre")).to_be_hidden()


def test_a_browser_that_forbids_even_that_finds_the_text_shown_and_selected(stage: Stage) -> None:
    stage.show("cth_all_linked")
    stage.frame.evaluate("document.execCommand = () => false")
    stage.card.get_by_role("button", name="Copy summary").click()
    stage.card.get_by_role("button", name="Selected, ready to copy").wait_for()
    expect(stage.card.locator("footer > pre")).to_contain_text("3 wallets hold INR 1,770.49")
    expect(stage.card.locator("footer > pre")).to_be_visible()
    assert "3 wallets hold INR 1,770.49" in stage.frame.evaluate("getSelection().toString()")


def test_the_host_s_progress_is_shown_as_text_while_it_waits_and_only_then(stage: Stage) -> None:
    waiting(stage)
    told = {"method": "notifications/progress", "params": {"progressToken": 1, "progress": 1, "message": "<b>Try 2"}}
    stage.tell(told)
    expect(stage.card.locator("#label")).to_have_text("<b>Try 2")
    stage.page.locator("#cancel").click()
    stage.settle()
    stage.tell(told)
    stage.tell({"id": "last", "method": "ping"})
    stage.page.wait_for_function("() => document.querySelector('#log').textContent.includes('last')")
    expect(stage.card.locator("#label")).to_have_text("")


def test_it_says_what_the_answer_s_text_says_in_the_same_words(stage: Stage) -> None:
    for customer in ("cth_stale", "cth_no_answer", "cth_unlinked", "cth_pay_later"):
        stage.show(customer)
        text = stage.said("card", "ui/notifications/tool-result")[-1]["params"]["content"][0]["text"]
        words = re.findall("just refreshed|3 days old|balance unknown|of unknown age|not linked", text)
        assert words
        # The exception is what shows: of wallets just refreshed, the card says so only if all are.
        exceptions = set(words) - {"just refreshed"} or {"just refreshed"}
        assert [each for each in exceptions if each not in stage.text().lower()] == []


@pytest.mark.parametrize("theme", THEMES)
def test_each_provider_s_letters_and_ground_can_be_told_apart(theme: str, stage: Stage) -> None:
    stage.show(SAMPLE)
    stage.dress(theme)
    page = stage.page.locator("#frame").evaluate("(frame) => getComputedStyle(frame).backgroundColor")
    worst = stage.frame.evaluate(CONTRAST, page)
    assert worst["letters"] >= 4.5
    assert worst["ground"] >= 3


CONTRAST = """(page) => {
  const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue] = [...pixel.getImageData(0, 0, 1, 1).data].map((each) => each / 255)
      .map((each) => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4);
    return .2126 * red + .7152 * green + .0722 * blue;
  };
  const ratio = (one, other) => (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
  const mark = document.querySelector(".mark");
  const all = Array.from({ length: 360 }, (_, hue) => {
    mark.style.setProperty("--hue", hue);
    return light(getComputedStyle(mark).backgroundColor);
  });
  return { letters: Math.min(...all.map((each) => ratio(each, 1))),
           ground: Math.min(...all.map((each) => ratio(each, light(page)))) };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_hide_nothing(scheme: Literal["light", "dark"], stage: Stage, artifacts: Path) -> None:
    stage.page.emulate_media(forced_colors="active", color_scheme=scheme)
    stage.show("cth_pay_later")
    stage.dress(scheme)
    assert stage.frame.evaluate("matchMedia('(forced-colors: active)').matches")
    assert stage.overflow() == []
    border = stage.card.locator(".mark").first.evaluate(
        "(mark) => [getComputedStyle(mark).borderTopColor, getComputedStyle(mark).backgroundColor]"
    )
    assert border[0] != border[1]
    dot = stage.card.locator("#head .live").evaluate("(when) => getComputedStyle(when, '::before').borderTopColor")
    assert dot != border[1]
    stage.page.locator("#frame").screenshot(path=artifacts / f"forced-colours-{scheme}.png")
