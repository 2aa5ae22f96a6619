"""Promises about the code as a whole that no single tool keeps: where things stand, how long they are, what is written nowhere."""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = ("app", "bench", "graph", "tests")
FILE_LINES = 400  # 300 is the aim; past this a file holds two concepts
FUNCTION_LINES = 50  # 40 is the aim

MACHINE_PATH = re.compile(r"(?<![\w.~$}])/(?:home|Users|root)/\w")
ADDRESS = re.compile(r"://|--(?:extra-)?index-url|--find-links|--trusted-host")
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-node.txt")
SECOND_SENTENCE = re.compile(r"[a-z0-9)`][.!?] +[A-Z]")
STATEMENT = re.compile(
    r"\b(?:SELECT\s.*\sFROM|INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\w+\s+SET|MERGE\s*\(|(?:OPTIONAL\s+)?MATCH\s*\w*\s*[(=]|UNWIND\s.*\sAS"
    r"|CREATE\s+(?:TABLE|INDEX|CONSTRAINT|UNIQUE)|BEGIN\s+IMMEDIATE|PRAGMA\s+\w+)",
    re.DOTALL,
)

type_of_function = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def written() -> tuple[Path, ...]:
    """Every file that is in git, or would be with the next `git add`."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("what is written is listed by git: run this in a clone, with git installed")
    command = [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(ROOT / name for name in sorted(filter(None, names.split("\0"))) if (ROOT / name).is_file())


@cache
def modules() -> tuple[tuple[str, str, ast.Module], ...]:
    """Every module of ours: its name from the root, its text, its syntax tree."""
    paths = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]
    texts = [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in paths]
    return tuple((name, text, ast.parse(text)) for name, text in texts)


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function and method, with the place where it stands."""
    for name, _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, type_of_function):
                yield f"{name}:{node.lineno} {node.name}", node


def test_every_module_says_what_belongs_there() -> None:
    """Every module begins with a docstring, so that a newcomer can tell from the first lines whether this is the file."""
    assert [] == [name for name, _, tree in modules() if not ast.get_docstring(tree)]


def test_every_test_states_its_rule() -> None:
    """Every test carries a docstring of one sentence: the rule it checks."""
    tests = [(place, ast.get_docstring(node) or "") for place, node in functions() if node.name.startswith("test_")]

    assert [] == [place for place, rule in tests if not rule.endswith(".") or "\n\n" in rule or SECOND_SENTENCE.search(rule)]


def test_files_stay_small() -> None:
    """No file of code is longer than what one reads in one sitting."""
    lengths = [(name, text.count("\n")) for name, text, _ in modules()]

    assert [] == [f"{name}: {lines} lines" for name, lines in lengths if lines > FILE_LINES]


def test_functions_stay_small() -> None:
    """No function is longer than a screen."""
    lengths = [(place, (node.end_lineno or node.lineno) - node.lineno + 1) for place, node in functions()]

    assert [] == [f"{place}: {lines} lines" for place, lines in lengths if lines > FUNCTION_LINES]


def test_statements_stand_in_the_stores_alone() -> None:
    """No text of SQL or Cypher stands outside graph/stores."""
    found = [
        f"{name}:{line}"
        for name, _, tree in modules()
        if name.startswith(("app/", "graph/")) and not name.startswith("graph/stores/")
        for line, text in _texts(tree)
        if STATEMENT.search(text)
    ]
    files = [
        str(path.relative_to(ROOT))
        for folder in ("app", "graph")
        for kind in ("sql", "cypher")
        for path in (ROOT / folder).rglob(f"*.{kind}")
    ]

    assert [] == found
    assert [] == [name for name in files if not name.startswith("graph/stores/")]


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text in the code that is not a docstring."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


def test_no_file_names_a_machine() -> None:
    """No file holds a path of somebody's machine."""
    here = {str(place) for place in (ROOT, Path.home()) if len(place.parts) > 2}  # a root of one part may be anybody's
    found = []
    for path in written():
        text = path.read_text(encoding="utf-8", errors="replace")
        if MACHINE_PATH.search(text) or any(place in text for place in here):
            found.append(str(path.relative_to(ROOT)))

    assert [] == found


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_no_addresses(name: str) -> None:
    """A lock holds names, versions and hashes, so that it works with whatever index a machine is set up for."""
    assert [] == [line for line in (ROOT / name).read_text().splitlines() if ADDRESS.search(line)]


def test_locks_hold_every_dependency() -> None:
    """What pyproject.toml asks for is in the lock that is installed for it, so a forgotten `make lock` shows here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    asked = {
        "requirements.txt": [*project["project"]["dependencies"], *groups["build"]],
        "requirements-dev.txt": [*project["project"]["dependencies"], *groups["build"], *groups["dev"]],
        "requirements-node.txt": groups["node"],
    }

    for lock, requirements in asked.items():
        locked = set(re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), re.MULTILINE))
        assert set() == {re.split(r"[^\w.-]", requirement)[0] for requirement in requirements} - locked, lock


def test_documents_name_targets_that_exist() -> None:
    """Every `make` target that a document names is in the Makefile, and says there what it does."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / ".ci" / "run"]
    named = {
        name
        for document in documents
        for name in re.findall(r"(?:^|`|\$ )make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE)
    }
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert phony is not None
    assert set() == named - targets
    assert set(phony[1].split()) == targets
