"""How values of external ids are brought into one form: phone numbers, addresses, blanks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.errors import Refused
from graph.jobs import Job, JobKind, JobState
from graph.node import Key
from graph.policy import DEFAULT_POLICY, IdentityPolicy, NamespacePolicy, Normaliser
from graph.policy_changes import key_at, read, write
from graph.policy_walk import Place

PHONE, EMAIL = DEFAULT_POLICY.of("phone"), DEFAULT_POLICY.of("email")


@pytest.mark.parametrize(
    "written, right",
    [
        ("13800138000", "+8613800138000"),
        ("138 0013 8000", "+8613800138000"),
        ("138-0013-8000", "+8613800138000"),
        (" +86 138 0013 8000\n", "+8613800138000"),
        ("0086 13800138000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("＋８６１３８００１３８０００", "+8613800138000"),
        ("tel:+86-138-0013-8000", "+8613800138000"),
        ("010 6552 9988", "+861065529988"),
        ("(010) 6552-9988", "+861065529988"),
        ("+852 5123 4567", "+85251234567"),
        ("00852 51234567", "+85251234567"),
        ("+853 6612 3456", "+85366123456"),
        ("+886 912 345 678", "+886912345678"),
        ("+1 (212) 555-0123", "+12125550123"),
        ("+39 06 698 12345", "+390669812345"),
        ("+86 10 6552 9988 ext. 12", "+861065529988"),
        ("010-65529988转12", "+861065529988"),
        ("13800138000;ext=5", "+8613800138000"),
        ("'13800138000", "+8613800138000"),
        ("\u202d13800138000\u202c", "+8613800138000"),
    ],
)
def test_phone_numbers_are_one_in_every_form(written: str, right: str) -> None:
    """Without a country code a number is one of mainland China; blanks, dashes, full-width digits and extensions make no other one."""
    assert right == PHONE.normalise(written)


NONE = ["", " ", "nonsense", "+", "12", "51234567890123456789", "+86", "1380013800138001380", "+852"]
SEVERAL = [f"13800138000{between}13900139000" for between in (";", ",", "/", " ", "、")]
AMONG_WORDS = ["客户电话：13800138000", "not a phone 13800138000", "13800138000 张三"]


@pytest.mark.parametrize("written", [*NONE, *SEVERAL, *AMONG_WORDS])
def test_what_is_no_phone_number(written: str) -> None:
    """What cannot be a number, are several or has words beside it is refused, without being repeated."""
    with pytest.raises(Refused) as refused:
        PHONE.normalise(written)
    assert len(written) < 3 or written not in str(refused.value)


BESIDE = ["mailto:a@b.com", "<a@b.com>", "a b@c.com", "a@b.com。", "(a@b.com)", "a@b.com/", "'a@b.com'", "a@b.com张三", "a、b@c.com"]


@pytest.mark.parametrize("written", ["a@b.com;c@d.com", "a@b.com,c@d.com", "a@b@c.com", "a@bc", "@b.com", "a@.com", *BESIDE])
def test_what_is_no_email_address(written: str) -> None:
    """What are several addresses, or one with something beside it, is refused: it would be somebody else's than the address alone."""
    with pytest.raises(Refused) as refused:
        EMAIL.normalise(written)
    assert written not in str(refused.value)


def test_an_email_address_has_no_case_nor_marks() -> None:
    """Capitals, blanks around it and marks that nobody sees make no other address."""
    assert {"a.b+c@example.com"} == {EMAIL.normalise(one) for one in (" A.B+c@Example.com ", "\u200ba.b+c@example.com\u200b")}


def test_a_hong_kong_number_needs_its_country_code() -> None:
    """Eight digits are taken for a number of mainland China, where they are a local one: they never meet Hong Kong's."""
    assert PHONE.normalise("51234567") != PHONE.normalise("+852 51234567")


def test_normalising_again_changes_nothing() -> None:
    """What is in its one form already stays so, in every normaliser."""
    for normaliser, value in (("PHONE_E164", "138 0013 8000"), ("EMAIL", " A.B@C.de "), ("TRIMMED", " a "), ("EXACT", " a ")):
        rule = NamespacePolicy(namespace="x", max_per_customer=None, is_sensitive=False, normaliser=Normaliser[normaliser])
        assert rule.normalise(rule.normalise(value)) == rule.normalise(value)


def test_a_policy_is_written_and_read() -> None:
    """A policy comes back from its text as it was, but for the job that applied it."""
    policy = replace(DEFAULT_POLICY, generic_after=7, job=key_at(1))
    assert replace(policy, job=None) == read(write(policy))
    assert policy == IdentityPolicy.from_plain(policy.to_plain())


def test_keys_sort_by_time() -> None:
    """Changes are listed in the order of their times, whatever their chance parts are."""
    times = [1, 999_999_999_999, 1_700_000_000_000, 1_700_000_000_001]
    assert [22] * 4 == [len(key_at(at)) for at in times]
    assert [int(key[:13]) for key in sorted(key_at(at) for at in times)] == times


@pytest.mark.parametrize("state", JobState)
def test_a_change_does_what_the_one_before_left(state: JobState) -> None:
    """What an unfinished job had to look at and to wipe, the job that comes after it has to, though its own change is another one."""
    secret = [replace(one, is_sensitive=True) for one in DEFAULT_POLICY.namespaces]
    changed = replace(DEFAULT_POLICY, generic_after=2, namespaces=secret)
    first = Place.at_first(DEFAULT_POLICY, changed, None)
    assert (True, True) == (first.widest > 0, first.wipes)
    job = Job(key=Key("j"), kind=JobKind.POLICY_CHANGE, started=1, state=state, checkpoint=first.checkpoint)
    reordered = replace(changed, namespaces=secret[::-1])
    then = Place.at_first(changed, reordered, job)
    assert (Place() if state is JobState.DONE else first) == then
    assert then == Place.of(replace(job, checkpoint=then.checkpoint))
