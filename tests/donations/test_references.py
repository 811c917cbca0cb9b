from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from donations.references import (
    ALPHABET,
    LENGTH,
    WHOLE,
    find_references,
    format_reference,
    near,
    new_reference,
    with_check_digits,
)

references = st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH).map(with_check_digits)
# What people and banks put around and between: no letter or digit that could lengthen the reference.
gaps = st.sampled_from(["", " ", "  ", "-", ".", "/", "\n", "\u00a0", ": "])
words = st.text(alphabet="abc äöñ€!?", max_size=20)


def test_new_reference_is_valid_and_unambiguous() -> None:
    made = {new_reference() for _i in range(500)}

    assert len(made) == 500
    assert all(iso11649.is_valid(reference) for reference in made)
    assert {len(reference) for reference in made} == {WHOLE} == {16}
    assert {letter for reference in made for letter in reference[4:]} == set(ALPHABET)
    assert not set(ALPHABET) & set("0123456789OILSZBUVAE")


def test_format_reference_has_groups_of_four() -> None:
    assert format_reference("RF89CDFGHJKMNPQR") == "RF89 CDFG HJKM NPQR"


@given(references, st.lists(gaps, min_size=16, max_size=16), words, words, st.booleans())
def test_find_references_whatever_the_bank_does_to_them(
    reference: str, between: list[str], before: str, after: str, is_lower: bool
) -> None:
    written = "".join(c + gap for c, gap in zip(reference, between, strict=True))
    text = f"{before} {written.lower() if is_lower else written}{after}"

    assert find_references(text) == [reference]


@given(references, references)
def test_find_references_finds_several_once_each(one: str, other: str) -> None:
    assert find_references(f"{one} and {format_reference(other)}, {one}") == list(
        dict.fromkeys([one, other])
    )


@given(st.text())
def test_find_references_never_fails(text: str) -> None:
    assert all(iso11649.is_valid(found) for found in find_references(text))


@given(references, st.integers(0, 15), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_find_references_refuses_a_changed_character(reference: str, at: int, wrong: str) -> None:
    changed = reference[:at] + wrong + reference[at + 1 :]

    assert find_references(changed) == ([reference] if changed == reference else [])
    assert near(reference, f"gift {format_reference(changed)} thanks")


@given(references, st.integers(0, 14), st.sampled_from(["missing", "doubled", "swapped"]), words)
def test_near_forgives_one_slip(reference: str, at: int, slip: str, around: str) -> None:
    written = {
        "missing": reference[:at] + reference[at + 1 :],
        "doubled": reference[: at + 1] + reference[at:],
        "swapped": reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :],
    }[slip]

    assert near(reference, f"{around} {written} {around}")


@given(references, st.sampled_from([(0, 9), (3, 7), (5, 14), (2, 12)]))
def test_near_does_not_forgive_two_slips(reference: str, places: tuple[int, int]) -> None:
    written = list(reference)
    for at in places:
        # These stand in no reference, so neither is right by chance.
        written[at] = "S" if written[at] != "S" else "Z"

    assert not near(reference, "".join(written))


@given(references, references)
def test_near_does_not_take_one_reference_for_another(one: str, other: str) -> None:
    assert near(one, other) == (one == other)
