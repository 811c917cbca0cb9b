"""The parts of a page, so that a test says where it reads a figure and not merely that it is somewhere."""

from lxml import html


def _words(element):
    return " ".join(element.text_content().split())


def texts_of(page, name):
    """What stands in each element of the class `name`."""
    found = html.fromstring(page).xpath(
        "//*[contains(concat(' ', normalize-space(@class), ' '), concat(' ', $name, ' '))]",
        name=name,
    )
    return [_words(element) for element in found]


def row_of(page, head):
    """The other cells of the one table row headed so, by the heading of their column, or by number where there is none."""
    found = {}
    for table in html.fromstring(page).xpath("//table"):
        columns = [_words(cell) for cell in table.xpath("./thead//th")]
        for row in table.xpath("./tbody/tr | ./tr"):
            first, *cells = [_words(cell) for cell in row.xpath("./th | ./td")]
            found.setdefault(first, []).append(
                dict(zip(columns[1:] or range(len(cells)), cells, strict=True))
            )
    [cells] = found[head]
    return cells


def fact_of(page, term):
    """What a list of facts says of `term`."""
    [text] = [
        _words(fact)
        for fact in html.fromstring(page).xpath(
            "//dt[normalize-space()=$term]/following-sibling::dd[1]", term=term
        )
    ]
    return text
