"""`uniongraph verify-receipt FILE`: whether a receipt of an erasure is what its issuer signed."""

import argparse
import json
import re
from pathlib import Path

from app.commands.command import FAILED, Command, CommandFailed, tell, write
from graph.receipts import verifies

NEEDED = ("document", "signature", "publicKey")
BEGIN, END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
PEM = re.compile(f"{BEGIN}(.*?){END}", re.DOTALL)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="JSON with document, signature and publicKey, as the API gave them")
    parser.add_argument(
        "--public-key",
        type=Path,
        metavar="PEM",
        help="file with the issuer's public key, as `uniongraph check` printed it; without it the receipt's own key is taken on trust",
    )


def _run(arguments: argparse.Namespace) -> int:
    receipt = _read(arguments.file)
    trusted = _trusted(arguments.public_key) if arguments.public_key else None
    if trusted is not None and trusted != _pem(receipt["publicKey"]):
        tell("The receipt was made with another key than the trusted one.")
        return FAILED
    # By the trusted key itself: what else stands in the receipt's own text must not be read as a key.
    if not verifies(receipt["document"], receipt["signature"], trusted or receipt["publicKey"]):
        tell("The signature is not that of this document by this key: the receipt was changed, or is no receipt.")
        return FAILED
    write("good: the document is what was signed" + ("" if trusted else ", by the key in the receipt itself"))
    return 0


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(_text(path))
    except ValueError:
        raise CommandFailed(f"{path} is not JSON.") from None
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in NEEDED):
        raise CommandFailed(f"{path} must hold one JSON object with {', '.join(NEEDED)}.")
    return {name: found[name] for name in NEEDED}


def _trusted(path: Path) -> str:
    """The key in a file, whatever stands beside it."""
    found = _pem(_text(path))
    if found is None:
        raise CommandFailed(f"{path} holds no public key: it must have the lines that `uniongraph check` prints, from BEGIN to END.")
    return found


def _pem(text: str) -> str | None:
    """The key as PEM of its own, without what stands beside it, as the blanks of a table."""
    found = PEM.search(text)
    return "\n".join((BEGIN, *found[1].split(), END, "")) if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise CommandFailed(f"{path} cannot be read as text.") from None


COMMAND = Command("verify-receipt", "check the signature of an erasure's receipt", _add_arguments, _run)
