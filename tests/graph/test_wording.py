"""Texts of people: which words are an erased person's, in Chinese prose, too, and which are nobody's."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from graph.keys import Keys
from graph.policy import DEFAULT_POLICY, IdentityPolicy, NamespacePolicy, Normaliser
from graph.wording import Wording, without_contacts

KEYS = Keys(b"the secret of one store", "acme")
PHONE, EMAIL, PASSPORT = "+8613800138000", "a.b@example.com", "E12345678"
OPEN_ID = "oT8kW5pZ1xQeR7vLm3NcYdB0uHsE"
POLICY = replace(
    DEFAULT_POLICY,
    namespaces=[
        *DEFAULT_POLICY.namespaces,
        NamespacePolicy(namespace="passport", max_per_customer=None, is_sensitive=True, normaliser=Normaliser.TRIMMED),
    ],
)
OPEN_POLICY = replace(POLICY, namespaces=[replace(one, is_sensitive=False) for one in POLICY.namespaces])
ERASED = frozenset(KEYS.external_id(name, value) for name, value in (("phone", PHONE), ("email", EMAIL), ("passport", PASSPORT)))


def wording(*values: str) -> Wording:
    """What recognises the one who went, and these values in clear."""
    return Wording(values, ERASED, POLICY, KEYS)


@pytest.mark.parametrize(
    "text, left",
    [
        ("用户手机13800138000已停用", "用户手机[erased]已停用"),
        ("电话：+86 138-0013-8000，勿再拨打。", "电话：[erased]，勿再拨打。"),
        ("手机１３８００１３８０００（已停用）", "手机[erased]（已停用）"),
        ("（＋８６）１３８　００１３　８０００、已停用", "（[erased]、已停用"),
        ("号码138.0013.8000和138–0013–8000", "号码[erased]和[erased]"),
        ("tel13800138000, 8613800138000", "tel[erased], [erased]"),
        ("原13900139000 13800138000 13700137000", "原13900139000 [erased] 13700137000"),
        ("邮箱a.b@example.com已删", "邮箱[erased]已删"),
        ("邮箱A.B＠Example．com。", "邮箱[erased]。"),
        ("mail a.b@example.com.", "mail [erased]."),
        ("'a.b@example.com'", "'[erased]'"),
        ("护照E12345678已注销", "护照[erased]已注销"),
        ("护照Ｅ１２３４５６７８。", "护照[erased]。"),
    ],
)
def test_hidden_values_are_found_in_prose(text: str, left: str) -> None:
    """Values of which only the key is known are found in every spelling and whatever stands beside them; all else stays."""
    assert left == wording().cleaned(text)


@pytest.mark.parametrize(
    "text, left",
    [
        ("会员M-1001要求删除", "会员[erased]要求删除"),
        ("会员Ｍ－１００１，删除", "会员[erased]，删除"),
        ("M-1001", "[erased]"),
        (f"由{OPEN_ID}提出", "由[erased]提出"),
        (f"xx{OPEN_ID}yy", "xx[erased]yy"),
        ("a.b@example.com", "[erased]"),
    ],
)
def test_values_in_clear_are_found_in_prose(text: str, left: str) -> None:
    """Short values are found between Chinese characters, too, and long ones inside of anything."""
    assert left == wording("M-1001", "a", OPEN_ID).cleaned(text)


@pytest.mark.parametrize(
    "text",
    [
        "会员M-10010和XM-1001、M-1001-2",
        "手机13800138001，单号2024138001380009",
        "a.b@example.org, c.a.b@example.community",
        "没有任何号码。Nothing here, either: 42.",
        "护照E123456789",
    ],
)
def test_what_is_nobodys_stays(text: str) -> None:
    """What only begins or ends like a value is no value."""
    assert text == wording("M-1001").cleaned(text)


@pytest.mark.parametrize("text", ["电话138 0013 8000。", "邮箱A.B@EXAMPLE.COM已删"])
def test_namespaces_in_clear_are_found_in_other_spellings(text: str) -> None:
    """Where phones and addresses are stored in clear, they are found as people write them, and not only in the stored form."""
    cleaned = Wording([PHONE, EMAIL], ERASED, OPEN_POLICY, KEYS).cleaned(text)
    assert "[erased]" in cleaned
    assert not {"8000", "EXAMPLE"} & set(cleaned.replace("。", " ").replace("@", " ").split())


@pytest.mark.parametrize(
    "text, left",
    [
        ("来电13900139000要求删除", "来电[erased]要求删除"),
        ("邮箱c@d.com、李四@例子.中国。", "邮箱[erased]、[erased]。"),
        ("身份证110101199003078888号", "身份证[erased]号"),
        ("按客户来信办理，3份。", "按客户来信办理，3份。"),
    ],
)
def test_contacts_of_anybody_go(text: str, left: str) -> None:
    """What may be anybody's phone, address or hidden number goes, whatever stands beside it."""
    assert left == without_contacts(text, POLICY)


@pytest.mark.parametrize("policy", [DEFAULT_POLICY, replace(DEFAULT_POLICY, namespaces=[])])
def test_contacts_are_known_whatever_the_policy(policy: IdentityPolicy) -> None:
    """A receipt keeps tickets and words, and no contacts, whether or not the brand joins by contacts."""
    assert "工单INC0012345678，PRIV-1234567：[erased]" == without_contacts("工单INC0012345678，PRIV-1234567：13900139000", policy)


def test_a_hostile_text_takes_no_time() -> None:
    """A reason as long as any may be, made of as many parts as possible, is searched in a fraction of a second."""
    texts = ["1 " * 500, "a@b." * 250, "中a" * 500, "+1(" * 333]
    began = time.process_time()
    for text in texts:
        wording("M-1001").cleaned(text)
        without_contacts(text, POLICY)
    assert time.process_time() - began < 5
