"""The two headline questions: their documents, and their answers as tables."""

from typing import Any

import orjson
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

from app.demo.http import Api
from app.http.answers import dump
from app.http.graphiql import Tab
from app.sandbox.brand import Brand
from app.sandbox.people import Person

TOUCHPOINTS = """\
query TouchpointsOfACustomer($by: CustomerBy!) {
  customer(by: $by) {
    id
    state
    touchpoints {
      touchpoint { name kind binding { openPlatform { name } } }
      openId { value }
      unionId { value openPlatform { name } }
      firstSeenAt
      lastSeenAt
      timesSeen
      sources
    }
    unionIds { value openPlatform { name } }
    externalIds { namespace value }
  }
}
"""
LIMITS = """\
query AccountsThatMayStillBeBound {
  openPlatforms(first: 20) {
    nodes {
      name
      isQualified
      limits {
        kinds
        relation
        path
        availability
        limit
        used
        remaining
        limitedBy
        components {
          kind
          limit
          used
          remaining
          effect
          rule { name certainty source asOf }
        }
      }
    }
  }
}
"""
LOOKED_AT = 2_000
"""People among whom the one with the richest story is looked for."""
MOVED_MALL = "Linjian Members' Mall"


def person_of_interest(brand: Brand) -> tuple[Person, str]:
    """Somebody with many touchpoints, the one that moved to another Open Platform account among them; and where to find them."""
    moved = next(one for one in brand.touchpoints if one.english_name == MOVED_MALL)

    def richness(person: Person) -> tuple[bool, int, bool]:
        visits = {visit.app_id: visit for visit in person.visits}
        mall = visits.get(moved.app_id)
        bridges = mall is not None and brand.bound_to_at(moved.app_id, mall.first_at) != brand.bound_to_at(moved.app_id, mall.last_at)
        return bridges, len(visits), bool(person.members)

    best = max(map(brand.person, range(min(brand.people, LOOKED_AT))), key=richness)
    return best, best.visits[0].app_id


def variables_for(brand: Brand) -> dict[str, Any]:
    """The person of interest by one OpenID."""
    person, app_id = person_of_interest(brand)
    return {"by": {"openId": {"appId": app_id, "value": brand.open_id(person.number, app_id)}}}


def tabs(brand: Brand) -> list[Tab]:
    """Both questions as they stand in GraphiQL."""
    variables = orjson.dumps(variables_for(brand), option=orjson.OPT_INDENT_2).decode()
    return [Tab(title="Touchpoints of a customer", query=TOUCHPOINTS, variables=variables), Tab(title="Remaining accounts", query=LIMITS)]


def answer_both(api: Api, brand: Brand, console: Console) -> None:
    """Ask, and show question and answer."""
    variables = variables_for(brand)
    _show_question(console, "1. All touchpoints this customer used", TOUCHPOINTS, variables)
    _show_customer(console, api.ask(TOUCHPOINTS, variables)["customer"])
    _show_question(console, "2. How many accounts may still be bound, and where", LIMITS, {})
    _show_limits(console, api.ask(LIMITS)["openPlatforms"]["nodes"])


def _show_question(console: Console, title: str, document: str, variables: dict[str, Any]) -> None:
    console.rule(f"[bold]{title}")
    console.print(Syntax(document.rstrip(), "graphql", background_color="default", word_wrap=True))
    if variables:
        console.print(f"Variables: {dump(variables).decode()}", highlight=False, soft_wrap=True)
    console.print()


def _show_customer(console: Console, customer: dict[str, Any]) -> None:
    table = Table("Touchpoint", "Kind", "OpenID", "UnionID under", "First seen", "Last seen", "Times", "Known from")
    for use in customer["touchpoints"]:
        union_id = use["unionId"]
        table.add_row(
            use["touchpoint"]["name"],
            use["touchpoint"]["kind"],
            _short(use["openId"]["value"]),
            f"{union_id['openPlatform']['name']}: {_short(union_id['value'])}" if union_id else "none known",
            use["firstSeenAt"][:10],
            use["lastSeenAt"][:10],
            str(use["timesSeen"]),
            ", ".join(use["sources"]),
        )
    console.print(table)
    scopes = ", ".join(f"{one['openPlatform']['name']} {_short(one['value'])}" for one in customer["unionIds"])
    externals = ", ".join(f"{one['namespace']} {one['value'] or '(kept as a hash)'}" for one in customer["externalIds"]) or "none"
    console.print(
        f"Customer {customer['id']} ({customer['state']}); UnionIDs: {scopes or 'none'}; external ids: {externals}\n", soft_wrap=True
    )


def _show_limits(console: Console, platforms: list[dict[str, Any]]) -> None:
    """What is bound or may still be; what may not be at all would fill pages, and is in the answer with its rules."""
    columns = ("Open Platform account", "Kinds", "Subject", "Path", "Used", "Limit", "Remaining", "What bites", "How sure", "Source")
    table = Table(*columns)
    sources: dict[str, int] = {}
    for platform in platforms:
        for limit in platform["limits"]:
            if limit["limit"] != 0:
                table.add_row(platform["name"] + ("" if platform["isQualified"] else " (unqualified)"), *_cells(limit, sources))
        table.add_section()
    console.print(table)
    for source, number in sources.items():
        console.print(f"  [{number}] {source}", markup=False, soft_wrap=True)


def _cells(limit: dict[str, Any], sources: dict[str, int]) -> list[str]:
    biting = next((one for one in limit["components"] if one["kind"] == limit["limitedBy"]), None)
    left = [limit["relation"], limit["path"], str(limit["used"]), _number(limit["limit"], limit["availability"])]
    right = ["nothing", "", ""]
    if biting:
        rule = biting["rule"]
        number = sources.setdefault(f"{rule['source']} As of {rule['asOf']}.", len(sources) + 1)
        right = [f"{biting['kind']}: {biting['used']} of {biting['limit']}", rule["certainty"], f"\\[{number}]"]
    return [", ".join(limit["kinds"]), *left, f"[bold]{_number(limit['remaining'], limit['availability'])}", *right]


def _number(value: int | None, availability: str) -> str:
    return availability.lower() if value is None else str(value)


def _short(identifier: str) -> str:
    return identifier[:10] + "…"
