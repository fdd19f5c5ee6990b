from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_twin.trulience import tag

WRITABLE = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters=[*map(chr, [*range(9), 11, 12, *range(14, 32)]), "\ufffe", "\uffff"],
    )
)


def test_builds_the_documented_break():
    assert tag("break", duration="1.0") == '<trl-break duration="1.0" />'


def test_takes_the_prefix_as_given():
    assert tag("trl-break", duration=1.5) == '<trl-break duration="1.5" />'


def test_custom_tags_carry_json():
    assert tag("custom-show", json={"url": "https://x/?a=1&b=2", "n": [1, True]}) == (
        """<trl-custom-show json='{"url":"https://x/?a=1&amp;b=2","n":[1,true]}' />"""
    )


def test_writes_other_kinds_of_values():
    assert tag("x", on=True, off=False, count=3, nothing=None) == '<trl-x on="true" off="false" count="3" />'
    assert tag("x", **{"data-id": 1, "data_id": 2}) == '<trl-x data-id="1" data_id="2" />'
    assert tag("x") == "<trl-x />"


@pytest.mark.parametrize("name", ["", "trl-", "Break", "a b", "a>b", "1a", "a--b", "-a", "a-", "ä", "a\n"])
def test_refuses_names_no_tag_has(name):
    with pytest.raises(ValueError, match="tag's name"):
        tag(name)


@pytest.mark.parametrize("name", ["", "a b", "a=b", 'a"', "1a", "-a", "ä", "a\n"])
def test_refuses_names_no_attribute_has(name):
    with pytest.raises(ValueError, match="attribute's name"):
        tag("x", **{name: "v"})


def test_numbers_json_does_not_know_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        tag("x", duration=float("nan"))


def test_characters_xml_does_not_know_are_replaced():
    assert tag("x", a="a\x00b\ud800c") == '<trl-x a="a\ufffdb\ufffdc" />'


@given(WRITABLE)
def test_every_text_comes_out_of_xml_as_it_went_in(text):
    element = ElementTree.fromstring(tag("x", a=text, json={"t": text}))
    assert element.attrib["a"] == text


@given(st.text())
def test_no_value_breaks_out_of_its_attribute(text):
    element = ElementTree.fromstring(f"<speech>{tag('x', a=text)}</speech>")
    assert [child.tag for child in element] == ["trl-x"]
    assert list(element[0].attrib) == ["a"]
