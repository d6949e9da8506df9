"""A lender's document made of ours, and ours of his: which field goes where, and what becomes of it on the way.

The order is fixed: a field's own value, then its transformations as they are listed, then the mapping. A field that is
made of others (concat) sees them transformed. So fields may not be made of each other in a circle, which is seen before
anything is translated; each field is worked out once, and no text outgrows its limit, so no configuration can explode.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from models.document import InvalidDocument, number, require_names
from models.errors import Refused
from models.plugin_paths import MISSING, Place, Side, place, target
from models.plugin_transformations import Transformation, Untransformable, transformation

MOST_MAPPINGS = 100
MOST_TRANSFORMATIONS = 100
_LONGEST_CHAIN = 10
_LARGEST_DOCUMENT = 65_536

# What a lender can tell us of a lead; `externalId` is what he calls it himself.
_TOLD_BY_PROVIDER = frozenset(
    {"decision", "approvedAmount", "interestRate", "tenure", "processingFee", "currency", "conditions", "reason"}
    | {"expiresAt", "customData", "externalId"}
)
_OTHER = {Side.CAAS: Side.PROVIDER, Side.PROVIDER: Side.CAAS}


class CyclicFields(Refused):
    """Fields that are made of each other; there is no value to begin with."""


class DocumentTooLarge(Refused):
    """What was made is larger than anybody should be sent."""


@dataclass(frozen=True, slots=True)
class Route:
    """One field, from one side to the other."""

    source: Place
    target: Place


@dataclass(frozen=True, slots=True)
class Step:
    """One transformation of one field; `path` is where in the configuration it stands."""

    field: Place
    transformation: Transformation
    path: str
    is_sent: bool
    """A field that is named without its side goes out under that name if no mapping says otherwise."""


@dataclass(frozen=True, slots=True)
class Translation:
    """The document made, and the fields that were to be read and are not there."""

    document: dict[str, Any]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """How the documents of both sides relate."""

    routes: tuple[Route, ...]
    steps: tuple[Step, ...] = ()

    def translated(self, document: Mapping[str, Any], source: Side) -> Translation:
        """The other side's document, made of this side's."""
        fields = _Fields(document, [step for step in self.steps if step.field.side is source])
        made: dict[str, Any] = {}
        missing = []
        for route in self._routes_from(source):
            value = fields.value(route.source)
            if value is MISSING:
                missing.append(str(route.source))
            else:
                route.target.put(made, _as_json(value))
        if len(json.dumps(made)) > _LARGEST_DOCUMENT:
            raise DocumentTooLarge(
                f"The document made is larger than {_LARGEST_DOCUMENT} bytes.", "configuration.mappings"
            )
        return Translation(made, tuple(missing))

    def leads_back(self) -> bool:
        """Whether the lender's answers can tell a decision."""
        return any(route.target.steps == ("decision",) for route in self.routes if route.target.side is Side.CAAS)

    def _routes_from(self, source: Side) -> list[Route]:
        routes = [route for route in self.routes if route.source.side is source]
        other = _OTHER[source]
        for step in self.steps:
            own = Place(other, step.field.steps)
            is_mapped = any(_is_same(step.field, route.source) or route.target.overlaps(own) for route in routes)
            if step.field.side is source and step.is_sent and not is_mapped:
                routes.append(Route(step.field, own))
        return routes


def field_mapping(mappings: Any, transformations: Any, *, path: str = "configuration") -> FieldMapping:
    """The mapping a configuration describes, or a refusal that names the part which is wrong."""
    routes = _routes(mappings, f"{path}.mappings")
    steps = _steps(transformations, f"{path}.transformations")
    _require_no_circle(steps)
    return FieldMapping(routes, steps)


@dataclass(slots=True)
class _Fields:
    """The fields of one document, each worked out once."""

    document: Mapping[str, Any]
    steps: list[Step]
    known: dict[Place, Any] = field(default_factory=dict)

    def value(self, wanted: Place) -> Any:
        if wanted not in self.known:
            value = wanted.of(self.document)
            for step in self.steps:
                if _is_same(step.field, wanted):
                    value = self._after(step, value)
            self.known[wanted] = value
        return self.known[wanted]

    def _after(self, step: Step, value: Any) -> Any:
        if (value is MISSING or value is None) and not step.transformation.begins:
            return value
        try:
            return step.transformation.applied(value, self.value)
        except Untransformable as refusal:
            raise Untransformable(refusal.detail, refusal.field or step.path) from None


def _is_same(named: Place, wanted: Place) -> bool:
    """`creditScore` is the field of that name wherever it is; `caas.a.b` is that one."""
    if named.side is not wanted.side:
        return False
    if len(named.steps) == 1 and not named.is_exact:
        return wanted.steps[-1] == named.steps[0]
    return named.steps == wanted.steps


def _routes(mappings: Any, path: str) -> tuple[Route, ...]:
    if not isinstance(mappings, Mapping) or not 0 < len(mappings) <= MOST_MAPPINGS:
        raise InvalidDocument(f"This must be an object of 1 to {MOST_MAPPINGS} fields.", path)
    routes: list[Route] = []
    for name, told in mappings.items():
        here = f"{path}.{name}"
        source = place(name, understood=Side.CAAS, path=here)
        other = _OTHER[source.side]
        route = Route(source, target(told, understood=other, path=here))
        if route.target.side is source.side:
            raise InvalidDocument(f"This leads from {source.side} to {source.side}, not to the other side.", here)
        if other is Side.CAAS and route.target.steps[0] not in _TOLD_BY_PROVIDER:
            raise InvalidDocument(f"A lender tells us none of {route.target}.", here)
        for earlier in routes:
            if earlier.target.side is route.target.side and earlier.target.overlaps(route.target):
                raise InvalidDocument(f"{route.target} and {earlier.target} would be written over each other.", here)
        routes.append(route)
    return tuple(routes)


def _steps(transformations: Any, path: str) -> tuple[Step, ...]:
    if transformations is None:
        return ()
    if not isinstance(transformations, list) or len(transformations) > MOST_TRANSFORMATIONS:
        raise InvalidDocument(f"This must be a list of at most {MOST_TRANSFORMATIONS}.", path)
    steps = tuple(_step(each, f"{path}[{number}]") for number, each in enumerate(transformations))
    for step in steps:
        if sum(each.field == step.field for each in steps) > _LONGEST_CHAIN:
            raise InvalidDocument(f"{step.field} is transformed more than {_LONGEST_CHAIN} times.", step.path)
    return steps


def _step(given: Any, path: str) -> Step:
    require_names(given, {"field", "transformation", "parameters"}, path)
    if "field" not in given:
        raise InvalidDocument("This is missing.", f"{path}.field")
    named = place(given["field"], understood=Side.CAAS, path=f"{path}.field")
    made = transformation(given.get("transformation"), given.get("parameters"), side=named.side, path=path)
    if any(other.side is not named.side for other in made.fields):
        raise InvalidDocument("A field is made of fields of its own side.", f"{path}.parameters.fields")
    return Step(named, made, path, is_sent=given["field"] == named.steps[0])


def _require_no_circle(steps: tuple[Step, ...]) -> None:
    """Refuse a field that is made of itself, directly or through others."""
    for begun in steps:
        seen: set[Place] = set()
        waiting = list(begun.transformation.fields)
        while waiting:
            made_of = waiting.pop()
            if _is_same(begun.field, made_of):
                raise CyclicFields(f"{begun.field} would be made of itself.", f"{begun.path}.parameters.fields")
            if made_of not in seen:
                seen.add(made_of)
                waiting += [
                    each for step in steps if _is_same(step.field, made_of) for each in step.transformation.fields
                ]


def _as_json(value: Any) -> Any:
    return number(value) if isinstance(value, Decimal) else value
