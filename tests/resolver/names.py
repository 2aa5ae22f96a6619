"""The words of a history as graph/ knows them: keys, registry and policy. The reference never sees this."""

from __future__ import annotations

from graph.accounts import Binding, Entity, EntityKind, OpenPlatform, Registry, Touchpoint
from graph.bindings import TouchpointKind
from graph.keys import Keys
from graph.node import SINCE_EVER, Key, Node
from graph.policy import IdentityPolicy, NamespacePolicy, Normaliser
from graph.rows import ExternalRef
from graph.state import Identifier, Label
from tests.resolver.facts import Bound, Name
from tests.resolver.histories import World

NORMALISER = {"member": Normaliser.TRIMMED, "crm": Normaliser.TRIMMED, "phone": Normaliser.PHONE_E164}
UNLISTED = {"loyalty"}


class Names:
    """Keys for a world's names."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._found: dict[Name, Key] = {}

    def key(self, name: Name) -> Key:
        """The real key of an identifier, or of a UnionID's text."""
        if name not in self._found:
            self._found[name] = self._key(name)
        return self._found[name]

    def _key(self, name: Name) -> Key:
        kind, scope, text = name
        if kind == "open":
            return self.keys.open_id(scope, text)
        if kind == "union":
            return self.keys.union_id(scope, text)
        return self.keys.external_id(scope, text) if kind == "ext" else self.keys.union_text(text)

    def identifier(self, name: Name) -> Identifier:
        """An identifier as evidence brings it."""
        kind, scope, text = name
        if kind == "open":
            return Identifier(key=self.key(name), label=Label.OPEN_ID, scope=self.keys.touchpoint(scope), value=text)
        if kind == "union":
            its_platform, text_key = self.keys.open_platform(scope), self.keys.union_text(text)
            return Identifier(key=self.key(name), label=Label.UNION_ID, scope=its_platform, value=text, text_key=text_key)
        return Identifier(key=self.key(name), label=Label.EXTERNAL_ID, scope=scope, value=None if scope == "phone" else text)

    def registry(self, world: World, bound: frozenset[Bound], version: int = 1) -> Registry:
        """The brand's side when all was said."""
        nodes: list[Node] = [*self.brand(world), *(self.touchpoint(app) for app in world.apps)]
        nodes += [self.binding(one, Key(f"binding{number:015d}")) for number, one in enumerate(sorted(bound, key=repr))]
        return Registry.of(version, nodes, policy(world))

    def brand(self, world: World) -> list[Node]:
        """One company and its Open Platform accounts."""
        entity = Entity(key=self.keys.entity("brand"), entity_id="brand", name="Brand", kind=EntityKind.COMPANY)
        platforms = [
            OpenPlatform(key=self.keys.open_platform(one), open_app_id=one, name=one, entity_key=entity.key) for one in world.platforms
        ]
        return [entity, *platforms]

    def touchpoint(self, app: str) -> Touchpoint:
        """A mini program."""
        return Touchpoint(key=self.keys.touchpoint(app), app_id=app, kind=TouchpointKind.MINI_PROGRAM, name=app)

    def binding(self, bound: Bound, key: Key) -> Binding:
        """An assertion."""
        its_platform = self.keys.open_platform(bound.platform) if bound.platform else None
        starts = SINCE_EVER if bound.starts is None else bound.starts
        return Binding(key=key, touchpoint_key=self.keys.touchpoint(bound.app), platform_key=its_platform, starts=starts)


def external(name: Name) -> ExternalRef:
    """An external id as a caller writes it."""
    return ExternalRef(namespace=name[1], value=name[2])


def policy(world: World) -> IdentityPolicy:
    """The brand's policy; one namespace is left unlisted, which makes it the last."""
    listed = [
        NamespacePolicy(namespace=name, max_per_customer=world.rules.most[name], is_sensitive=name == "phone", normaliser=NORMALISER[name])
        for name in world.rules.namespaces
        if name not in UNLISTED
    ]
    return IdentityPolicy(namespaces=listed, generic_after=world.rules.generic_after, largest_component=world.rules.largest)
