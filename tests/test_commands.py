"""The commands and the settings: what they print, how they fail, and that a mistake is one line and never a traceback."""

import argparse
import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import settings as settings_module
from app.__main__ import COMMANDS, main
from app.demo.http import Api, CallFailed
from app.sandbox import Brand, make_brand, running_sandbox
from app.server import opened_store
from app.settings import Settings, SettingsInvalid, add_arguments, declared, read_secret, table
from graph.bindings import TouchpointKind
from graph.erase import Order, erase_customer
from graph.evidence import ResolutionSource
from graph.link import By
from graph.record import record_resolutions
from graph.registry import register_touchpoint
from graph.rows import Row
from graph.tenant import Tenant

SECRET = "a secret of thirty-two characters"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting from outside; the working folder is a fresh one."""
    for name in os.environ:
        if name.startswith("UNIONGRAPH_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def flags(*words: str) -> argparse.Namespace:
    """A command line with every flag."""
    parser = argparse.ArgumentParser()
    add_arguments(parser, [name for name, setting in declared().items() if setting.has_flag])
    return parser.parse_args(words)


# Settings


def test_a_flag_counts_more_than_the_environment_and_that_more_than_the_default() -> None:
    """The nearer to the person who starts it, the more it counts."""
    environment = {"UNIONGRAPH_PORT": "9000", "UNIONGRAPH_HOST": "0.0.0.0"}  # noqa: S104 - nothing is bound
    found = Settings.load(flags("--port", "9001"), environment)
    assert (9001, "0.0.0.0", "sqlite:///data/uniongraph.db") == (found.port, found.host, found.store_url)  # noqa: S104


def test_the_store_stands_in_the_data_folder() -> None:
    """Who names a data folder has everything in it."""
    assert "sqlite:////srv/data/uniongraph.db" == Settings.load(None, {"UNIONGRAPH_DATA": "/srv/data"}).store_url


@pytest.mark.parametrize(
    "name, text",
    [
        ("UNIONGRAPH_PORT", "many"),
        ("UNIONGRAPH_PORT", "70000"),
        ("UNIONGRAPH_MAX_BODY", "0"),
        ("UNIONGRAPH_CORS_ORIGINS", "dashboard.example"),
        ("UNIONGRAPH_CORS_ORIGINS", "https://dashboard.example/page"),
        ("UNIONGRAPH_LOG_LEVEL", "loud"),
        ("UNIONGRAPH_WECHAT_BASE_URL", "api.weixin.qq.com"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(name: str, text: str) -> None:
    """The message names the setting, what it was and what it has to be."""
    with pytest.raises(SettingsInvalid, match=f"{name} is '{text}', but has to be"):
        Settings.load(None, {name: text})


def test_every_setting_is_described_once() -> None:
    """Each has a name of its own, a sentence, and a row in the table of the README."""
    found = declared()
    variables = [setting.variable for setting in found.values()]
    assert len(variables) == len(set(variables))
    assert [] == [setting for setting in found.values() if not setting.description.endswith(".")]
    assert [] == [variable for variable in variables if f"| `{variable}` |" not in table()]
    assert {"secret"} == {name for name, setting in found.items() if not setting.has_flag}


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """The first start makes it with mode 0600 and says so; the second one reads it and says nothing."""
    told: list[str] = []
    own = Settings(data=tmp_path / "new" / "data")
    first, second = read_secret(own, told.append), read_secret(own, told.append)
    assert (first, 64, 1) == (second, len(first), len(told))
    assert 0o600 == stat.S_IMODE(own.secret_file.stat().st_mode)


def test_a_shared_store_needs_a_given_secret(tmp_path: Path) -> None:
    """Several machines must have the same one, so none is made up for Neo4j."""
    with pytest.raises(SettingsInvalid, match="UNIONGRAPH_SECRET is not set"):
        read_secret(Settings(store="neo4j://db", data=tmp_path), print)


def test_a_short_secret_is_refused() -> None:
    """Whoever guesses the secret can compute ids."""
    with pytest.raises(SettingsInvalid, match="shorter than 32"):
        read_secret(Settings(secret="short"), print)


def test_nothing_shows_a_secret() -> None:
    """Settings that are printed hide what must not be read."""
    assert SECRET not in repr(Settings(secret=SECRET, wechat_secrets={"UNIONGRAPH_WECHAT_SECRET_wx": SECRET}))


def test_only_settings_read_the_environment() -> None:
    """No other file of the service or the domain looks into it."""
    root = Path(settings_module.__file__).parents[1]
    readers = [
        path.name for folder in ("app", "graph") for path in (root / folder).rglob("*.py") if "os.environ" in path.read_text("utf-8")
    ]
    assert ["settings.py"] == readers


# Commands


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    try:
        code = main(words)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    output = capsys.readouterr()
    return code, output.out, output.err


def test_a_key_is_made_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    """`key create` prints the key alone on standard output and makes the tenant; `list` never shows it; `revoke` marks it."""
    code, secret, told = ran(capsys, "key", "create", "--tenant", "acme", "--scopes", "read,ingest", "--name", "till")
    assert (0, True, 1) == (code, secret.startswith("ug_"), secret.count("\n"))
    key_id = next(word.strip(":") for word in told.split() if word.startswith("key_"))
    _, listed, _ = ran(capsys, "key", "list", "--tenant", "acme")
    assert (True, True, False) == (key_id in listed, "read,ingest" in listed, secret.strip() in listed)
    assert 0 == ran(capsys, "key", "revoke", key_id, "--tenant", "acme")[0]
    assert len(ran(capsys, "key", "list", "--tenant", "acme")[1].split()) == len(listed.split()) + 2


@pytest.mark.parametrize(
    "words", [(), ("nothing",), ("key",), ("key", "create", "--scopes", "all"), ("serve", "--nothing"), ("sandbox", "--people", "0")]
)
def test_a_word_or_option_that_does_not_exist_exits_with_2(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """Misuse is told apart from failure."""
    assert 2 == ran(capsys, *words)[0]


@pytest.mark.parametrize(
    "words, text",
    [
        (("key", "list", "--tenant", "nobody"), "There is no such tenant"),
        (("key", "create", "--store", "sqlite://x"), "An embedded store is a file"),
        (("import", "nothing.csv"), "No such file"),
        (("serve", "--port", "many"), "--port is 'many'"),
        (("serve", "--wechat-credentials", "nothing.toml"), "nothing.toml"),
        (("backfill", "wx1", "--tenant", "nobody"), "There is no such tenant"),
    ],
)
def test_an_expected_failure_is_one_line_and_1(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str) -> None:
    """What goes wrong is said with what to do, without a traceback."""
    code, _, told = ran(capsys, *words)
    lines = [line for line in told.splitlines() if not line.startswith("Made a secret")]
    assert (1, 1, True) == (code, len(lines), text in lines[0])


def test_columns_that_nobody_meant_are_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    """Before a row is read: a column that the identity policy does not list is named, and is ignored or taken when that is said."""
    ran(capsys, "key", "create")
    Path("t.csv").write_text("appId,openId,city,Nickname,member\nwx1,o1,Ningbo,Li,M-1\n", encoding="utf-8")
    code, _, told = ran(capsys, "import", "t.csv")
    assert (1, True) == (code, "no namespaces city, nickname." in told)
    assert (1, True) == ((again := ran(capsys, "import", "t.csv", "--ignore", "city"))[0], "no namespaces nickname." in again[2])
    code, _, told = ran(capsys, "import", "t.csv", "--ignore", "city", "--take", "Nickname")
    assert (0, True) == (code, "Taken as external ids: nickname, member." in told)


def test_check_makes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A store that is not there yet is told, not made: its address may be mistyped."""
    code, printed, _ = ran(capsys, "check")
    assert (0, True) == (code, "! store there is none yet in data/uniongraph.db" in " ".join(printed.split()))
    assert [] == list(Path().iterdir())


def test_check_prints_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is printed as it is, though rich would read some of it as markup."""
    ran(capsys, "key", "create")
    Path("bad.toml").write_text("[foo]\nx = 1\n", encoding="utf-8")
    _, printed, _ = ran(capsys, "check", "--wechat-credentials", "bad.toml")
    assert "[foo]" in printed


def test_another_secret_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A store opens with the secret it was made with, and the message says so."""
    ran(capsys, "key", "create")
    monkeypatch.setenv("UNIONGRAPH_SECRET", SECRET)
    code, _, told = ran(capsys, "key", "list")
    assert (1, True) == (code, "another secret" in told)


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`schema` prints GraphQL and nothing else."""
    code, printed, told = ran(capsys, "schema")
    assert (0, True, "") == (code, "type Customer implements Node" in printed, told)


def test_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names each command; each one's own help works."""
    _, printed, _ = ran(capsys, "--help")
    assert [] == [one.name for one in COMMANDS if one.name not in printed]
    assert [0] * len(COMMANDS) == [ran(capsys, one.name, "--help")[0] for one in COMMANDS]


# Commands that talk to WeChat


@pytest.fixture(scope="module")
def brand() -> Brand:
    """A small brand."""
    return make_brand(people=300)


@pytest.fixture(scope="module")
def door(brand: Brand) -> Iterator[str]:
    """Its sandbox."""
    with running_sandbox(brand) as address:
        yield address


@pytest.fixture
def credentials(brand: Brand, tmp_path: Path) -> str:
    """Its credentials file."""
    file = tmp_path / "credentials.toml"
    file.touch(mode=0o600)
    file.write_text(brand.credentials(), encoding="utf-8")
    return str(file)


def test_check_finds_everything_in_order(capsys: pytest.CaptureFixture[str], credentials: str, door: str, brand: Brand) -> None:
    """With a good configuration every touchpoint's credentials are accepted, and the exit code is 0."""
    ran(capsys, "key", "create")
    code, printed, _ = ran(capsys, "check", "--wechat-credentials", credentials, "--wechat-base-url", door)
    assert (0, len(brand.touchpoints)) == (code, printed.count("accepts AppID and AppSecret"))
    assert 1 == printed.count("-----BEGIN PUBLIC KEY-----")
    assert "erasure of" not in printed


def test_check_counts_who_was_turned_away(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows that name somebody erased are counted, by tenant."""
    ran(capsys, "key", "create", "--tenant", "acme")
    settings = Settings.load(flags())

    async def turn_away() -> None:
        async with opened_store(settings) as store:
            tenant = Tenant(store, "acme")
            await register_touchpoint(tenant, "wxmini", kind=TouchpointKind.MINI_PROGRAM, name="Mini")
            row = Row(app_id="wxmini", open_id="o", source=ResolutionSource.IMPORT)
            await record_resolutions(tenant, [row])
            order = Order(by=By(open_id=("wxmini", "o")), reason="asked", author="tests", backup_days=30)
            await erase_customer(tenant, order)
            await record_resolutions(tenant, [row, row])

    asyncio.run(turn_away())
    _, printed, _ = ran(capsys, "check")
    assert "2 rows that name somebody erased were turned away" in " ".join(printed.split())
    assert "erasure of acme" in printed


def test_check_says_what_to_do(capsys: pytest.CaptureFixture[str], credentials: str, door: str) -> None:
    """A wrong AppSecret is found, with its remedy, and the exit code is 1; the others are looked at all the same."""
    file = Path(credentials)
    text = file.read_text(encoding="utf-8")
    secret = text.split('secret = "')[1].split('"')[0]
    file.write_text(text.replace(secret, "0" * 32, 1), encoding="utf-8")
    code, printed, _ = ran(capsys, "check", "--wechat-credentials", credentials, "--wechat-base-url", door)
    assert (1, 1, True) == (code, printed.count("FAILED"), "Remedy" in printed)
    assert secret not in printed


def test_serve_answers_and_stops_in_order(tmp_path: Path, credentials: str, door: str, brand: Brand) -> None:
    """`serve` makes a first key, answers with it, and ends with 0 on a signal; `backfill` and `import` work beside it."""
    command = [sys.executable, "-m", "app"]
    wechat = ["--wechat-credentials", credentials, "--wechat-base-url", door]
    root = str(Path(settings_module.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen([*command, "serve", "--port", "0", *wechat], stderr=subprocess.PIPE, text=True, env=environment) as serving:
        assert serving.stderr is not None
        lines: list[str] = []
        while "serves" not in (line := serving.stderr.readline()):
            assert line
            lines.append(line)
        key = next(line.strip() for line in lines if line.strip().startswith("ug_"))
        address = next(word for word in line.split() if word.startswith("http")).removesuffix(";").removesuffix("/graphql")
        api = Api(address, key)
        account = next(one for one in brand.touchpoints if one.kind.is_official_account and one.is_verified)
        api.change("registerTouchpoint", {"appId": account.app_id, "kind": account.kind.value, "name": account.name})
        filled = subprocess.run(
            [*command, "backfill", account.app_id, *wechat], capture_output=True, text=True, check=False, env=environment
        )
        rows = tmp_path / "rows.jsonl"
        rows.write_text(json.dumps({"appId": account.app_id, "openId": "oSomebody"}) + "\n", encoding="utf-8")
        imported = subprocess.run([*command, "import", str(rows)], capture_output=True, text=True, check=False, env=environment)
        total = api.ask("{ customers(first: 1) { totalCount } }")["customers"]["totalCount"]
        with pytest.raises(CallFailed, match="API key"):
            Api(address, "ug_wrong").ask("{ viewer { tenant } }")
        serving.send_signal(signal.SIGTERM)
        left = serving.stderr.read()
    assert (0, 0, 0) == (filled.returncode, imported.returncode, serving.returncode), (filled.stderr, imported.stderr, left)
    followers = len(list(brand.crowd.followers(account.app_id)))
    assert followers + 1 == total
    assert "" == left
