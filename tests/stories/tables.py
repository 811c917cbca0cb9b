"""The figures of a page by the row and the column they stand in, so that a test says where a figure is read."""

from html.parser import HTMLParser


class Tables(HTMLParser):
    """`rows`: of every table each row, as (what heads it, its other cells by the heading of their column or by number)."""

    def __init__(self, page):
        super().__init__()
        self.rows, self._columns, self._row, self._cell = [], (), [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self._columns = ()
        elif tag == "tr":
            self._row = []
        elif tag in {"th", "td"}:
            self._cell = ""

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data

    def handle_endtag(self, tag):
        if tag in {"th", "td"}:
            self._row.append(" ".join(self._cell.split()))
            self._cell = None
        elif tag == "tr":
            head, *cells = self._row
            columns = self._columns or range(len(cells))
            self.rows.append((head, dict(zip(columns, cells, strict=True))))
        elif tag == "thead":
            self._columns = self._row[1:]


def row_of(page, head):
    """The cells of the one row headed so."""
    [cells] = [cells for row, cells in Tables(page).rows if row == head]
    return cells
