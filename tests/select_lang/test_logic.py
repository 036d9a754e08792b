"""The logic is Kleene's: laws that hold for every condition and every series."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from select_lang.logic import all_true, any_true, depth, leaves, opposite, rewrite
from select_lang.rules import rules_truth
from select_lang.tree import AllOf, AnyOf, Not
from tests.select_lang.trees import catalogues, conditions, rule

some_rules = conditions(rule())
one_series = catalogues().filter(bool).map(lambda catalogue: catalogue[0])


@settings(deadline=None)
@given(some_rules, one_series)
def test_not_not_is_nothing(rules, series):
    assert rules_truth(Not(Not(rules)), series) is rules_truth(rules, series)


@settings(deadline=None)
@given(some_rules, some_rules, one_series)
def test_de_morgan(one, other, series):
    both = rules_truth(Not(AllOf((one, other))), series)
    assert both is rules_truth(AnyOf((Not(one), Not(other))), series)
    either = rules_truth(Not(AnyOf((one, other))), series)
    assert either is rules_truth(AllOf((Not(one), Not(other))), series)


@settings(deadline=None)
@given(some_rules, some_rules, some_rules, one_series)
def test_and_distributes_over_or(a, b, c, series):
    joined = rules_truth(AllOf((a, AnyOf((b, c)))), series)
    assert joined is rules_truth(AnyOf((AllOf((a, b)), AllOf((a, c)))), series)


@settings(deadline=None)
@given(some_rules, one_series)
def test_a_rule_and_its_not_never_hold_together(rules, series):
    assert not (rules_truth(rules, series) and rules_truth(Not(rules), series))


def test_and_is_the_least_and_or_the_greatest_of_false_unknown_true():
    rank = [False, None, True]
    for values in itertools.product(rank, repeat=3):
        assert all_true(values) is min(values, key=rank.index)
        assert any_true(values) is max(values, key=rank.index)
        assert opposite(values[0]) is rank[2 - rank.index(values[0])]


@settings(deadline=None)
@given(some_rules)
def test_rewriting_changes_leaves_and_nothing_else(rules):
    assert rewrite(rules, lambda leaf: leaf) == rules
    assert len(list(leaves(Not(rules)))) == len(list(leaves(rules)))
    assert depth(Not(rules)) == depth(rules) + 1


@settings(deadline=None)
@given(st.lists(some_rules, min_size=2, max_size=3), one_series)
def test_order_of_conditions_does_not_matter(parts, series):
    assert rules_truth(AllOf(tuple(parts)), series) is rules_truth(AllOf(tuple(reversed(parts))), series)
