from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from donations.references import ALPHABET, find_references, format_reference, new_reference


def test_new_reference_is_valid_by_the_standard():
    references = {new_reference() for _i in range(500)}

    assert len(references) == 500
    assert all(iso11649.is_valid(reference) for reference in references)


def test_format_reference_groups_by_four():
    assert format_reference("RF60TARM7KN7H4") == "RF60 TARM 7KN7 H4"


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["", " ", "-", "."]))
def test_reference_is_found_however_a_bank_writes_it(before, after, gap):
    reference = new_reference()
    written = gap.join(reference[i : i + 4] for i in range(0, len(reference), 4)).lower()

    assert reference in find_references(f"{before} {written} {after}")


@given(st.integers(min_value=2, max_value=13), st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_no_reference_of_ours(place, letter):
    reference = new_reference()
    mistyped = reference[:place] + letter + reference[place + 1 :]

    assert find_references(mistyped) == ([reference] if mistyped == reference else [])
