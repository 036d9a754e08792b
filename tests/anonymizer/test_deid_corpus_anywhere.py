"""A name that the object knows does not come out, whatever attribute, VR, depth and encoding somebody wrote it in."""

from __future__ import annotations

import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
from planted import minimal, part10
from pydicom.datadict import DicomDictionary

from anonymizer import DeidentificationError, IdentifiedInstance, Option, Profile, ProjectKey, deidentify
from anonymizer.table import vr_of
from anonymizer.values import number_size
from anonymizer.wire import Element, Encoding, Items, read, write
from benchmarks.phi import Haystack

KEY = ProjectKey(b"a key for these tests only")
EXPLICIT, IMPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".2", ".1.99"))
ENCODINGS = {
    EXPLICIT: Encoding(implicit=False, little=True),
    IMPLICIT: Encoding(implicit=True, little=True),
    BIG: Encoding(implicit=False, little=False),
    DEFLATED: Encoding(implicit=False, little=True),
}
# What says whose the object is, which, and how it is encoded, stays what `minimal` says.
OWN = {
    0x00080005,
    0x00080016,
    0x00080018,
    0x0020000D,
    0x0020000E,
    0x00100010,
    0x00100020,
    0x7FE00008,
    0x7FE00009,
}
# Binary numbers hold no words by construction; whatever else may.
TAGS = st.one_of(
    st.sampled_from(sorted(tag for tag in DicomDictionary if tag >> 16 > 0x0006)),
    st.integers(0x00080000, 0xFFFBFFFF),
).filter(
    lambda tag: tag not in OWN and tag >> 16 != 0x7FE0 and not any(map(number_size, vr_of(tag).split(" or ")))
)
VRS = st.sampled_from("AE AS CS DA DS DT IS LO LT OB OW PN SH ST TM UC UI UN UR UT".split())  # noqa: SIM905
NAMES = st.text("bdfgjkqvwxz", min_size=6, max_size=10).map(lambda word: f"q{word}")
FORMS = st.sampled_from(["{}", "T2 {} AX", "{}^A", "x_{}_1", "tel {}, B", "{}3", "  {}  ", "1.2.{}", "0{}"])
WRAPPERS = (0x00081115, 0x00089124, 0x0040A170, 0x00091001)
OPTIONS = st.sets(
    st.sampled_from([o for o in Option if o is not Option.CLEAN_PIXEL_DATA and "dates" not in o])
)
PLAIN = part10(minimal())
BASE = {e.tag: e for e in read(PLAIN[PLAIN.index(b"\x08\x00\x16\x00UI") :], ENCODINGS[EXPLICIT])}
UID_OF_INSTANCE = bytes(BASE[0x00080018].value).decode().strip("\0")


@settings(max_examples=400, deadline=None)
@given(
    name=NAMES,
    tag=TAGS,
    vr=VRS,
    form=FORMS,
    case=st.sampled_from([str.upper, str.lower, str.title]),
    wrappers=st.lists(st.sampled_from(WRAPPERS), max_size=3),
    syntax=st.sampled_from(list(ENCODINGS)),
    options=OPTIONS,
)
def test_a_name_written_anywhere_does_not_come_out(
    name, tag, vr, form, case, wrappers, syntax, options
) -> None:
    value = form.format(case(name)).encode()
    items: Items = ((Element(tag, vr, value + b" " * (len(value) % 2)),),)
    for wrapper in wrappers:
        items = ((Element(wrapper, "SQ", items=items),),)
    person = Element(0x00100010, "PN", f"{name}^given".encode() + b" " * (len(name) % 2))
    elements = BASE | {0x00100010: person} | {element.tag: element for element in items[0]}
    data = b"".join(write([elements[tag] for tag in sorted(elements)], ENCODINGS[syntax]))
    if syntax == DEFLATED:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = packer.compress(data) + packer.flush()
    try:
        instance = IdentifiedInstance.from_dataset_bytes(data, minimal().SOPClassUID, UID_OF_INSTANCE, syntax)
        out = deidentify(instance, Profile.of(options=options), KEY)[0].to_part10()
    except DeidentificationError:
        return
    assert Haystack(out).count(name) == 0
