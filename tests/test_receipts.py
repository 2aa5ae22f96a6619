"""Receipts of erasures: signed by the store's key, and checked by our command and by a program that is not ours."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from app.__main__ import main
from graph.keys import Keys
from graph.node import Id, Key
from graph.receipts import ErasureReceipt, Facts, Traces, canonical, public_key, receipt_of, reworded, verifies
from graph.stores.neo4j.traces import days_of

KEYS = Keys(b"the secret of one store", "acme")
FACTS = Facts(
    tenant="acme",
    at=1_795_305_600_000,
    until=1_795_305_600_000,
    author="tests",
    reason="ein Brief · 来信",
    customers=[Id("cus_a")],
    identifiers=[Id("oid_b"), Id("oid_a")],
    kept=[],
    traces=Traces(store="sqlite", what="nothing", days=0),
    backup_days=30,
)


@pytest.fixture
def receipt() -> ErasureReceipt:
    """A receipt."""
    return receipt_of(Key("r" * 22), FACTS, KEYS)


def saved(receipt: ErasureReceipt, folder: Path, **changed: str) -> str:
    """A receipt in a file, as the API gives it."""
    file = folder / "receipt.json"
    given = {"document": receipt.document, "signature": receipt.signature, "publicKey": receipt.public_key}
    file.write_text(json.dumps(given | changed), encoding="utf-8")
    return str(file)


def test_a_document_has_one_form(receipt: ErasureReceipt) -> None:
    """The document is canonical JSON and says what was erased, when, why and until when something may remain."""
    said = json.loads(receipt.document)
    assert canonical(said) == receipt.document
    assert (["oid_a", "oid_b"], 2, 2) == (said["identifiers"], said["identifierCount"], receipt.identifier_count)
    assert ("2026-11-22T00:00:00.000Z", "acme", "ein Brief · 来信") == (said["erasedAt"], said["tenant"], said["reason"])
    assert "2026-12-22" == said["remains"]["until"]
    assert {"UNIONGRAPH_BACKUP_DAYS": "30"} == said["remains"]["backups"]["settings"]


def test_all_tenants_of_a_store_have_one_key(receipt: ErasureReceipt) -> None:
    """The signing key follows from the store's secret alone."""
    assert public_key(Keys(b"the secret of one store", "other")) == receipt.public_key
    assert public_key(Keys(b"another secret", "acme")) != receipt.public_key


def test_a_byte_changed_is_noticed(receipt: ErasureReceipt) -> None:
    """A receipt verifies, and with any one byte of document, signature or key changed it does not."""
    assert verifies(receipt.document, receipt.signature, receipt.public_key)
    for place in range(len(receipt.document)):
        other = chr(ord(receipt.document[place]) ^ 1)
        assert not verifies(receipt.document[:place] + other + receipt.document[place + 1 :], receipt.signature, receipt.public_key)
    signature = bytearray(base64.b64decode(receipt.signature))
    for place in range(len(signature)):
        signature[place] ^= 1
        assert not verifies(receipt.document, base64.b64encode(signature).decode(), receipt.public_key)
        signature[place] ^= 1
    assert not verifies(receipt.document, receipt.signature, public_key(Keys(b"another secret", "acme")))
    assert not verifies(receipt.document, "no base64 at all", receipt.public_key)
    assert not verifies(receipt.document, receipt.signature, "no key")


def test_another_program_agrees(receipt: ErasureReceipt, tmp_path: Path) -> None:
    """OpenSSL verifies a receipt, and refuses it with one byte changed."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    for name, content in (("document", receipt.document), ("key.pem", receipt.public_key)):
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "signature").write_bytes(base64.b64decode(receipt.signature))
    verify = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem", "-in", "document", "-sigfile", "signature"]
    assert 0 == subprocess.run(verify, cwd=tmp_path, capture_output=True, check=False).returncode
    (tmp_path / "document").write_text(receipt.document.replace("oid_a", "oid_c"), encoding="utf-8")
    assert 0 != subprocess.run(verify, cwd=tmp_path, capture_output=True, check=False).returncode


def test_the_command_verifies(receipt: ErasureReceipt, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`uniongraph verify-receipt` ends with 0 for a good receipt, with 1 for any other; a trusted key counts more than the receipt's."""
    trusted, other = tmp_path / "trusted.pem", tmp_path / "other.pem"
    trusted.write_text(public_key(KEYS), encoding="utf-8")
    forger = Keys(b"another secret", "acme")
    other.write_text(public_key(forger), encoding="utf-8")
    assert 0 == main(["verify-receipt", saved(receipt, tmp_path)])
    assert "good" in capsys.readouterr().out
    assert 0 == main(["verify-receipt", saved(receipt, tmp_path), "--public-key", str(trusted)])
    assert 1 == main(["verify-receipt", saved(receipt, tmp_path), "--public-key", str(other)])
    printed = "".join(f"  {line}   \n" for line in ["are signed by this key:", *public_key(KEYS).splitlines()])  # as `check` prints it
    trusted.write_text(printed, encoding="utf-8")
    assert 0 == main(["verify-receipt", saved(receipt, tmp_path), "--public-key", str(trusted)])
    both = [trusted.read_text(encoding="utf-8"), public_key(forger)]
    for keys in (both, both[::-1], ["-" + both[0], both[1]]):
        signed = saved(receipt_of(receipt.key, FACTS, forger), tmp_path, publicKey="".join(keys))
        assert 1 == main(["verify-receipt", signed, "--public-key", str(trusted)])
    other.write_text("garbage", encoding="utf-8")
    capsys.readouterr()
    assert 1 == main(["verify-receipt", saved(receipt, tmp_path), "--public-key", str(other)])
    assert "holds no public key" in capsys.readouterr().err
    assert 1 == main(["verify-receipt", saved(receipt, tmp_path, document=receipt.document.replace("oid_a", "oid_c"))])
    forged = receipt_of(receipt.key, FACTS, forger)
    assert 0 == main(["verify-receipt", saved(forged, tmp_path)])
    assert 1 == main(["verify-receipt", saved(forged, tmp_path), "--public-key", str(trusted)])
    (tmp_path / "text").write_text("no JSON", encoding="utf-8")
    (tmp_path / "list").write_text("[]", encoding="utf-8")
    for file in ("text", "list", "missing"):
        assert 1 == main(["verify-receipt", str(tmp_path / file)])


def test_a_reworded_receipt_verifies(receipt: ErasureReceipt) -> None:
    """With another reason a receipt is signed anew, and is otherwise the same."""
    again = reworded(receipt, "[erased]", KEYS)
    assert verifies(again.document, again.signature, again.public_key)
    assert json.loads(receipt.document) | {"reason": "[erased]"} == json.loads(again.document)
    assert (receipt.key, receipt.erased) == (again.key, again.erased)


@pytest.mark.parametrize(
    "policy, days",
    [("2 days", 3), ("2 days 2G", 3), ("36 hours", 3), ("1G size", None), ("keep_all", None), ("true", None), ("keep_none", 1), ("", None)],
)
def test_a_retention_policy_is_read(policy: str, days: int | None) -> None:
    """Neo4j's policy for its logs gives the days after which they are gone, or nothing where it does not speak of time."""
    assert days == days_of(policy)
