"""Random trees, statements and catalogues (hypothesis)."""

from hypothesis import strategies as st

from select_lang import Level, Series
from select_lang.tree import (
    AllOf,
    AnyOf,
    Between,
    Compare,
    Everything,
    Exists,
    Join,
    Missing,
    Not,
    OneOf,
    Operator,
    Reference,
    Select,
    Where,
)

TEXTS = ("Modality", "SeriesDescription", "ClassifyTypes")
NUMBERS = ("NumImages", "EchoTime")
ORDERS = (
    Operator.EQUAL,
    Operator.NOT_EQUAL,
    Operator.LESS,
    Operator.LESS_OR_EQUAL,
    Operator.GREATER,
    Operator.GREATER_OR_EQUAL,
)

text_value = st.sampled_from(["CT", "MR", "T1", "T1w", "a b", "and", 'say "x"', "back\\slash", "-5", "å–ø"])
any_text = st.text(min_size=1, max_size=12)
number = st.sampled_from(["-1", "0", "0.9", "0.90", "1", "2", "100"])
name = st.sampled_from(["T1", "AX", "everything", "series one", "not", "a'b\"c"])


def conditions(leaf):
    """Any condition over leaves."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


def rule(texts=text_value):
    text, numeric = st.sampled_from(TEXTS), st.sampled_from(NUMBERS)
    on_text = st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL, Operator.CONTAINING, Operator.STARTS_WITH])
    return st.one_of(
        st.builds(Compare, text, on_text, texts),
        st.builds(Compare, numeric, st.sampled_from([*ORDERS, Operator.CONTAINING]), number),
        st.builds(Compare, text, st.just(Operator.REGEXP), st.sampled_from(["^T", r"\d+$", "(CT|MR)", '"'])),
        st.builds(OneOf, text, st.lists(texts, min_size=1, max_size=3).map(tuple)),
        st.builds(OneOf, numeric, st.lists(number, min_size=1, max_size=3).map(tuple)),
        st.builds(
            lambda attribute, one, other: Between(attribute, *sorted((one, other), key=float)),
            numeric,
            number,
            number,
        ),
        st.builds(Exists, st.sampled_from(TEXTS + NUMBERS)),
        st.builds(Missing, st.sampled_from(TEXTS + NUMBERS)),
        st.just(Everything()),
    )


def joins(names, orders=ORDERS):
    reference = st.sampled_from(names)
    numeric = st.sampled_from(NUMBERS)
    leaf = st.builds(
        lambda one, other, operator, left, right: Join(Reference(one, left), operator, Reference(other, right)),
        reference, reference, st.sampled_from(orders), numeric, numeric,
    )  # fmt: skip
    return conditions(leaf)


@st.composite
def selects(draw, texts=text_value):
    """Any statement that makes sense."""
    names = draw(st.lists(name, unique=True, max_size=3))
    wheres = [Where(one, draw(conditions(rule(texts)))) for one in names]
    if not wheres or draw(st.booleans()):
        wheres.append(Where(None, draw(conditions(rule(texts)))))
    level = draw(st.sampled_from(Level))
    checks = draw(st.lists(joins(names), max_size=2)) if names and level is not Level.SERIES else []
    return Select(level, draw(st.none() | st.sampled_from(Level)), tuple(wheres), tuple(checks))


@st.composite
def catalogues(draw):
    """A few series of few studies and patients, with and without values, some of them senseless."""
    several = st.lists(text_value, max_size=2).map(tuple)
    numbers = st.lists(number | st.sampled_from(["", "many"]), max_size=2).map(tuple)
    values = {**dict.fromkeys(TEXTS, several), **dict.fromkeys((*NUMBERS, "SeriesNumber"), numbers)}
    made = []
    for uid in range(draw(st.integers(0, 6))):
        study = draw(st.integers(1, 3))
        attributes = draw(st.fixed_dictionaries({}, optional=values))
        made.append(Series(f"{study}.{uid}", str(study), f"P{study // 2}", attributes))
    return made
