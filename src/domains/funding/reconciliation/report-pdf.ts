/**
 * A report as PDF: A4 across, with the fonts every reader has. Nothing in it depends on when or where it is
 * made, so that the same report has the same bytes.
 */
import PDFDocument from 'pdfkit';
import type { ReportContent, ReportTable } from './report-content.ts';

const MARGIN = 36;
const FONT = 'Helvetica';
const BOLD = 'Helvetica-Bold';
const BODY_SIZE = 7;
const ROW_GAP = 3;

/** @units createdAt: what the document says of itself; a fact of the run, never the clock */
export async function reportPdf(content: ReportContent, createdAt: Date): Promise<Uint8Array> {
  const document = new PDFDocument({
    bufferPages: content.isPaged,
    size: 'A4',
    layout: 'landscape',
    margin: MARGIN,
    compress: false,
    info: {
      Title: printable(content.title),
      CreationDate: createdAt,
      ModDate: createdAt,
      Producer: 'Plimsoll',
      Creator: 'Plimsoll',
    },
  });
  const chunks: Uint8Array[] = [];
  document.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  const ended = new Promise<void>((resolve) => document.on('end', () => resolve()));
  document.font(BOLD).fontSize(15).text(printable(content.title));
  document.moveDown(0.5);
  for (const [name, value] of content.facts) {
    document
      .font(BOLD)
      .fontSize(8)
      .text(`${printable(name)}: `, { continued: true });
    document.font(FONT).text(printable(value));
  }
  for (const table of content.tables) {
    drawTable(document, table, content.isPaged);
  }
  if (content.isPaged) {
    numberPages(document, content);
  }
  document.end();
  await ended;
  return new Uint8Array(Buffer.concat(chunks));
}

/** A page that was taken out of its report is known by its foot, and one that is missing by the count. */
function numberPages(document: PDFKit.PDFDocument, { title, facts }: ReportContent): void {
  const run = facts.find(([name]) => name === 'Run')?.[1] ?? '';
  const { start, count } = document.bufferedPageRange();
  for (let page = start; page < start + count; page += 1) {
    document.switchToPage(page);
    // Below the margin a text would begin a page of its own.
    document.page.margins.bottom = 0;
    const foot = printable(`${title}, run ${run}, page ${page - start + 1} of ${count}`);
    document
      .font(FONT)
      .fontSize(BODY_SIZE)
      .text(foot, MARGIN, document.page.height - MARGIN + 10, {
        lineBreak: false,
      });
  }
}

function drawTable(document: PDFKit.PDFDocument, table: ReportTable, isPaged: boolean): void {
  document.moveDown(1);
  breakPage(document, 40);
  document.font(BOLD).fontSize(10).text(printable(table.title), MARGIN, document.y);
  document.moveDown(0.3);
  if (table.rows.length === 0) {
    document.font(FONT).fontSize(BODY_SIZE).text('none', MARGIN, document.y);
    return;
  }
  const widths = widthsOf(document, table);
  drawRow(document, BOLD, table.columns, widths);
  for (const row of table.rows) {
    drawRow(document, FONT, row, widths, isPaged ? table.columns : undefined);
  }
}

function drawRow(
  document: PDFKit.PDFDocument,
  font: string,
  cells: readonly string[],
  widths: readonly number[],
  head?: readonly string[],
): void {
  document.font(font).fontSize(BODY_SIZE);
  const texts = cells.map(printable);
  const heights = texts.map((text, at) => document.heightOfString(text, { width: (widths[at] ?? 0) - 4 }));
  const height = Math.max(BODY_SIZE, ...heights);
  if (breakPage(document, height) && head !== undefined) {
    drawRow(document, BOLD, head, widths);
    document.font(font);
  }
  const top = document.y;
  let left = MARGIN;
  for (const [at, text] of texts.entries()) {
    document.text(text, left, top, { width: (widths[at] ?? 0) - 4 });
    left += widths[at] ?? 0;
  }
  document.x = MARGIN;
  document.y = top + height + ROW_GAP;
}

function breakPage(document: PDFKit.PDFDocument, height: number): boolean {
  const isFull = document.y + height > document.page.height - MARGIN;
  if (isFull) {
    document.addPage();
  }
  return isFull;
}

/** Wide columns get more, none so little that a word cannot stand in it. */
function widthsOf(document: PDFKit.PDFDocument, table: ReportTable): readonly number[] {
  const room = document.page.width - 2 * MARGIN;
  const longest = table.columns.map((column, at) =>
    Math.min(45, Math.max(column.length, 6, ...table.rows.slice(0, 200).map((row) => row[at]?.length ?? 0))),
  );
  const sum = longest.reduce((total, each) => total + each, 0);
  return longest.map((each) => (each / sum) * room);
}

/** The built-in fonts know Latin letters alone; what they cannot write is shown as a question mark. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\u00ff\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u20ac]/gu, '?');
}
