"""Every setting: its name in the environment, its flag, its default and what it does. The only reader of the environment.

A flag counts more than the environment, the environment more than the default.
"""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Self, get_type_hints

from app.own_file import open_own
from app.wechat.client import WECHAT
from app.wechat.credentials import FILE_VARIABLE, SECRET_PREFIX, Credentials, CredentialsInvalid

SHORTEST_SECRET = 32
"""Characters: what a random secret of 16 bytes has as hexadecimal digits."""
SECRET_FILE = "secret"  # noqa: S105 - the name of a file
GRAPHIQL_FOLDER = Path(sys.prefix) / "graphiql"
"""Where installation puts GraphiQL's files: into the environment that runs the service."""


class SettingsInvalid(Exception):
    """A setting cannot be used; the text names it and says what to do."""


def _count(given: str) -> int:
    number = int(given)
    if number < 1:
        raise ValueError
    return number


def _port(given: str) -> int:
    number = int(given)
    if not 0 <= number <= 65_535:  # noqa: PLR2004 - as many ports as there are
        raise ValueError
    return number


def _origins(given: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in given.split(",") if part.strip())
    if any(origin != "*" and (not origin.startswith(("http://", "https://")) or origin.count("/") != 2) for origin in origins):  # noqa: PLR2004
        raise ValueError
    return origins


def _address(given: str) -> str:
    if not given.startswith(("http://", "https://")):
        raise ValueError
    return given


def _level(given: str) -> str:
    if given.lower() not in {"debug", "info", "warning", "error"}:
        raise ValueError
    return given.lower()


@dataclass(frozen=True)
class Setting:
    """What is declared about one setting, beside its type and default."""

    variable: str
    description: str
    read: Callable[[str], object] = str
    form: str = ""
    """What its text has to look like; `read` raises ValueError where it does not."""
    has_flag: bool = True
    """Secrets have none: other users of a machine can read a command line."""
    shown: str | None = None
    """Its default as documentation shows it, where that is not the value itself."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this process is to run."""

    store: Annotated[
        str,
        Setting(
            "UNIONGRAPH_STORE",
            "Where the graph lives: sqlite:///path, neo4j://host or bolt://host; by default uniongraph.db in the data folder.",
            shown="sqlite:///data/uniongraph.db",
        ),
    ] = ""
    data: Annotated[
        Path,
        Setting("UNIONGRAPH_DATA", "Folder for what the service makes itself: its secret and the embedded store.", read=Path),
    ] = Path("data")
    secret: Annotated[
        str,
        Setting(
            "UNIONGRAPH_SECRET",
            "What ids are derived with, 32 characters or more; without it the file `secret` in the data folder, made once.",
            has_flag=False,
        ),
    ] = field(default="", repr=False)
    host: Annotated[str, Setting("UNIONGRAPH_HOST", "Address to listen on; 0.0.0.0 for every one this machine has.")] = "127.0.0.1"
    port: Annotated[
        int,
        Setting("UNIONGRAPH_PORT", "Port to listen on; 0 for any free one.", read=_port, form="a number from 0 to 65535"),
    ] = 8000
    cors_origins: Annotated[
        tuple[str, ...],
        Setting(
            "UNIONGRAPH_CORS_ORIGINS",
            "Web pages that may call the API from a browser, as origins with commas between; by default none.",
            read=_origins,
            form="origins such as https://dashboard.example.com, with commas between",
            shown="",
        ),
    ] = ()
    wechat_credentials: Annotated[
        str,
        Setting(FILE_VARIABLE, f"TOML file with the touchpoints' AppSecrets; single ones also as `{SECRET_PREFIX}<AppID>`."),
    ] = ""
    wechat_base_url: Annotated[
        str,
        Setting(
            "UNIONGRAPH_WECHAT_BASE_URL",
            "Where WeChat's API is; the sandbox's address to try things out.",
            read=_address,
            form="an address such as https://api.weixin.qq.com",
        ),
    ] = WECHAT
    graphiql: Annotated[
        Path,
        Setting("UNIONGRAPH_GRAPHIQL", "Folder of GraphiQL's files, which installation fetches.", read=Path, shown=".venv/graphiql"),
    ] = GRAPHIQL_FOLDER
    backup_days: Annotated[
        int,
        Setting(
            "UNIONGRAPH_BACKUP_DAYS",
            "Days after which your back-ups of the store are destroyed: receipts of erasures name that day.",
            read=_count,
            form="a whole number of at least 1",
        ),
    ] = 30
    max_body: Annotated[
        int,
        Setting("UNIONGRAPH_MAX_BODY", "Largest request, in bytes.", read=_count, form="a number of bytes"),
    ] = 2_000_000
    request_timeout: Annotated[
        int,
        Setting("UNIONGRAPH_REQUEST_TIMEOUT", "Seconds after which a request is given up.", read=_count, form="a number of seconds"),
    ] = 30
    log_level: Annotated[
        str,
        Setting("UNIONGRAPH_LOG_LEVEL", "How much is logged.", read=_level, form="debug, info, warning or error"),
    ] = "info"
    wechat_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment's own AppSecrets, by variable."""

    @classmethod
    def load(cls, flags: argparse.Namespace | None = None, environment: Mapping[str, str] | None = None) -> Self:
        """Read flags and environment. Raises SettingsInvalid."""
        environment = os.environ if environment is None else environment
        given: dict[str, Any] = {}
        for name, setting in declared().items():
            flag = getattr(flags, name, None)
            text = flag if flag is not None else environment.get(setting.variable, "").strip()
            if text != "":
                given[name] = _read(setting, text, _flag(name) if flag is not None else setting.variable)
        from_wechat = {name: value for name, value in environment.items() if name.startswith(SECRET_PREFIX)}
        return cls(**given, wechat_secrets=from_wechat)

    @property
    def store_url(self) -> str:
        """The store's address, the default one included."""
        return self.store or f"sqlite:///{self.data / 'uniongraph.db'}"

    @property
    def is_embedded(self) -> bool:
        """Whether the graph lives in a file of this machine."""
        return self.store_url.startswith("sqlite:")

    @property
    def secret_file(self) -> Path:
        """Where a secret is kept that was not given."""
        return self.data / SECRET_FILE

    def credentials(self) -> Credentials:
        """The touchpoints' AppSecrets. Raises SettingsInvalid."""
        try:
            return Credentials.load({**self.wechat_secrets, FILE_VARIABLE: self.wechat_credentials})
        except CredentialsInvalid as invalid:
            raise SettingsInvalid(str(invalid)) from None


def declared() -> dict[str, Setting]:
    """The settings by name, as flags and documentation need them."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: note for name, hint in hints.items() for note in getattr(hint, "__metadata__", ()) if isinstance(note, Setting)}


def flagged() -> Iterable[str]:
    """The settings that a command line may give; `serve` takes them all."""
    return [name for name, setting in declared().items() if setting.has_flag]


def add_arguments(parser: argparse.ArgumentParser, names: Iterable[str]) -> None:
    """Declare the flags of some settings."""
    known = declared()
    for name in names:
        text = f"{known[name].description} ({known[name].variable})".replace("%", "%%")
        parser.add_argument(_flag(name), dest=name, metavar=name.upper(), help=text)


def table() -> str:
    """The settings as a Markdown table, for the README."""
    defaults = {one.name: one.default for one in fields(Settings)}
    lines = ["| Environment | Flag | Default | What it does |", "| --- | --- | --- | --- |"]
    for name, setting in declared().items():
        shown = str(defaults[name]) if setting.shown is None else setting.shown
        cells = (setting.variable, _flag(name) if setting.has_flag else "", shown)
        quoted = (f"`{cell}`" if cell else "" for cell in cells)
        lines.append(f"| {' | '.join(quoted)} | {setting.description} |")
    return "\n".join(lines) + "\n"


def read_secret(settings: Settings, say: Callable[[str], object]) -> bytes:
    """The secret that was given, else the data folder's; a first start on an embedded store makes one there and says so once.

    Raises SettingsInvalid.
    """
    if settings.secret:
        return _checked(settings.secret, "UNIONGRAPH_SECRET")
    file = settings.secret_file
    try:
        return _checked(file.read_text(encoding="ascii").strip(), str(file))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as unreadable:
        raise SettingsInvalid(
            f"{file} cannot be read: {_reason(unreadable)}. Its owner must run the service, or set UNIONGRAPH_SECRET."
        ) from None
    if not settings.is_embedded:
        raise SettingsInvalid(
            "UNIONGRAPH_SECRET is not set. A store that several machines share needs the same secret everywhere: "
            f"set it to {SHORTEST_SECRET} random characters or more, and keep it: without it the graph cannot be read."
        )
    return _make_secret(file, say)


def _make_secret(file: Path, say: Callable[[str], object]) -> bytes:
    made = secrets.token_hex(SHORTEST_SECRET)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Created exclusively: of two first starts at once only one makes the secret, and the other reads it.
        opened = open_own(file, "xb")
    except FileExistsError:
        return _checked(_made_elsewhere(file), str(file))
    except OSError as failure:
        raise SettingsInvalid(f"{file} cannot be made: {_reason(failure)}. Name a folder you may write to in UNIONGRAPH_DATA.") from None
    with opened:
        opened.write(f"{made}\n".encode("ascii"))
        opened.flush()
        os.fsync(opened.fileno())
    say(f"Made a secret in {file}. Keep it with your backups: without it the graph cannot be read.")
    return made.encode()


def _made_elsewhere(file: Path) -> str:
    """What another first start is writing at this moment."""
    deadline = time.monotonic() + 2
    while not (text := file.read_text(encoding="ascii").strip()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return text


def _checked(secret: str, origin: str) -> bytes:
    if len(secret) < SHORTEST_SECRET:
        raise SettingsInvalid(f"The secret in {origin} is shorter than {SHORTEST_SECRET} characters: use a longer random one.")
    return secret.encode()


def _read(setting: Setting, text: str, origin: str) -> object:
    try:
        return setting.read(text)
    except ValueError:
        raise SettingsInvalid(f"{origin} is {text!r}, but has to be {setting.form}.") from None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _reason(failure: Exception) -> str:
    return getattr(failure, "strerror", None) or "it is no ASCII text"
