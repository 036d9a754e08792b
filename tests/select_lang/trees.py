"""Random trees, statements and catalogues (hypothesis)."""

from hypothesis import strategies as st

from select_lang import Level, Series
from select_lang.tree import (
    AllOf,
    Amount,
    AnyOf,
    Between,
    Choice,
    Closest,
    Compare,
    Count,
    Everything,
    Exists,
    Join,
    Listed,
    Missing,
    Not,
    OneOf,
    Operator,
    Pick,
    Preference,
    Reference,
    Select,
    StudyLimit,
    Unit,
    Where,
)

TEXTS = ("Modality", "SeriesDescription", "ClassifyTypes")
NUMBERS = ("NumImages", "EchoTime")
DATES = ("StudyDate", "SeriesDate")
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
date = st.sampled_from(["20240101", "2024-01-02", "20240301"])
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
    text, numeric, dates = st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.sampled_from(DATES)
    on_text = st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL, Operator.CONTAINING, Operator.STARTS_WITH])
    patterns = st.sampled_from([Operator.REGEXP, Operator.IREGEXP])
    equal, every = st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]), st.booleans()
    some_texts = st.lists(texts, min_size=1, max_size=3).map(tuple)
    some_numbers = st.lists(number, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Compare, text, on_text, texts, every),
        st.builds(Compare, numeric, st.sampled_from([*ORDERS, Operator.CONTAINING]), number, every),
        st.builds(Compare, dates, st.sampled_from(ORDERS), date, every),
        st.builds(Compare, text, patterns, st.sampled_from(["^T", r"\d+$", "(ct|MR)", '"']), every),
        st.builds(OneOf, text, some_texts, every),
        st.builds(OneOf, numeric, some_numbers, every),
        st.builds(Listed, text, equal, some_texts),
        st.builds(Listed, numeric, equal | st.just(Operator.APPROX), some_numbers),
        st.builds(
            lambda attribute, one, other, every: Between(attribute, *sorted((one, other), key=float), every),
            numeric,
            number,
            number,
            every,
        ),
        st.builds(Exists, st.sampled_from(TEXTS + NUMBERS)),
        st.builds(Missing, st.sampled_from(TEXTS + NUMBERS)),
        st.just(Everything()),
    )


def joins(names, orders=ORDERS):
    reference = st.sampled_from(names)
    numeric, dates = st.sampled_from(NUMBERS), st.sampled_from(DATES)
    days = st.builds(Amount, st.sampled_from(["0", "1", "60"]), st.just(Unit.DAYS))
    counts = st.builds(Amount, st.sampled_from(["0.5", "1", "99"]), st.none() | st.just(Unit.MM))

    def join(one, other, operator, left, right, within=None):
        return Join(Reference(one, left), operator, Reference(other, right), within)

    near = st.just(Operator.WITHIN)
    leaf = st.one_of(
        st.builds(join, reference, reference, st.sampled_from(orders), numeric, numeric),
        st.builds(join, reference, reference, st.sampled_from(orders), dates, dates),
        st.builds(join, reference, reference, near, numeric, numeric, counts),
        st.builds(join, reference, reference, near, dates, dates, days),
    )
    return conditions(leaf)


def picks():
    dated, counted = (Preference.NEWEST, Preference.OLDEST), (Preference.LARGEST, Preference.SMALLEST)
    return st.one_of(
        st.builds(Pick, st.sampled_from(dated), st.none() | st.sampled_from(DATES)),
        st.builds(Pick, st.sampled_from(counted), st.none() | st.sampled_from(NUMBERS)),
        st.builds(Pick, st.just(Preference.FIRST), st.none() | st.sampled_from([*DATES, *NUMBERS, *TEXTS])),
    )


@st.composite
def choices(draw, level, earlier):
    """What may follow the rules of a name, given the names before it."""
    closest = None
    if earlier and draw(st.booleans()):
        closest = Closest(draw(st.sampled_from(earlier)), draw(st.sampled_from([*DATES, *NUMBERS])))
    alone = level is not Level.SERIES or closest is None
    count = draw(
        st.none() | st.builds(Count, st.integers(0, 2)) | st.builds(Count, st.integers(1, 2), st.just(True))
    )
    pick = draw(st.none() | picks())
    optional = (
        draw(st.booleans()) and count != Count(0) and (level is not Level.SERIES or closest is not None)
    )
    shared = draw(st.booleans()) and level is not Level.SERIES
    return Choice(closest, count if alone else None, pick if alone else None, optional, shared)


@st.composite
def selects(draw, texts=text_value):
    """Any statement that makes sense."""
    names = draw(st.lists(name, unique=True, max_size=3))
    level = draw(st.sampled_from(Level))
    wheres = [
        Where(one, draw(conditions(rule(texts))), draw(choices(level, names[:number])))
        for number, one in enumerate(names)
    ]
    if not wheres or draw(st.booleans()):
        wheres.append(Where(None, draw(conditions(rule(texts))), draw(choices(level, []))))
    checks = draw(st.lists(joins(names), max_size=2)) if names and level is not Level.SERIES else []
    limits = st.builds(StudyLimit, st.integers(1, 2), st.booleans(), st.sampled_from([*DATES, "NumImages"]))
    source = draw(st.none() | st.sampled_from(Level) | limits)
    return Select(level, source, tuple(wheres), tuple(checks))


@st.composite
def catalogues(draw):
    """A few series of few studies and patients, with and without values, some of them senseless."""
    several = st.lists(text_value, max_size=2).map(tuple)
    numbers = st.lists(number | st.sampled_from(["", "many"]), max_size=2).map(tuple)
    dates = st.lists(date | st.sampled_from(["", "soon"]), max_size=2).map(tuple)
    values = {
        **dict.fromkeys(TEXTS, several),
        **dict.fromkeys((*NUMBERS, "SeriesNumber"), numbers),
        **dict.fromkeys(DATES, dates),
    }
    made = []
    for uid in range(draw(st.integers(0, 6))):
        study = draw(st.integers(1, 3))
        attributes = draw(st.fixed_dictionaries({}, optional=values))
        made.append(Series(f"{study}.{uid}", str(study), f"P{study // 2}", attributes))
    return made
