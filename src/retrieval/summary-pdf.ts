/** The summary of an extract as PDF, in the fonts that every reader has. */
import PDFDocument from 'pdfkit'
import { buffer } from 'node:stream/consumers'
import type { Block } from './summary.js'

// What the standard fonts can show (WinAnsi).
const OTHER = /[^\x20-\x7e\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]/gu
const NOTE = 'I caratteri che questo documento non può mostrare sono sostituiti da «?»: riepilogo.txt li riporta.'

interface Style {
  readonly font: string
  readonly size: number
  /** Points above the block. */
  readonly gap: number
}

const STYLES: Readonly<Record<Block['style'], Style>> = {
  title: { font: 'Helvetica-Bold', size: 15, gap: 0 },
  heading: { font: 'Helvetica-Bold', size: 11, gap: 12 },
  text: { font: 'Helvetica', size: 9, gap: 4 },
  event: { font: 'Helvetica-Bold', size: 9, gap: 6 },
}

const MARGIN = 50
const FOOT_SIZE = 8
/** Points: a heading stands on the page of what follows it. */
const KEPT_TOGETHER = 50

/** A PDF of A4 pages, each with its number and theirs, the same for the same blocks and time. */
export async function pdfOf(blocks: readonly Block[], at: Date): Promise<Buffer> {
  const title = blocks[0]?.lines[0] ?? ''
  const document = new PDFDocument({
    size: 'A4',
    margin: MARGIN,
    bufferPages: true,
    lang: 'it-IT',
    info: { Title: title, CreationDate: at, ModDate: at },
  })
  const written = buffer(document)
  const isWhole = blocks.every(({ lines }) => lines.every((line) => shownAs(line) === line))
  for (const block of isWhole ? blocks : [...blocks, { style: 'text', lines: [NOTE] } as const]) write(document, block)
  numberPages(document, title)
  document.end()
  return written
}

function write(document: PDFKit.PDFDocument, { style, lines }: Block): void {
  const { font, size, gap } = STYLES[style]
  const [first = '', ...others] = lines
  const { left } = document.page.margins
  const end = document.page.height - document.page.margins.bottom
  if (style !== 'text' && document.y + gap + KEPT_TOGETHER > end) document.addPage()
  else document.y += gap
  document.font(font).fontSize(size).text(shownAs(first), left)
  document.font('Helvetica').fontSize(style === 'event' ? 8 : size)
  for (const line of others) document.text(shownAs(line), style === 'event' ? left + 12 : left)
}

/** Sheets that are printed and come apart must tell where they belong, and whether all are there. */
function numberPages(document: PDFKit.PDFDocument, title: string): void {
  const { count } = document.bufferedPageRange()
  for (let index = 0; index < count; index++) {
    document.switchToPage(index)
    // Below the margin, where a text would begin another page.
    document.page.margins.bottom = 0
    document.font('Helvetica').fontSize(FOOT_SIZE)
    document.text(`${title} - pagina ${index + 1} di ${count}`, MARGIN, document.page.height - MARGIN / 2 - FOOT_SIZE, {
      ...{ align: 'center', lineBreak: false, width: document.page.width - 2 * MARGIN },
    })
  }
}

function shownAs(line: string): string {
  return line.replace(OTHER, '?')
}
