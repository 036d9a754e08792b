"""The data dictionary that the language reads without pydicom is pydicom's, entry by entry."""

import subprocess
import sys

from pydicom.datadict import dictionary_keyword, dictionary_VR, keyword_dict

from select_lang import dictionary


def test_every_keyword_of_pydicom_has_its_tag_and_representation() -> None:
    known = {keyword: tag for keyword, tag in keyword_dict.items() if keyword}

    assert dictionary.keywords() == known
    assert {keyword: dictionary.vr_of(keyword) for keyword in known} == {
        keyword: dictionary_VR(tag) for keyword, tag in known.items()
    }
    assert {tag: dictionary.keyword_of(tag) for tag in known.values()} == {
        tag: dictionary_keyword(tag) for tag in known.values()
    }


def test_what_is_not_there_has_no_keyword_and_no_representation() -> None:
    assert dictionary.keyword_of(0x00091001) == ""
    assert dictionary.vr_of("ClassifyTypes") == ""


def test_evaluating_a_statement_loads_neither_pydicom_nor_numpy() -> None:
    asked = (
        "import select_lang, sys;"
        "statement = select_lang.read('select study where series named CT has SliceThickness < 2');"
        "series = select_lang.Series('1.2.3', '1.2', 'P1', {'SliceThickness': ('1.5',)});"
        "print(len(select_lang.evaluate(statement, [series])), {'numpy', 'pydicom'} & {*sys.modules})"
    )

    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert told.stdout == "1 set()\n"
