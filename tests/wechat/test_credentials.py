"""Credentials from file and environment: every mistake is named with its remedy, and no value is ever shown."""

from pathlib import Path

import pytest

from app.wechat.credentials import Credentials, CredentialsInvalid
from app.wechat.errors import CredentialsMissing
from app.wechat.redact import Secret
from tests.wechat.scripted import APP, SECRET

OTHER = "wx8c2f6a1b3d4e5f70"
GOOD = f'[touchpoints.{APP}]\nsecret = "{SECRET}"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good file that only its owner may read."""
    path = tmp_path / "wechat.toml"
    path.write_text(GOOD)
    path.chmod(0o600)
    return path


def test_a_good_file_is_read_without_warnings(file: Path) -> None:
    """The documented format works."""
    credentials = Credentials.from_file(file)

    assert ((APP,), Secret(SECRET), ()) == (credentials.app_ids, credentials.secret_of(APP), credentials.warnings)


def test_a_byte_order_mark_is_accepted(file: Path) -> None:
    """Editors on Windows write one."""
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())

    assert (APP,) == Credentials.from_file(file).app_ids


def test_the_environment_alone_is_enough() -> None:
    """One variable a touchpoint, nothing else read."""
    credentials = Credentials.load({f"UNIONGRAPH_WECHAT_SECRET_{APP}": SECRET, "PATH": "/bin"})

    assert Secret(SECRET) == credentials.secret_of(APP)


def test_an_app_id_in_capitals_is_meant_in_small_letters() -> None:
    """Some shells know only capitals in names of variables."""
    assert (APP,) == Credentials.from_environment({f"UNIONGRAPH_WECHAT_SECRET_{APP.upper()}": SECRET}).app_ids


def test_the_environment_counts_over_the_file_it_names(file: Path) -> None:
    """A secret can be replaced for one run, the others stay."""
    file.write_text(GOOD + f'[touchpoints.{OTHER}]\nsecret = "{SECRET}"\n')
    newer = SECRET[::-1]
    credentials = Credentials.load({"UNIONGRAPH_WECHAT_CREDENTIALS": str(file), f"UNIONGRAPH_WECHAT_SECRET_{APP}": newer})

    assert (Secret(newer), Secret(SECRET)) == (credentials.secret_of(APP), credentials.secret_of(OTHER))


def test_nothing_configured_is_no_mistake() -> None:
    """Whoever only imports tables needs no credentials."""
    assert () == Credentials.load({}).app_ids


@pytest.mark.parametrize(
    "expected, text",
    [
        ("not valid TOML", "[touchpoints"),
        ("not a table this file has", f'[touchpoint.{APP}]\nsecret = "{SECRET}"'),
        ("not a key this table has", GOOD + 'secrets = "x"'),
        ("has no secret", f"[touchpoints.{APP}]"),
        ("is not a table", f'[touchpoints]\n{APP} = "{SECRET}"'),
        ("is not a table", 'touchpoints = "x"'),
        ("is not text", f"[touchpoints.{APP}]\nsecret = 12345678901234567890"),
        ("is empty", f'[touchpoints.{APP}]\nsecret = "  "'),
        ("holds blanks", f'[touchpoints.{APP}]\nsecret = " {SECRET}"'),
        ("is the AppID", f'[touchpoints.{APP}]\nsecret = "{APP}"'),
        ("is a placeholder", f'[touchpoints.{APP}]\nsecret = "<your-secret>"'),
        ("does not name an AppID", f'[touchpoints."wx 1"]\nsecret = "{SECRET}"'),
    ],
)
def test_each_mistake_is_named_with_place_and_remedy(expected: str, text: str, file: Path) -> None:
    """A mistake stops the start, says what to do, and shows no secret."""
    file.write_text(text)

    with pytest.raises(CredentialsInvalid, match=expected) as caught:
        Credentials.from_file(file)
    assert all(mistake.remedy and str(file) in mistake.where for mistake in caught.value.mistakes)
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_all_mistakes_are_reported_at_once(file: Path) -> None:
    """One round of mending is enough."""
    file.write_text(f'[other]\n[touchpoints.{APP}]\n[touchpoints.{OTHER}]\nsecret = ""\n')

    with pytest.raises(CredentialsInvalid) as caught:
        Credentials.from_file(file)
    assert 3 == len(caught.value.mistakes)


@pytest.mark.parametrize("body", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_a_mistake(body: bytes | None, tmp_path: Path) -> None:
    """A missing file and one that is no text are named, with a remedy."""
    path = tmp_path / "wechat.toml"
    if body is not None:
        path.write_bytes(body)

    with pytest.raises(CredentialsInvalid, match="UNIONGRAPH_WECHAT_CREDENTIALS"):
        Credentials.from_file(path)


def test_the_same_touchpoint_twice_in_the_environment_is_a_mistake() -> None:
    """Two spellings of one AppID contradict each other."""
    with pytest.raises(CredentialsInvalid, match="second time"):
        Credentials.from_environment({f"UNIONGRAPH_WECHAT_SECRET_{APP}": SECRET, f"UNIONGRAPH_WECHAT_SECRET_{APP.upper()}": SECRET})


def test_unusual_shapes_are_warnings(file: Path) -> None:
    """WeChat promises no shape, so an odd AppID or secret works and is pointed out."""
    file.write_text('[touchpoints.demo]\nsecret = "short"\n')
    file.chmod(0o644)
    problems = " / ".join(warning.problem for warning in Credentials.from_file(file).warnings)

    assert "AppID does not look" in problems
    assert "secret does not look" in problems
    assert "other users" in problems


def test_a_missing_secret_says_how_to_configure_it() -> None:
    """Asking for an unknown touchpoint names the variable and the table."""
    with pytest.raises(CredentialsMissing) as caught:
        Credentials().secret_of(OTHER)

    assert f"UNIONGRAPH_WECHAT_SECRET_{OTHER}" in caught.value.remedy
    assert f"[touchpoints.{OTHER}]" in str(caught.value)


def test_credentials_print_no_secret(file: Path) -> None:
    """Printing shows a mask."""
    assert SECRET not in repr(Credentials.from_file(file))
