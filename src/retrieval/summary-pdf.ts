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

/** A PDF of A4 pages, the same for the same blocks and time. */
export async function pdfOf(blocks: readonly Block[], at: Date): Promise<Buffer> {
  const document = new PDFDocument({
    size: 'A4',
    margin: 50,
    info: { Title: blocks[0]?.lines[0] ?? '', CreationDate: at, ModDate: at },
  })
  const written = buffer(document)
  const isWhole = blocks.every(({ lines }) => lines.every((line) => shownAs(line) === line))
  for (const block of isWhole ? blocks : [...blocks, { style: 'text', lines: [NOTE] } as const]) write(document, block)
  document.end()
  return written
}

function write(document: PDFKit.PDFDocument, { style, lines }: Block): void {
  const { font, size, gap } = STYLES[style]
  const [first = '', ...others] = lines
  const { left } = document.page.margins
  document.y += gap
  document.font(font).fontSize(size).text(shownAs(first), left)
  document.font('Helvetica').fontSize(style === 'event' ? 8 : size)
  for (const line of others) document.text(shownAs(line), style === 'event' ? left + 12 : left)
}

function shownAs(line: string): string {
  return line.replace(OTHER, '?')
}
