"""Which classes of graph/ are published. Import this before anything that names one of them in a resolver."""

from __future__ import annotations

import strawberry

from app.api.changes import history
from app.api.open_ids import open_ids
from app.api.publish import publish, publish_enum
from app.api.why import why
from app.ingest.ports import MissingUnionIdReason
from graph.accounts import Binding, Entity, EntityKind, EntityRegion, EntityRelation, OpenPlatform, Touchpoint
from graph.apikeys import ApiKey, Scope
from graph.bindings import BindingPath, BindingState, SubjectRelation, TouchpointKind
from graph.changes import Change, ChangeKind
from graph.decisions import Decision, DecisionKind
from graph.effect import CustomerSketch, PartitionEffect
from graph.errors import AlreadyBound, BindingLimitReached, SimpleError, UserError, UserErrorCode, WeChatRefused
from graph.evidence import ResolutionSource
from graph.jobs import Job, JobKind, JobState
from graph.limits import BindingLimit, BindingRule, Certainty, LimitAvailability, LimitComponent, LimitComponentKind, LimitEffect
from graph.node import Node
from graph.people import Conflict, Customer, EvidenceStep, ExternalID, OpenID, TouchpointUse, UnionID, WeChatAccount
from graph.policy import IdentityPolicy, NamespacePolicy, Normaliser
from graph.policy_changes import PolicyChange
from graph.quarantine import Quarantined, QuarantineReason
from graph.receipts import ErasureReceipt
from graph.results import Outcome
from graph.state import ConflictKind, ConflictState, CustomerState, EvidenceKind

ENUMS = (
    BindingPath,
    BindingState,
    Certainty,
    ChangeKind,
    ConflictKind,
    ConflictState,
    CustomerState,
    DecisionKind,
    EntityKind,
    EntityRegion,
    EvidenceKind,
    JobKind,
    JobState,
    LimitAvailability,
    LimitComponentKind,
    LimitEffect,
    MissingUnionIdReason,
    Normaliser,
    QuarantineReason,
    ResolutionSource,
    Scope,
    SubjectRelation,
    TouchpointKind,
    UserErrorCode,
)
NODES = (
    ApiKey,
    Binding,
    Change,
    Conflict,
    Decision,
    Entity,
    ErasureReceipt,
    ExternalID,
    Job,
    OpenID,
    OpenPlatform,
    PolicyChange,
    Quarantined,
    UnionID,
    WeChatAccount,
)
PARTS = (BindingLimit, BindingRule, CustomerSketch, IdentityPolicy, LimitComponent, NamespacePolicy, PartitionEffect, TouchpointUse)
PARTS_WITH_KEYS = (EntityRelation, EvidenceStep)
"""They are shown inside of others and have an id for caches, but `node(id:)` does not answer them."""
IMPLEMENTING = (*NODES, Customer, Touchpoint)
"""What may stand where an interface is asked for."""
ERRORS = (AlreadyBound, BindingLimitReached, SimpleError, WeChatRefused)

for _enum in ENUMS:
    publish_enum(_enum)
publish_enum(Outcome, "ResolutionOutcome")
publish(Node, strawberry.interface)
publish(UserError, strawberry.interface)
for _node in (*NODES, *PARTS):
    publish(_node)
for _part in PARTS_WITH_KEYS:
    publish(_part, is_node=False)
publish(Customer, resolvers={"history": history, "why": why})
publish(Touchpoint, resolvers={"open_ids": open_ids})
for _error in ERRORS:
    publish(_error, names={"Binding": Binding, "BindingLimit": BindingLimit})
