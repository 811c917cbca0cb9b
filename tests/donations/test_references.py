from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from donations.references import (
    ALPHABET,
    LENGTH,
    WHOLE,
    Slip,
    SlipKind,
    find_references,
    format_reference,
    new_reference,
    slips,
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
    assert changed == reference or repaired(reference, f"gift {format_reference(changed)} thanks")


def repaired(reference: str, text: str) -> SlipKind | None:
    return next((slip.kind for slip in slips(text) if slip.reference == reference), None)


@given(references, st.integers(0, 15), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_slips_undoes_a_wrong_character(reference: str, at: int, wrong: str) -> None:
    changed = reference[:at] + wrong + reference[at + 1 :]

    assert changed == reference or repaired(reference, changed) == SlipKind.WRONG


@given(references, st.integers(0, 14), words)
def test_slips_undoes_two_neighbours_swapped(reference: str, at: int, around: str) -> None:
    swapped = reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]

    assert swapped == reference or repaired(reference, f"{around} {swapped} {around}")


@given(references, st.integers(0, 15), words)
def test_slips_undoes_a_character_left_out(reference: str, at: int, around: str) -> None:
    shorter = f"{around} {reference[:at]}{reference[at + 1 :]} {around}"

    # What stands around may complete it by chance.
    assert reference in find_references(shorter) or repaired(reference, shorter)


@given(
    references, st.integers(1, 15), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), words
)
def test_slips_undoes_a_character_too_many(reference: str, at: int, more: str, around: str) -> None:
    longer = f"{around} {reference[:at]}{more}{reference[at:]} {around}"

    assert reference in find_references(longer) or repaired(reference, longer)


def test_slips_says_what_was_written() -> None:
    reference = with_check_digits("CDFGHJKMNPQR")
    written = reference.replace("K", "X")

    assert Slip(reference, written, SlipKind.WRONG) in slips(f"Donación {written.lower()}, gracias")


@given(references, st.sampled_from([(0, 9), (3, 7), (5, 14), (2, 12)]))
def test_slips_does_not_undo_two(reference: str, places: tuple[int, int]) -> None:
    written = list(reference)
    for at in places:
        # These stand in no reference, so neither is right by chance.
        written[at] = "S" if written[at] != "S" else "Z"

    assert not repaired(reference, "".join(written))


@given(references)
def test_slips_leaves_a_right_reference_alone(reference: str) -> None:
    assert reference not in {slip.reference for slip in slips(f"{reference} {reference}")}


@given(references)
def test_slips_are_few_and_valid(reference: str) -> None:
    wrong = reference[:-1] + ("C" if reference[-1] != "C" else "D")

    found = [slip.reference for slip in slips(wrong)]

    assert len(found) < 40
    assert all(iso11649.is_valid(each) for each in found)


@given(st.text(max_size=400))
def test_slips_never_fails(text: str) -> None:
    assert all(iso11649.is_valid(slip.reference) for slip in slips(text))
