"""The automaton agrees with `re`, and no pattern and no value makes it slow."""

import re
import warnings
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from select_lang.regexp import RegexpFault, compile_regexp, found_in
from select_lang.regexp.automaton import MOST_STATES, MOST_STEPS
from select_lang.regexp.pattern import read_pattern

ATOMS = [
    *"ab.^$1 é{A",
    "[ab]",
    "[^a]",
    "[]a]",
    "[a-c1]",
    r"\d",
    r"\w",
    r"\b",
    r"\B",
    r"\.",
    r"\x41",
    "(?i:A)",
    "a{2}",
]
REPEATS = ["*", "+", "?", "{0,2}", "{2}", "{1,}", "*?", "{,2}"]
patterns = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("({}|{})".format, inner, inner),
        st.builds("(?:{}){}".format, inner, st.sampled_from(REPEATS)),
    ),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(patterns, st.text("aAb1 .é{_c", max_size=6))
def test_it_finds_what_re_finds(pattern, value):
    assert found_in(pattern, value) == bool(re.search(pattern, value))


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*b",
        "(a|b|ab)*c",
        "(a?){30}a{30}",
        "(.*)*=",
        ".*.*.*.*.*=",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
    ],
)
def test_patterns_that_make_a_backtracking_engine_hang_take_few_steps(pattern):
    automaton = compile_regexp(pattern)
    assert len(automaton.states) <= MOST_STATES
    # With backtracking, these would need more steps than the universe has seconds.
    found_in(pattern, "a" * 4000 + "!")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "unterminated"),
        ("*a", "nothing to repeat"),
        (r"(a)\1", "back-references"),
        ("(?P<x>a)(?P=x)", "back-references"),
        ("(?=a)", "looking around"),
        ("(?<!a)b", "looking around"),
        ("(?m)^a", "flag m"),
        ("a*+", r"\*\+ is not supported"),
        ("(?:a{400}){400}", "states"),
        ("(?:(?:){9999}){9999}", "states"),
        ("[[:alpha:]]", "class within a class"),
        ("[a&&b]", "&& within a class"),
        ("a" * 1001, "longer"),
        ("(" * 60 + ")" * 60, "nested"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(pattern, reason):
    with pytest.raises(RegexpFault, match=reason):
        compile_regexp(pattern)


@settings(max_examples=500, deadline=None)
@given(st.text(r"[]^-&~|ad\(", max_size=8))
@example("[[\\")
def test_nothing_that_is_compiled_makes_re_warn(pattern):
    # Whether warnings are errors belongs to the process, and no thread may change it while others work.
    re.purge()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(RegexpFault):
            read_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("(?i)flair", "AX FLAIR"),
        ("(?i)t1(?-i:W)", "xT1W"),
        ("(?s)a.b", "a\nb"),
        ("(?P<n>T[12])w", "T1w"),
        ("", ""),
        (r"\$5", "$5"),
    ],
)
def test_flags_and_groups_are_those_of_re(pattern, value):
    assert re.search(pattern, value)
    assert found_in(pattern, value)
    assert found_in("(?-i:W)", "w") is False


def test_steps_that_were_taken_are_remembered_but_not_without_end():
    automaton = compile_regexp("a[^b]{3}c")
    assert not automaton.found_in("".join(map(chr, range(0x4E00, 0x4E00 + 3 * MOST_STEPS))))
    assert 0 < len(automaton._steps) <= MOST_STEPS
    assert automaton.found_in("xa123c")
