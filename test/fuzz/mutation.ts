/** Inputs that are almost right: members of a corpus with a few edits, as recipes that fast-check can shrink. */
import fc from 'fast-check'
import { editDer, type DerEdit } from './der-edit.js'
import { DEFAULT_ROOM, type Target } from './target.js'

/** Places are fractions of the input, in 1/65536, so that they mean something whatever came before. */
export type Edit =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'truncate' | 'behead'; readonly at: number }
  | { readonly kind: 'delete' | 'deleteLines'; readonly at: number; readonly length: number }
  | { readonly kind: 'repeat' | 'repeatLines'; readonly at: number; readonly length: number; readonly times: number }
  | { readonly kind: 'move' | 'moveLines'; readonly at: number; readonly length: number; readonly to: number }
  | {
      readonly kind: 'splice' | 'spliceLines'
      readonly at: number
      readonly other: number
      readonly from: number
      readonly length: number
    }
  | { readonly kind: 'word'; readonly at: number; readonly word: number; readonly times: number }
  | { readonly kind: 'bytes'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'der'; readonly edit: DerEdit }

export interface Recipe {
  readonly member: number
  readonly edits: readonly Edit[]
}

const WHOLE = 65_536
const LINE_FEED = Buffer.from('\n')

/** What every parser of text should be asked: ends of lines and of strings, halves of characters, numbers at the edge. */
const COMMON_WORDS = [
  ...['\r\n', '\r', '\n', '\0', '\r\n\r\n', '\r\n ', '\t', ' ', '"', '\\', ';', ':', ',', '<', '>', '(', ')', '@', '=', '%', '?'],
  ...['\u0085', '\u2028', '\ufeff', '\u202e', '\ud83d\ude00', '\x1b[2J', '=?', '?=', '0', '-1', '4294967296', '999999999999'],
]
// A half of a surrogate, an overlong slash, a cut character, a byte that is never UTF-8.
const COMMON_BYTES = ['eda080', 'c0af', 'e282', 'ff', '80', '0000', 'ffffffff'].map((hex) => Buffer.from(hex, 'hex'))

export function recipes(target: Target): fc.Arbitrary<Recipe> {
  const place = fc.integer({ min: 0, max: WHOLE - 1 })
  const length = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: 1, max: 4000 }))
  const lines = fc.integer({ min: 1, max: 12 })
  const times = fc.oneof(
    { weight: 40, arbitrary: fc.integer({ min: 1, max: 5 }) },
    { weight: 2, arbitrary: fc.integer({ min: 6, max: 300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 301, max: 60_000 }) },
  )
  const kind = <K extends string>(...kinds: readonly K[]) => fc.constantFrom(...kinds)
  const edits: fc.Arbitrary<Edit>[] = [
    fc.record({ kind: kind('flip'), at: place, bit: fc.nat(7) }),
    fc.record({ kind: kind('set'), at: place, byte: fc.nat(255) }),
    fc.record({ kind: kind('truncate', 'behead'), at: place }),
    fc.record({ kind: kind('delete'), at: place, length }),
    fc.record({ kind: kind('repeat'), at: place, length, times }),
    fc.record({ kind: kind('move'), at: place, length, to: place }),
    fc.record({ kind: kind('splice'), at: place, other: place, from: place, length }),
    fc.record({ kind: kind('word'), at: place, word: place, times }),
    fc.record({ kind: kind('bytes'), at: place, bytes: fc.uint8Array({ maxLength: 12 }) }),
  ]
  const ofText: fc.Arbitrary<Edit>[] = [
    fc.record({ kind: kind('deleteLines'), at: place, length: lines }),
    fc.record({ kind: kind('repeatLines'), at: place, length: lines, times }),
    fc.record({ kind: kind('moveLines'), at: place, length: lines, to: place }),
    fc.record({ kind: kind('spliceLines'), at: place, other: place, from: place, length: lines }),
  ]
  const ofDer: fc.Arbitrary<Edit> = fc.record({
    kind: kind('der'),
    edit: fc.record({
      element: place,
      change: kind('drop', 'twice', 'swap', 'empty', 'tag', 'content', 'wrap', 'indefinite', 'longLength', 'wrongLength', 'deep'),
      value: fc.nat(255),
    }),
  })
  const edit = fc.oneof(
    ...edits.map((arbitrary) => ({ weight: 1, arbitrary })),
    ...(target.format === 'der' ? [{ weight: 9, arbitrary: ofDer }] : ofText.map((arbitrary) => ({ weight: 1, arbitrary }))),
  )
  return fc.record({
    member: fc.nat(target.corpus.length - 1),
    edits: fc.array(edit, { maxLength: target.format === 'der' ? 3 : 6 }),
  })
}

/** The bytes that a recipe makes. */
export function cook({ member, edits }: Recipe, target: Target): Buffer {
  const words = [...COMMON_WORDS, ...(target.words ?? [])].map((word) => Buffer.from(word)).concat(COMMON_BYTES)
  // A copy: no parser may change the corpus.
  let bytes: Buffer = Buffer.from(target.corpus[member] ?? Buffer.alloc(0))
  const room = target.room ?? DEFAULT_ROOM
  for (const edit of edits) bytes = applied(edit, bytes, target.corpus, words, room).subarray(0, room)
  return Buffer.from(bytes)
}

function applied(edit: Edit, bytes: Buffer, corpus: readonly Buffer[], words: readonly Buffer[], room: number): Buffer {
  switch (edit.kind) {
    case 'flip':
      return replaced(bytes, scaled(edit.at, bytes.length), (byte) => byte ^ (1 << edit.bit))
    case 'set':
      return replaced(bytes, scaled(edit.at, bytes.length), () => edit.byte)
    case 'truncate':
      return bytes.subarray(0, scaled(edit.at, bytes.length))
    case 'behead':
      return bytes.subarray(scaled(edit.at, bytes.length))
    case 'delete':
    case 'deleteLines': {
      const [start, end] = range(edit, bytes)
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
    }
    case 'repeat':
    case 'repeatLines': {
      const [start, end] = range(edit, bytes)
      return inserted(bytes, end, repeated(bytes.subarray(start, end), edit.times, room))
    }
    case 'move':
    case 'moveLines': {
      const [start, end] = range(edit, bytes)
      const rest = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
      const to = scaled(edit.to, rest.length + 1)
      return inserted(rest, edit.kind === 'move' ? to : lineStart(rest, to), bytes.subarray(start, end))
    }
    case 'splice':
    case 'spliceLines': {
      const other = corpus[scaled(edit.other, corpus.length)] ?? bytes
      const kind = edit.kind === 'splice' ? 'delete' : 'deleteLines'
      const [start, end] = range({ kind, at: edit.from, length: edit.length }, other)
      const at = scaled(edit.at, bytes.length + 1)
      return inserted(bytes, edit.kind === 'splice' ? at : lineStart(bytes, at), other.subarray(start, end))
    }
    case 'word':
      return inserted(
        bytes,
        scaled(edit.at, bytes.length + 1),
        repeated(words[scaled(edit.word, words.length)] ?? bytes, edit.times, room),
      )
    case 'bytes':
      return inserted(bytes, scaled(edit.at, bytes.length + 1), Buffer.from(edit.bytes))
    case 'der':
      return editDer(bytes, edit.edit)
  }
}

function scaled(fraction: number, size: number): number {
  return Math.floor((fraction * size) / WHOLE)
}

function replaced(bytes: Buffer, at: number, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(bytes)
  if (at < copy.length) copy[at] = change(copy[at] ?? 0)
  return copy
}

function inserted(bytes: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
}

function repeated(piece: Buffer, times: number, room: number): Buffer {
  const fitting = Math.min(times, Math.ceil(room / Math.max(piece.length, 1)))
  return Buffer.concat(new Array<Buffer>(fitting).fill(piece))
}

function range({ kind, at, length }: { kind: string; at: number; length: number }, bytes: Buffer): readonly [number, number] {
  const place = scaled(at, bytes.length)
  if (!kind.endsWith('Lines')) return [place, Math.min(bytes.length, place + length)]
  const start = lineStart(bytes, place)
  let end = start
  for (let line = 0; line < length && end < bytes.length; line++) {
    const feed = bytes.indexOf(LINE_FEED, end)
    end = feed === -1 ? bytes.length : feed + 1
  }
  return [start, end]
}

function lineStart(bytes: Buffer, at: number): number {
  return at === 0 ? 0 : bytes.lastIndexOf(LINE_FEED, at - 1) + 1
}
