/**
 * A small XML document as a tree, read from untrusted bytes: bounded, without entities, and with nothing fetched.
 */
import { SaxesParser } from 'saxes'

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  /** Its own character data, without its children's. */
  readonly text: string
  readonly children: readonly Element[]
}

export interface XmlLimits {
  readonly depth: number
  /** Of each: elements, and attributes of all of them. */
  readonly elements: number
  /** Characters of one element's text, and of one attribute. */
  readonly text: number
}

/** Why a document is not read. Stays inside this module's readers, which make a verdict of it. */
export class XmlFault extends Error {}

interface Growing extends Element {
  text: string
  readonly children: Growing[]
}

/**
 * The root element. A DOCTYPE is tolerated and ignored, unless it declares entities; the encoding is UTF-8 or ISO-8859-1.
 * Throws XmlFault if the bytes are not well-formed XML within the limits.
 */
export function readXml(bytes: Buffer, limits: XmlLimits): Element {
  const parser = new SaxesParser()
  // Own names only: saxes would find `constructor` among the entities.
  parser.ENTITIES = Object.assign(Object.create(null) as Record<string, string>, {
    amp: '&',
    gt: '>',
    lt: '<',
    quot: '"',
    apos: "'",
  })
  const open: Growing[] = []
  let root: Growing | undefined
  let elements = 0
  let attributes = 0

  const addText = (text: string): void => {
    const inside = open.at(-1)
    if (inside === undefined) return
    inside.text += text
    if (inside.text.length > limits.text) throw new XmlFault(`${inside.name} is longer than ${limits.text} characters`)
  }

  parser.on('error', (error) => {
    throw new XmlFault(`not well-formed: ${error.message}`)
  })
  parser.on('doctype', (doctype) => {
    if (doctype.includes('<!ENTITY')) throw new XmlFault('entities are declared')
  })
  // An element with a hundred thousand of them would keep everyone waiting before it is told of.
  parser.on('attribute', () => {
    if (++attributes > limits.elements) throw new XmlFault(`more than ${limits.elements} attributes`)
  })
  parser.on('opentag', (tag) => {
    if (++elements > limits.elements) throw new XmlFault(`more than ${limits.elements} elements`)
    if (open.length >= limits.depth) throw new XmlFault(`nested deeper than ${limits.depth}`)
    if (Object.values(tag.attributes).some((value) => value.length > limits.text)) throw new XmlFault('an attribute is too long')
    const element: Growing = { name: tag.name, attributes: tag.attributes, text: '', children: [] }
    open.at(-1)?.children.push(element)
    root ??= element
    open.push(element)
  })
  parser.on('closetag', () => open.pop())
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.write(characters(bytes)).close()
  if (root === undefined) throw new XmlFault('no element')
  return root
}

function characters(bytes: Buffer): string {
  const declaration = /^\s{0,100}<\?xml[^>]{0,200}?\sencoding\s{0,10}=\s{0,10}["']([A-Za-z0-9._-]{1,40})["']/.exec(
    bytes.toString('latin1', 0, 400),
  )
  const encoding = declaration?.[1]?.toLowerCase() ?? 'utf-8'
  // Spaces before the declaration are an error to XML, not to us.
  if (encoding === 'iso-8859-1' || encoding === 'latin1') return bytes.toString('latin1').trimStart()
  if (encoding !== 'utf-8' && encoding !== 'utf8' && encoding !== 'us-ascii') throw new XmlFault(`encoded in ${encoding}`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).trimStart()
  } catch {
    throw new XmlFault('not UTF-8')
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }

/** Text for an element or an attribute. The characters themselves must be allowed in XML 1.0. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
}
