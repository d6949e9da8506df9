"""A loan's statement on paper: A4, as many pages as it takes, the heading of the table on each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Spacer, Table, TableStyle

INK, SOFT, RULE, BAND = (colors.HexColor(code) for code in ("#1d2733", "#5b6775", "#c9d1d9", "#f3f6f9"))
MARGIN = 18 * mm
WIDTH = A4[0] - 2 * MARGIN
_COLUMNS = [width * mm for width in (20, 50, 21, 19, 21, 21, 22)]
_HEADINGS = ("Date", "Transaction", "Principal", "Interest", "Fees", "Amount", "Balance")
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=8.5, leading=11, textColor=INK)
NUMBER = ParagraphStyle("number", BODY, alignment=TA_RIGHT)
STRONG = ParagraphStyle("strong", NUMBER, fontName="Helvetica-Bold")
SMALL = ParagraphStyle("small", BODY, fontSize=7.5, leading=10, textColor=SOFT)
TITLE = ParagraphStyle("title", BODY, fontName="Helvetica-Bold", fontSize=18, leading=22)


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One line as it is printed: amounts are text already."""

    on: date
    description: str
    principal: str
    interest: str
    charges: str
    amount: str
    balance: str
    is_reversed: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """What is printed. `facts` are the pairs in the box above the table."""

    lender: str
    title: str
    period: str
    facts: Sequence[tuple[str, str]]
    opening: str
    closing: str
    rows: Sequence[PaperRow]
    note: str


def printed(paper: Paper) -> bytes:
    """The statement as a PDF. The same statement gives the same bytes."""
    out = BytesIO()
    document = BaseDocTemplate(out, pagesize=A4, title=paper.title, author=paper.lender, invariant=1)
    frame = Frame(MARGIN, 20 * mm, WIDTH, A4[1] - 38 * mm, id="page", leftPadding=0, rightPadding=0)
    document.addPageTemplates([PageTemplate("page", [frame], onPage=_footer(paper))])
    document.build(_story(paper))
    return out.getvalue()


def _story(paper: Paper) -> list[Flowable]:
    return [
        Paragraph(escape(paper.lender), SMALL),
        Paragraph(escape(paper.title), TITLE),
        Paragraph(escape(paper.period), BODY),
        Spacer(0, 5 * mm),
        facts_box(paper.facts),
        Spacer(0, 6 * mm),
        _lines(paper),
        Spacer(0, 4 * mm),
        Paragraph(escape(paper.note), SMALL),
    ]


def facts_box(facts: Sequence[tuple[str, str]]) -> Table:
    """The pairs, three to a row."""
    cells = [Paragraph(f'<font color="#5b6775">{escape(n)}</font><br/>{escape(v)}', BODY) for n, v in facts]
    rows = [[*cells[i : i + 3], *[""] * (3 - len(cells[i : i + 3]))] for i in range(0, len(cells), 3)]
    style = [("BACKGROUND", (0, 0), (-1, -1), BAND), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    padding = [(f"{side}PADDING", (0, 0), (-1, -1), 6) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    return Table(rows, colWidths=[WIDTH / 3] * 3, style=TableStyle([*style, *padding]))


def _lines(paper: Paper) -> Table:
    heading = [Paragraph(f"<b>{name}</b>", BODY if place < 2 else NUMBER) for place, name in enumerate(_HEADINGS)]  # noqa: PLR2004 - the first two columns are words
    opening, closing = _balance("Opening balance", paper.opening), _balance("Closing balance", paper.closing)
    rows: list[list[Any]] = [heading, opening, *(_row(row) for row in paper.rows), closing]
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


def _row(row: PaperRow) -> list[Flowable]:
    words = f"<strike>{escape(row.description)}</strike> (reversed)" if row.is_reversed else escape(row.description)
    numbers = (row.principal, row.interest, row.charges, row.amount, row.balance)
    return [
        Paragraph(row.on.isoformat(), BODY),
        Paragraph(words, BODY),
        *(Paragraph(number, NUMBER) for number in numbers),
    ]


def _balance(name: str, amount: str) -> list[Flowable | str]:
    return ["", Paragraph(f"<b>{name}</b>", BODY), "", "", "", "", Paragraph(amount, STRONG)]


class _Footer:
    """The foot of each page."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper

    def __call__(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(SOFT)
        canvas.drawString(MARGIN, 12 * mm, f"{self._paper.lender} · {self._paper.title}")
        canvas.drawRightString(A4[0] - MARGIN, 12 * mm, f"Page {document.page}")


def _footer(paper: Paper) -> _Footer:
    return _Footer(paper)
