"""The secrets of touchpoints, from a TOML file or the environment, checked as a whole before anything is asked of WeChat.

The file has one table a touchpoint, named by its AppID:

    [touchpoints.wx5a1c3e7f90b2d846]
    secret = "the AppSecret from 'Development settings' in WeChat's console"

The environment has one variable a touchpoint, `UNIONGRAPH_WECHAT_SECRET_<AppID>`, and may name the file in
`UNIONGRAPH_WECHAT_CREDENTIALS`; where both name a touchpoint, the environment's variable counts.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.wechat.errors import CredentialsMissing
from app.wechat.redact import Secret

FILE_VARIABLE = "UNIONGRAPH_WECHAT_CREDENTIALS"
SECRET_PREFIX = "UNIONGRAPH_WECHAT_SECRET_"  # noqa: S105 - the name of a variable

# The shape of every AppID and AppSecret seen, promised by nobody: a warning, never a refusal.
_USUAL_APP_ID = re.compile(r"wx[0-9a-f]{16}")
_USUAL_SECRET = re.compile(r"[0-9a-f]{32}")
_APP_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_UPPER_CASE_APP_ID = re.compile(r"WX[0-9A-F]{16}")
_READABLE_BY_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with the configuration: where, what, and what to do. Never holds a value."""

    where: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}. Remedy: {self.remedy}"


class CredentialsInvalid(Exception):
    """The credentials cannot be used; every mistake is listed, so that one round is enough to mend them."""

    def __init__(self, *mistakes: Mistake) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(str(mistake) for mistake in mistakes))


@dataclass(frozen=True, slots=True)
class Credentials:
    """The AppSecret of each touchpoint; `warnings` are oddities that do not stop anything."""

    secrets: Mapping[str, Secret] = field(default_factory=dict)
    warnings: tuple[Mistake, ...] = ()

    @classmethod
    def load(cls, environment: Mapping[str, str]) -> "Credentials":
        """Read the file that the environment names, if it names one, then the environment's own secrets over it."""
        own = cls.from_environment(environment)
        named = environment.get(FILE_VARIABLE, "").strip()
        if not named:
            return own
        on_file = cls.from_file(Path(named))
        return cls({**on_file.secrets, **own.secrets}, on_file.warnings + own.warnings)

    @classmethod
    def from_file(cls, path: Path) -> "Credentials":
        """Read a TOML file in the format of this module's docstring."""
        try:
            text, failure = path.read_text(encoding="utf-8-sig"), ""
        except OSError as unreadable:
            text, failure = "", unreadable.strerror or "cannot be read"
        except UnicodeDecodeError:
            text, failure = "", "is not UTF-8 text"
        if failure:
            raise CredentialsInvalid(Mistake(str(path), failure, f"check the path in {FILE_VARIABLE} and the file's permissions"))
        collected = _Collected(str(path))
        collected.add_document(_parsed(text, path))
        if path.stat().st_mode & _READABLE_BY_OTHERS:
            collected.warnings.append(Mistake(str(path), "other users of this machine may read it", "chmod 600"))
        return collected.finished()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Credentials":
        """Read one variable a touchpoint; an AppID in capitals is meant in small letters, because some shells know only capitals."""
        collected = _Collected("environment")
        for name, value in sorted(environment.items()):
            if name.startswith(SECRET_PREFIX):
                suffix = name.removeprefix(SECRET_PREFIX)
                app_id = suffix.lower() if _UPPER_CASE_APP_ID.fullmatch(suffix) else suffix
                collected.add_secret(name, app_id, value)
        return collected.finished()

    @property
    def app_ids(self) -> tuple[str, ...]:
        """The touchpoints that can be asked, in a stable order."""
        return tuple(sorted(self.secrets))

    def secret_of(self, app_id: str) -> Secret:
        """Return the AppSecret of a touchpoint or say how to configure it."""
        if app_id in self.secrets:
            return self.secrets[app_id]
        remedy = f"set {SECRET_PREFIX}{app_id}, or add [touchpoints.{app_id}] with its secret to the file named in {FILE_VARIABLE}"
        raise CredentialsMissing("no AppSecret is configured for this touchpoint", path="", app_id=app_id, remedy=remedy)


def _parsed(text: str, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        # Only the position: the parser's error may carry the document, secrets included.
        position = re.search(r"at (line \d+, column \d+|end of document)", str(broken))
    where = f"{path} ({position[1]})" if position else str(path)
    raise CredentialsInvalid(Mistake(where, "not valid TOML", 'write [touchpoints.wx...] and below it secret = "..."'))


class _Collected:
    """Secrets, warnings and mistakes while a source is read."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.secrets: dict[str, Secret] = {}
        self.warnings: list[Mistake] = []
        self.mistakes: list[Mistake] = []

    def finished(self) -> Credentials:
        if self.mistakes:
            raise CredentialsInvalid(*self.mistakes)
        return Credentials(self.secrets, tuple(self.warnings))

    def add_document(self, document: Mapping[str, object]) -> None:
        for name in document:
            if name != "touchpoints":
                self._refuse(
                    f"[{name}]", "is not a table this file has", "only [touchpoints.<AppID>] tables belong here; check the spelling"
                )
        touchpoints = document.get("touchpoints", {})
        if not isinstance(touchpoints, dict):
            self._refuse("touchpoints", "is not a table", "write [touchpoints.wx...] once for each touchpoint")
            return
        for app_id, table in touchpoints.items():
            self._add_table(app_id, table)

    def _add_table(self, app_id: str, table: object) -> None:
        where = f"[touchpoints.{app_id}]"
        if not isinstance(table, dict):
            self._refuse(where, "is not a table", f'write [touchpoints.{app_id}] on one line and secret = "..." on the next')
            return
        for name in table:
            if name != "secret":
                self._refuse(f"{where} {name}", "is not a key this table has", "the only key is secret; check the spelling")
        if "secret" not in table:
            self._refuse(where, "has no secret", 'add secret = "..." with the AppSecret from WeChat\'s console')
            return
        self.add_secret(f"{where} secret", app_id, table["secret"])

    def add_secret(self, where: str, app_id: str, value: object) -> None:
        if not _APP_ID.fullmatch(app_id):
            self._refuse(where, "does not name an AppID", "name the touchpoint by its AppID: wx and 16 characters")
        elif app_id in self.secrets:
            self._refuse(where, "names a touchpoint a second time", "keep one of the two")
        elif problem := _problem_of_secret(app_id, value):
            self._refuse(where, *problem)
        else:
            self.secrets[app_id] = Secret(str(value))
            self._warn_about(where, app_id, str(value))

    def _warn_about(self, where: str, app_id: str, value: str) -> None:
        if not _USUAL_APP_ID.fullmatch(app_id):
            self._warn(where, "the AppID does not look like wx and 16 digits or letters a to f", "compare it with WeChat's console")
        if not _USUAL_SECRET.fullmatch(value):
            self._warn(where, "the secret does not look like 32 digits or letters a to f", "compare it with WeChat's console")

    def _refuse(self, where: str, problem: str, remedy: str) -> None:
        self.mistakes.append(Mistake(self._place(where), problem, remedy))

    def _warn(self, where: str, problem: str, remedy: str) -> None:
        self.warnings.append(Mistake(self._place(where), problem, remedy))

    def _place(self, where: str) -> str:
        return f"{self.origin}, {where}"


def _problem_of_secret(app_id: str, value: object) -> tuple[str, str] | None:
    """Return what is wrong with a secret and the remedy, or None."""
    if not isinstance(value, str):
        return "is not text", 'put the secret between quotes: secret = "..."'
    if not value.strip():
        return "is empty", "copy the AppSecret from WeChat's console; it is shown only once, when it is reset"
    if value != value.strip() or re.search(r"\s", value):
        return "holds blanks or line breaks", "copy the AppSecret again, without blanks around it"
    if value == app_id:
        return "is the AppID, not the AppSecret", "copy the AppSecret, the other of the two values in WeChat's console"
    if re.search(r"[^\x21-\x7e]|[.<>*]", value):
        return "is a placeholder or holds characters no AppSecret has", "copy the AppSecret from WeChat's console"
    return None
