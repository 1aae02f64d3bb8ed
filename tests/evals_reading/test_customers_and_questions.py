import json
from decimal import Decimal
from random import Random

from evals.reading.customers import FORMS, draw_customers
from evals.reading.questions import Age, draw_questions
from evals.reading.scoring import is_right
from juspay_mcp.simulator.customers import SAMPLE

SEED = 7
MANY = 200


def test_a_seed_always_draws_the_same_customers_and_questions() -> None:
    assert list(draw_questions(SEED, 20)) == list(draw_questions(SEED, 20))


def test_a_raw_reply_has_the_keys_of_juspays_sample_in_their_order() -> None:
    for customer in draw_customers(SEED, MANY):
        for wallet in json.loads(customer.raw)["list"]:
            assert list(wallet) == list(SAMPLE)


def test_the_package_reads_every_wallet_of_a_raw_reply() -> None:
    for customer in draw_customers(SEED, MANY):
        assert len(customer.snapshot.wallets) == len(json.loads(customer.raw)["list"])
        assert not customer.snapshot.response.unreadable


def test_customers_are_of_many_sorts() -> None:
    snapshots = [customer.snapshot for customer in draw_customers(SEED, MANY)]
    wallets = [wallet for snapshot in snapshots for wallet in snapshot.wallets]
    assert {len(snapshot.wallets) for snapshot in snapshots} >= {1, 2, 3, 4, 5}
    assert {wallet.kind for wallet in wallets} == {"wallet", "pay_later", "rewards"}
    assert {wallet.linked for wallet in wallets} == {True, False}
    assert {snapshot.freshness(wallet.last_refreshed) for snapshot in snapshots for wallet in snapshot.wallets} == {
        "live",
        "stale",
        "unknown",
    }
    assert any(wallet.linked and wallet.balance is None for wallet in wallets)


def test_a_question_names_one_wallet_of_the_customer_and_its_truth() -> None:
    for customer, (amount, age, total) in draw_questions(SEED, MANY):
        by_provider = {wallet.provider: wallet for wallet in customer.snapshot.linked}
        assert len(by_provider) == len(customer.snapshot.linked)
        (named,) = (name for name in by_provider if amount.stem == f"{name} holds")
        assert amount.truth == by_provider[named].balance
        (dated,) = (name for name in by_provider if age.stem == f"{name}, age:")
        assert age.truth == Age(by_provider[dated].last_refreshed or customer.as_of, customer.as_of)
        assert total.truth == sum(
            wallet.balance or Decimal(0) for wallet in by_provider.values() if wallet.kind == "wallet"
        )


def test_the_right_reply_of_every_form_is_right_and_is_found_in_that_form() -> None:
    for customer, questions in draw_questions(SEED, MANY):
        for question in questions:
            for form in FORMS:
                reply = question.model_reply(form)
                assert is_right(reply, question.truth), (reply, question)
                if not (form == "raw" and question.kind == "total"):  # Juspay's reply has no total
                    assert reply.removesuffix(".0").removeprefix("INR ") in customer.forms[form]


def test_the_right_reply_to_one_question_is_wrong_for_another() -> None:
    """Right replies are exchanged among questions: hardly any may still be right."""
    asked = [question for _, questions in draw_questions(SEED, MANY) for question in questions]
    replies = [question.model_reply("json") for question in asked]
    Random(SEED).shuffle(replies)  # noqa: S311 - it must be repeatable
    right = [is_right(reply, question.truth) for reply, question in zip(replies, asked, strict=True)]
    assert sum(right) < len(asked) / 50
