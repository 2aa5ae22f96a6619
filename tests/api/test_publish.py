"""Publishing a dataclass in place: what becomes a field, what does not, and what is refused."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from app.api import publish as publishing
from app.api.publish import CannotPublishError, publish, publish_enum, publish_input
from app.api.scalars import SCALARS
from graph.given import UNSET, Unset
from graph.node import Doc, Id, Internal


class Colour(enum.Enum):
    """A colour."""

    RED = "RED"
    """Like blood."""
    SEA_GREEN = "SEA_GREEN"
    """Like the sea."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something."""

    prefix: ClassVar[str] = "thing"
    key: Annotated[str, Internal]
    open_app_id: Annotated[str | None, Doc("Whose.")] = None
    colours: Annotated[list[Colour], Doc("Its colours.")]

    @cached_property
    def id(self) -> Id:
        """Its id."""
        return Id(f"thing_{self.key}")

    @cached_property
    def parts(self) -> list[Thing]:
        """What it is made of."""
        return []

    @cached_property
    def weight(self) -> Annotated[int, Internal]:
        """Nobody's business."""
        return 1

    @cached_property
    def _hidden(self) -> int:
        return 1


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is wanted."""

    name: Annotated[str, Doc("Its name.")]
    note: Annotated[str | Unset | None, Doc("A note.")] = UNSET
    other: Annotated[int | None, Doc("Another.")] = None
    colour: Annotated[Colour, Doc("Its colour.")] = Colour.RED


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Several of them."""

    all: Annotated[list[Wish], Doc("All of them.")]
    first: Annotated[Wish | None, Doc("The first one.")] = None
    words: Annotated[list[str] | None, Doc("Words about them.")] = None
    likely: Annotated[list[Wish | None] | None, Doc("Those that may come true.")] = None


def made() -> strawberry.Schema:
    """A schema of these."""
    publish_enum(Colour, "Paint")
    publish(Thing)
    publish_input(Wish)
    publish_input(Wishes)

    @strawberry.type
    class Query:
        @strawberry.field
        async def thing(self, wish: Wish) -> Thing:
            return Thing(key=repr((wish.name, wish.note, wish.other)), colours=[wish.colour])

        @strawberry.field
        async def things(self, wishes: Wishes) -> str:
            return repr(wishes)

    return strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))


async def test_fields_and_properties_less_internal_ones() -> None:
    """Fields and cached properties are published with their descriptions, the id first; internal, private and class ones are not."""
    schema = made()
    sdl = schema.as_str()
    thing = sdl[sdl.index('"""Something."""') : sdl.index("}", sdl.index("type Thing"))]
    names = [line.strip().split(":")[0] for line in thing.splitlines() if ":" in line and '"' not in line]
    assert ["id", "openAppId", "colours", "parts"] == names
    assert all(said in thing for said in ("Whose.", "Its colours.", "What it is made of."))
    assert all(said in sdl for said in ("enum Paint", "Like the sea.", "id: ID!", "parts: [Thing!]!", "openAppId: String\n"))


async def test_an_input_tells_absent_from_null() -> None:
    """Absent keeps the dataclass's default, null is None, and only defaults that a client may write are printed."""
    schema = made()
    wish = schema.as_str().partition("input Wish")[2].partition("}")[0]
    assert all(said in wish for said in ("name: String!", "note: String\n", "other: Int\n", "colour: Paint! = RED"))
    answers = [
        (await schema.execute(f'{{ thing(wish: {{name: "n"{more}}}) {{ id colours }} }}')).data
        for more in ("", ", note: null, other: null", ', note: "x", other: 1, colour: SEA_GREEN')
    ]
    assert [
        {"thing": {"id": f"thing_{('n', UNSET, None)!r}", "colours": ["RED"]}},
        {"thing": {"id": f"thing_{('n', None, None)!r}", "colours": ["RED"]}},
        {"thing": {"id": f"thing_{('n', 'x', 1)!r}", "colours": ["SEA_GREEN"]}},
    ] == answers


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"all": []}, Wishes(all=[])),
        (
            {"all": [{"name": "a", "note": None}, {"name": "b", "colour": "SEA_GREEN"}], "words": ["x"], "first": None, "likely": None},
            Wishes(all=[Wish(name="a", note=None), Wish(name="b", colour=Colour.SEA_GREEN)], words=["x"]),
        ),
        (
            {"all": [], "first": {"name": "c", "other": 7}, "likely": [None, {"name": "d"}]},
            Wishes(all=[], first=Wish(name="c", other=7), likely=[None, Wish(name="d")]),
        ),
    ],
)
async def test_inputs_within_inputs(given: dict[str, object], expected: Wishes) -> None:
    """Inputs, lists and enums within an input are read as the dataclass has them, and nulls as None."""
    answer = await made().execute("query ($wishes: Wishes!) { things(wishes: $wishes) }", variable_values={"wishes": given})
    assert answer.errors is None
    assert {"things": repr(expected)} == answer.data


def test_what_says_nothing_is_refused() -> None:
    """A class, field or enum value without a description cannot be published; the message names it."""

    @dataclass(frozen=True)
    class Silent:
        """It has a field that says nothing."""

        field: int

    class Quiet(enum.Enum):
        """It has a value that says nothing."""

        VALUE = "VALUE"

    with pytest.raises(CannotPublishError, match=r"Silent\.field has no description"):
        publish(Silent)
    with pytest.raises(CannotPublishError, match=r"Quiet\.VALUE has no description"):
        publish_enum(Quiet)


def test_another_strawberry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Strawberry's definition lacks what publishing sets, starting says which version to install."""
    monkeypatch.setattr(publishing, "UNDOCUMENTED", ("origin", "interfaces", "gone"))

    with pytest.raises(CannotPublishError, match=r"pyproject\.toml"):
        publish(Thing)
