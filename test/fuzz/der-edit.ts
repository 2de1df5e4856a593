/** Changes to one element of a DER value, the lengths of those around it made right again (or, where that is the point, wrong). */

export interface DerEdit {
  /** Which element, in 1/65536 of all there are. */
  readonly element: number
  readonly change:
    'drop' | 'twice' | 'swap' | 'empty' | 'tag' | 'content' | 'wrap' | 'indefinite' | 'longLength' | 'wrongLength' | 'deep'
  readonly value: number
}

interface Node {
  readonly tag: number
  /** Elements within; undefined for contents that are none. */
  readonly children: Node[] | undefined
  readonly content: Buffer
}

const MAX_DEPTH = 40
/** Levels that `deep` adds, times the value. */
const DEEP = 40

/** The value with one change; as it is if it cannot be taken apart. */
export function editDer(bytes: Buffer, { element, change, value }: DerEdit): Buffer {
  const roots = parse(bytes, 0)
  if (roots === undefined) return bytes
  const count = roots.reduce((sum, node) => sum + size(node), 0)
  const wanted = Math.floor((element * count) / 65_536)
  let at = -1
  const write = (nodes: readonly Node[]): Buffer => {
    const pieces: Buffer[] = []
    for (const [position, node] of nodes.entries()) {
      at += 1
      if (at !== wanted) {
        pieces.push(node.children === undefined ? encoded(node.tag, node.content) : encoded(node.tag, write(node.children)))
        continue
      }
      // Those below it are not visited, so they do not count either.
      pieces.push(changed(node, nodes[(position + 1 + value) % nodes.length] ?? node, change, value))
    }
    return Buffer.concat(pieces)
  }
  return write(roots)
}

function changed(node: Node, sibling: Node, change: DerEdit['change'], value: number): Buffer {
  const whole = encoded(node.tag, node.content)
  switch (change) {
    case 'drop':
      return Buffer.alloc(0)
    case 'twice':
      return Buffer.concat([whole, whole])
    case 'swap':
      return encoded(sibling.tag, sibling.content)
    case 'empty':
      return encoded(node.tag, Buffer.alloc(0))
    case 'tag':
      return encoded(value, node.content)
    case 'content':
      return encoded(
        node.tag,
        Buffer.from(node.content.map((byte, at) => (at === value % node.content.length ? byte ^ (value | 1) : byte))),
      )
    case 'wrap':
      return encoded(value, whole)
    case 'indefinite':
      return Buffer.concat([Buffer.of(node.tag | 0x20, 0x80), node.content, Buffer.of(0, 0)])
    case 'longLength':
      return Buffer.concat([Buffer.of(node.tag, 0x84), length32(node.content.length), node.content])
    case 'wrongLength':
      return Buffer.concat([Buffer.of(node.tag, 0x84), length32(node.content.length + value - 128), node.content])
    case 'deep': {
      let nested = whole
      for (let level = 0; level < 1 + value * DEEP && nested.length < 60_000; level++) nested = encoded(0x30, nested)
      return nested
    }
  }
}

function parse(bytes: Buffer, depth: number): Node[] | undefined {
  const nodes: Node[] = []
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0
    const first = bytes[at + 1]
    if (first === undefined || first === 0x80 || first > 0x84 || tag === 0) return undefined
    const octets = first < 0x80 ? 0 : first & 0x7f
    if (at + 2 + octets > bytes.length) return undefined
    const length = octets === 0 ? first : bytes.readUIntBE(at + 2, octets)
    const from = at + 2 + octets
    if (from + length > bytes.length) return undefined
    const content = bytes.subarray(from, from + length)
    // OCTET STRINGs of extensions and bit strings hold DER too; a bit string begins with an octet that is none.
    const mayHold = (tag & 0x20) !== 0 || tag === 0x04
    const children = mayHold && length > 1 && depth < MAX_DEPTH ? parse(content, depth + 1) : undefined
    nodes.push({ tag, content, children })
    at = from + length
  }
  return nodes
}

function size({ children }: Node): number {
  return 1 + (children ?? []).reduce((sum, node) => sum + size(node), 0)
}

function encoded(tag: number, content: Buffer): Buffer {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const octets = length < 0x100 ? 1 : length < 0x10000 ? 2 : 3
  const head = Buffer.alloc(2 + octets)
  head[0] = tag
  head[1] = 0x80 | octets
  head.writeUIntBE(length, 2, octets)
  return Buffer.concat([head, content])
}

function length32(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length >>> 0)
  return bytes
}
