"""Classification: which types (T1, DIFFUSION, axial, …) a series has, by rules in JSON.

Text → entries (`reading`) → checked rules of the language (`compiling`), in order (`entries`) → types (`classifier`).
How rules are written stands in README.md of the package above, section "Classification"; `rules.json` beside this file
is what we ship.

>>> from select_lang import Series
>>> classifier = Classifier.shipped()
>>> classifier.types(Series("1.2.3", "1.2", "P1", {"Modality": ("MR",), "SeriesDescription": ("ax T2 FLAIR",)}))
('axial', 'FLAIR')

Contract: a classifier is immutable and depends on its texts only; the types of a series depend on nothing but the
classifier and the attributes of the series; a value that makes no sense makes a rule unknown, and raises nothing. What
a series says of its own ClassifyTypes does not count. `RulesError` is the only exception that a text can cause.
"""

from __future__ import annotations

from select_lang.classification.classifier import Classifier, shipped_rules
from select_lang.classification.entries import Reason
from select_lang.classification.errors import RuleFault, RulesError

__all__ = ["Classifier", "Reason", "RuleFault", "RulesError", "shipped_rules"]
