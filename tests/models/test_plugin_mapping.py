from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.document import InvalidDocument
from models.errors import Refusal
from models.plugin_mapping import CyclicFields, DocumentTooLarge, field_mapping
from models.plugin_paths import InvalidPath, Side
from models.plugin_transformations import Untransformable
from tests.models.plugins import LEAD, printed


def sent(mappings: dict[str, str], transformations: list[Any] | None = None, document: Any = None) -> dict[str, Any]:
    """What the lender gets of the lead."""
    return field_mapping(mappings, transformations).translated(document or LEAD, Side.CAAS).document


def one(transformation: str, given: Any, /, **parameters: Any) -> Any:
    """What becomes of one value."""
    step = {"field": "caas.x", "transformation": transformation, "parameters": parameters}
    return sent({"caas.x": "provider.y"}, [step], {"x": given})["y"]


def concat(field: str, *fields: str) -> dict[str, Any]:
    return {"field": field, "transformation": "concat", "parameters": {"fields": list(fields)}}


def test_the_owners_mapping_does_what_it_says() -> None:
    configuration = printed()["configuration"]

    assert sent(configuration["mappings"], configuration["transformations"]) == {
        "applicationId": "lead_xyz789",
        "customer": {"fName": "Sarah"},
        "loanAmount": 25000,
        "creditScore": 8.232727,  # (742 - 300) / 550 * 9 + 1
    }


def test_a_json_pointer_names_one_place_exactly() -> None:
    document = {"a/b": {"m~n": [1, {"c": 2}]}}

    with pytest.raises(InvalidPath):
        sent({"/a~1b/m~0n/1/c": "provider.y"}, document=document)
    assert sent({"/list/1/c": "/deep/er"}, document={"list": [0, {"c": 2}]}) == {"deep": {"er": 2}}
    assert sent({"caas:/applicant/firstName": "provider:/f"}) == {}


def test_a_level_may_be_left_out_only_where_one_field_can_be_meant() -> None:
    twice = {"a": {"b": {"name": 1}, "c": {"name": 2}}}

    assert sent({"caas.a.name": "provider.y"}, document=twice) == {}
    assert sent({"caas.a.c.name": "provider.y"}, document=twice) == {"y": 2}


def test_what_is_not_there_is_left_out_and_named() -> None:
    translation = field_mapping({"caas.leadId": "provider.a", "caas.shoeSize": "provider.b"}, None).translated(
        LEAD, Side.CAAS
    )

    assert (translation.document, translation.missing) == ({"a": "lead_xyz789"}, ("caas.shoeSize",))


def test_what_is_not_there_is_not_transformed() -> None:
    rounding = {"field": "shoeSize", "transformation": "round"}

    assert sent({"caas.leadId": "provider.a"}, [rounding]) == {"a": "lead_xyz789"}
    assert sent({"caas.shoeSize": "provider.b"}, [rounding], {"shoeSize": None}) == {"b": None}


def test_the_way_back_is_a_mapping_from_the_lender() -> None:
    mapping = field_mapping(
        {"caas.leadId": "provider.ref", "provider.result.code": "caas.decision", "/loanApplication/tenure": "/days"},
        [{"field": "provider.result.code", "transformation": "map", "parameters": {"values": {"1": "approved"}}}],
    )

    assert mapping.leads_back()
    assert mapping.translated({"result": {"code": 1}}, Side.PROVIDER).document == {"decision": "approved"}
    assert mapping.translated(LEAD, Side.CAAS).document == {"ref": "lead_xyz789", "days": 365}


@pytest.mark.parametrize(
    ("score", "parameters", "scaled"),
    [
        (300, {}, 1),
        (850, {}, 10),
        (575, {}, 5.5),
        (850, {"to": [10, 1]}, 1),
        (900, {"clamp": True}, 10),
        (200, {"clamp": True}, 1),
        (905, {}, 10.9),
        (742, {"decimals": 0}, 8),
        ("742", {"decimals": 2}, 8.23),
        (742, {"to": [0, 0.1]}, 0.080364),
    ],
)
def test_a_number_is_scaled_exactly(score: Any, parameters: dict[str, Any], scaled: float) -> None:
    assert one("scale", score, **({"from": [300, 850], "to": [1, 10]} | parameters)) == scaled


@pytest.mark.parametrize(
    ("parameters", "rounded"),
    [({}, 2), ({"decimals": 1}, 2.5), ({"mode": "half_up"}, 3), ({"mode": "down"}, 2), ({"mode": "up"}, 3)],
)
def test_a_number_is_rounded_as_it_says(parameters: dict[str, Any], rounded: float) -> None:
    assert one("round", 2.5, **parameters) == rounded
    assert one("round", Decimal("2.50"), **parameters) == rounded


@pytest.mark.parametrize(
    ("value", "parameters", "spelled"),
    [
        ("2026-12-25", {"to": "DD/MM/YYYY"}, "25/12/2026"),
        ("12/25/2026", {"from": "MM/DD/YYYY", "to": "YYYYMMDD"}, "20261225"),
        ("2026-03-01T09:30:00Z", {"to": "unix"}, 1772357400),
        ("2026-03-01T09:30:00", {"to": "unix_ms"}, 1772357400000),
        ("2026-03-01", {"to": "unix"}, 1772323200),
        (1772357400, {"from": "unix", "to": "iso"}, "2026-03-01T09:30:00+00:00"),
        ("1772357400000", {"from": "unix_ms", "to": "YYYY-MM-DD HH:mm:ss"}, "2026-03-01 09:30:00"),
    ],
)
def test_a_date_is_spelled_differently(value: Any, parameters: dict[str, str], spelled: Any) -> None:
    assert one("date", value, **parameters) == spelled


def test_a_word_becomes_another_word() -> None:
    assert one("map", "low", values={"low": "A"}) == "A"
    assert one("map", "true", values={"true": 1}) == one("map", bool(1), values={"true": 1}) == 1
    assert one("map", "medium", values={"low": "A"}, otherwise="Z") == "Z"


def test_what_is_missing_has_a_default() -> None:
    step = {"field": "caas.shoeSize", "transformation": "default", "parameters": {"value": 42}}

    assert sent({"caas.shoeSize": "provider.y"}, [step]) == {"y": 42}
    assert one("default", 7, value=42) == 7
    assert one("default", 0, value=42) == 0


@pytest.mark.parametrize(
    ("text", "parameters", "masked"),
    [
        ("4111111111111111", {}, "************1111"),
        ("Sarah", {"keepFirst": 1, "keepLast": 0}, "S****"),
        ("abc", {"keepLast": 4}, "***"),
        ("abcd", {"keepLast": 4, "with": "#"}, "####"),
        (12345, {}, "*2345"),
    ],
)
def test_a_mask_never_shows_all(text: Any, parameters: dict[str, Any], masked: str) -> None:
    assert one("mask", text, **parameters) == masked


def test_fields_are_joined_as_they_are_after_their_own_transformations() -> None:
    steps = [
        concat("caas.name", "caas.applicant.firstName", "/nowhere", "caas.applicant.lastName"),
        {"field": "caas.applicant.lastName", "transformation": "mask", "parameters": {"keepFirst": 1, "keepLast": 0}},
    ]
    steps[0]["parameters"]["separator"] = " "

    assert sent({"caas.name": "provider.y"}, steps) == {"y": "Sarah J******"}


def test_the_transformations_of_a_field_run_in_their_order() -> None:
    scale = {"field": "creditScore", "transformation": "scale", "parameters": {"from": [300, 850], "to": [1, 10]}}
    rounding = {"field": "creditScore", "transformation": "round", "parameters": {}}

    assert sent({"caas.creditAssessment.creditScore": "provider.y"}, [scale, rounding]) == {"y": 8}
    assert sent({"caas.creditAssessment.creditScore": "provider.y"}, [rounding, scale]) == {"y": 8.232727}


@pytest.mark.parametrize(
    "steps",
    [
        [concat("caas.a", "caas.a")],
        [concat("caas.a", "caas.b"), concat("caas.b", "caas.a")],
        [concat("caas.a", "caas.b"), concat("caas.b", "caas.c"), concat("caas.c", "caas.x.a"), concat("a", "caas.b")],
        [concat("a", "caas.deep.a")],
        [concat("provider.a", "provider.b"), concat("provider.b", "provider.a")],
    ],
    ids=str,
)
def test_a_field_is_not_made_of_itself(steps: list[Any]) -> None:
    with pytest.raises(CyclicFields) as refused:
        field_mapping({"caas.leadId": "provider.y"}, steps)

    assert refused.value.field is not None
    assert refused.value.field.endswith(".parameters.fields")


def test_fields_in_a_row_are_no_circle() -> None:
    steps = [concat("caas.a", "caas.b", "caas.b"), concat("caas.b", "caas.leadId"), concat("caas.b", "caas.leadId")]

    assert sent({"caas.a": "provider.y"}, steps) == {"y": "lead_xyz789lead_xyz789"}


def test_doubling_a_text_again_and_again_ends_at_its_limit() -> None:
    """Forty doublings would be a terabyte; each field is worked out once and has an end."""
    steps = [concat(f"caas.f{n}", f"caas.f{n + 1}", f"caas.f{n + 1}") for n in range(40)]

    with pytest.raises(Untransformable, match="2000 characters") as refused:
        sent({"caas.f0": "provider.y"}, [*steps, concat("caas.f40", "caas.leadId")])

    assert refused.value.field is not None
    assert refused.value.field.startswith("configuration.transformations[")


def test_a_document_has_an_end() -> None:
    with pytest.raises(DocumentTooLarge):
        sent({"caas.x": "provider.y"}, document={"x": ["a" * 1000] * 70})


WRONG: list[tuple[Any, Any, str]] = [
    ({}, None, "configuration.mappings"),
    ([], None, "configuration.mappings"),
    (None, None, "configuration.mappings"),
    ({f"caas.f{n}": f"provider.f{n}" for n in range(101)}, None, "configuration.mappings"),
    ({"": "provider.y"}, None, "configuration.mappings."),
    ({"caas.": "provider.y"}, None, "configuration.mappings.caas."),
    ({"caas.a..b": "provider.y"}, None, "configuration.mappings.caas.a..b"),
    ({"caas:/a~2": "provider.y"}, None, "configuration.mappings.caas:/a~2"),
    ({"caas.a": 7}, None, "configuration.mappings.caas.a"),
    ({"caas.a": None}, None, "configuration.mappings.caas.a"),
    ({"caas.a": {"b": "c"}}, None, "configuration.mappings.caas.a"),
    ({"caas.a": "provider.__proto__.x"}, None, "configuration.mappings.caas.a"),
    ({"caas.a": "/constructor/prototype"}, None, "configuration.mappings.caas.a"),
    ({"caas.constructor": "provider.x"}, None, "configuration.mappings.caas.constructor"),
    ({"caas.a": "provider.b.0"}, None, "configuration.mappings.caas.a"),
    ({"caas.a": "provider." + ".".join("abcdefghijk")}, None, "configuration.mappings.caas.a"),
    ({"caas.a": "provider." + "b" * 65}, None, "configuration.mappings.caas.a"),
    ({"caas.a": "provider." + "b." * 200}, None, "configuration.mappings.caas.a"),
    ({"caas.a": "caas.b"}, None, "configuration.mappings.caas.a"),
    ({"provider.a": "provider.b"}, None, "configuration.mappings.provider.a"),
    ({"provider.a": "caas.leadId"}, None, "configuration.mappings.provider.a"),
    ({"caas.a": "provider.x", "caas.b": "provider.x"}, None, "configuration.mappings.caas.b"),
    ({"caas.a": "provider.x", "caas.b": "provider.x.y"}, None, "configuration.mappings.caas.b"),
    ({"caas.a": "provider.x.y", "caas.b": "/x"}, None, "configuration.mappings.caas.b"),
]


@pytest.mark.parametrize(
    ("mappings", "transformations", "path"), WRONG, ids=[path[-40:] + str(n) for n, (*_, path) in enumerate(WRONG)]
)
def test_a_malformed_mapping_is_refused_by_its_path(mappings: Any, transformations: Any, path: str) -> None:
    with pytest.raises(Refusal) as refused:
        field_mapping(mappings, transformations)

    assert refused.value.field == path


STEPS: list[tuple[Any, str]] = [
    ({}, ""),
    ("scale", "[0]"),
    ({"field": "a"}, "[0].transformation"),
    ({"transformation": "round"}, "[0].field"),
    ({"field": "", "transformation": "round"}, "[0].field"),
    ({"field": "__proto__", "transformation": "round"}, "[0].field"),
    ({"field": "a", "transformation": "eval"}, "[0].transformation"),
    ({"field": "a", "transformation": "__class__"}, "[0].transformation"),
    ({"field": "a", "transformation": ["scale"]}, "[0].transformation"),
    ({"field": "a", "transformation": "round", "code": "1"}, "[0].code"),
    ({"field": "a", "transformation": "round", "parameters": []}, "[0].parameters"),
    ({"field": "a", "transformation": "round", "parameters": {"digits": 1}}, "[0].parameters.digits"),
    ({"field": "a", "transformation": "round", "parameters": {"decimals": 99}}, "[0].parameters.decimals"),
    ({"field": "a", "transformation": "round", "parameters": {"decimals": True}}, "[0].parameters.decimals"),
    ({"field": "a", "transformation": "round", "parameters": {"mode": "up-ish"}}, "[0].parameters.mode"),
    ({"field": "a", "transformation": "scale", "parameters": {"to": [1, 10]}}, "[0].parameters.from"),
    ({"field": "a", "transformation": "scale", "parameters": {"from": [3, 3], "to": [1, 10]}}, "[0].parameters.from"),
    ({"field": "a", "transformation": "scale", "parameters": {"from": [3], "to": [1, 10]}}, "[0].parameters.from"),
    (
        {"field": "a", "transformation": "scale", "parameters": {"from": [3, "x"], "to": [1, 9]}},
        "[0].parameters.from[1]",
    ),
    ({"field": "a", "transformation": "map", "parameters": {}}, "[0].parameters.values"),
    ({"field": "a", "transformation": "map", "parameters": {"values": {}}}, "[0].parameters.values"),
    ({"field": "a", "transformation": "map", "parameters": {"values": {"a": {}}}}, "[0].parameters.values"),
    (
        {"field": "a", "transformation": "map", "parameters": {"values": dict.fromkeys(map(str, range(201)), 1)}},
        "[0].parameters.values",
    ),
    ({"field": "a", "transformation": "date", "parameters": {"to": "%c"}}, "[0].parameters.to"),
    ({"field": "a", "transformation": "concat", "parameters": {"fields": []}}, "[0].parameters.fields"),
    ({"field": "a", "transformation": "concat", "parameters": {"fields": ["b"] * 21}}, "[0].parameters.fields"),
    ({"field": "a", "transformation": "concat", "parameters": {"fields": ["provider.b"]}}, "[0].parameters.fields"),
    (
        {"field": "a", "transformation": "concat", "parameters": {"fields": ["b"], "separator": "-" * 21}},
        "[0].parameters.separator",
    ),
    ({"field": "a", "transformation": "default", "parameters": {"value": [1]}}, "[0].parameters.value"),
    ({"field": "a", "transformation": "default", "parameters": {"value": "x" * 2001}}, "[0].parameters.value"),
    ({"field": "a", "transformation": "mask", "parameters": {"with": "ab"}}, "[0].parameters.with"),
    ({"field": "a", "transformation": "mask", "parameters": {"keepLast": -1}}, "[0].parameters.keepLast"),
]


@pytest.mark.parametrize(("step", "path"), STEPS, ids=[path + str(n) for n, (_, path) in enumerate(STEPS)])
def test_a_malformed_transformation_is_refused_by_its_path(step: Any, path: str) -> None:
    with pytest.raises(Refusal) as refused:
        field_mapping({"caas.leadId": "provider.y"}, [step] if path else step)

    assert refused.value.field == f"configuration.transformations{path}"


def test_there_are_only_so_many_transformations() -> None:
    rounding = {"field": "a", "transformation": "round"}

    for steps, path in (([rounding] * 11, "[0]"), ([rounding | {"field": f"f{n}"} for n in range(101)], "")):
        with pytest.raises(InvalidDocument) as refused:
            field_mapping({"caas.leadId": "provider.y"}, steps)
        assert refused.value.field == f"configuration.transformations{path}"


@pytest.mark.parametrize(
    ("transformation", "value", "parameters"),
    [
        ("scale", "many", {"from": [0, 1], "to": [1, 2]}),
        ("scale", True, {"from": [0, 1], "to": [1, 2]}),
        ("scale", "1e999999", {"from": [0, 1], "to": [1, 2]}),
        ("round", "NaN", {}),
        ("round", [1], {}),
        ("map", "high", {"values": {"low": "A"}}),
        ("map", {"a": 1}, {"values": {"low": "A"}}),
        ("date", "yesterday", {"to": "unix"}),
        ("date", 7, {"to": "unix"}),
        ("date", 10**15, {"from": "unix", "to": "iso"}),
        ("date", "2026-02-30", {"to": "YYYYMMDD"}),
        ("mask", [1], {}),
    ],
)
def test_a_value_that_cannot_be_transformed_says_which_transformation(
    transformation: str, value: Any, parameters: dict[str, Any]
) -> None:
    with pytest.raises(Untransformable) as refused:
        one(transformation, value, **parameters)

    assert refused.value.field == "configuration.transformations[0]"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
_FIELD = st.sampled_from(["caas.a", "caas.b", "a", "/a", "provider.a", "provider:/b/c", "caas.decision"]) | st.text(
    max_size=12
)
_STEP = st.fixed_dictionaries(
    {
        "field": _FIELD,
        "transformation": st.sampled_from(["scale", "map", "date", "round", "concat", "default", "mask", "exec"]),
        "parameters": st.fixed_dictionaries(
            {},
            optional={
                "from": _JSON,
                "to": _JSON,
                "values": _JSON,
                "value": _JSON,
                "fields": st.lists(_FIELD, max_size=3),
                "decimals": _JSON,
                "keepLast": _JSON,
            },
        ),
    }
)


@given(mappings=st.dictionaries(_FIELD, _FIELD, max_size=4), steps=st.lists(_STEP, max_size=4), document=_JSON)
def test_no_configuration_and_no_document_is_more_than_refused(mappings: Any, steps: Any, document: Any) -> None:
    try:
        mapping = field_mapping(mappings, steps)
        for side in Side:
            mapping.translated(document if isinstance(document, dict) else {"a": document}, side)
    except Refusal as refusal:
        assert refusal.detail  # noqa: PT017 - either way is right, as long as it is one of them
