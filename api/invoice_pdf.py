"""An invoice on paper: A4, who owes whom, the lines, and what has become of the total."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Spacer, Table, TableStyle

from api.statement_pdf import BODY, INK, MARGIN, NUMBER, RULE, SMALL, SOFT, STRONG, TITLE, WIDTH, facts_box

_COLUMNS = [width * mm for width in (74, 24, 36, 40)]
_HEADINGS = ("Item", "Quantity", "Price", "Amount")


@dataclass(frozen=True, slots=True)
class InvoicePaper:
    """What is printed; amounts are text already. `sums` stand below the lines, the last of them in bold."""

    issuer: str
    title: str
    period: str
    facts: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, str, str, str]]
    sums: Sequence[tuple[str, str]]
    note: str


def printed_invoice(paper: InvoicePaper) -> bytes:
    """The invoice as a PDF. The same invoice gives the same bytes."""
    out = BytesIO()
    document = BaseDocTemplate(out, pagesize=A4, title=paper.title, author=paper.issuer, invariant=1)
    frame = Frame(MARGIN, 20 * mm, WIDTH, A4[1] - 38 * mm, id="page", leftPadding=0, rightPadding=0)

    def foot(canvas: Canvas, page: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(SOFT)
        canvas.drawString(MARGIN, 12 * mm, f"{paper.issuer} · {paper.title}")
        canvas.drawRightString(A4[0] - MARGIN, 12 * mm, f"Page {page.page}")

    document.addPageTemplates([PageTemplate("page", [frame], onPage=foot)])
    document.build(_story(paper))
    return out.getvalue()


def _story(paper: InvoicePaper) -> list[Flowable]:
    return [
        Paragraph(escape(paper.issuer), SMALL),
        Paragraph(escape(paper.title), TITLE),
        Paragraph(escape(paper.period), BODY),
        Spacer(0, 5 * mm),
        facts_box(paper.facts),
        Spacer(0, 6 * mm),
        _lines(paper),
        Spacer(0, 4 * mm),
        Paragraph(escape(paper.note), SMALL),
    ]


def _lines(paper: InvoicePaper) -> Table:
    heading = [Paragraph(f"<b>{name}</b>", BODY if place == 0 else NUMBER) for place, name in enumerate(_HEADINGS)]
    rows: list[list[Any]] = [heading]
    rows += [
        [Paragraph(escape(words), BODY), *(Paragraph(n, NUMBER) for n in numbers)] for words, *numbers in paper.rows
    ]
    rows += [[Paragraph(escape(name), BODY), "", "", Paragraph(amount, NUMBER)] for name, amount in paper.sums[:-1]]
    name, amount = paper.sums[-1]
    rows.append([Paragraph(f"<b>{escape(name)}</b>", BODY), "", "", Paragraph(amount, STRONG)])
    style = TableStyle(
        [
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
            ("LINEBELOW", (0, 1), (-1, -2), 0.3, RULE),
            ("LINEABOVE", (0, -1), (-1, -1), 0.8, INK),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    return Table(rows, colWidths=_COLUMNS, style=style, repeatRows=1)
