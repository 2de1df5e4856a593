/** What a fuzzing target is, and what it may say of an input. */
import assert from 'node:assert/strict'
import { isPecError, type ErrorCode } from '../../src/errors.js'

export interface Target {
  readonly name: string
  /** Valid inputs, and known attacks, to start from. */
  readonly corpus: readonly Buffer[]
  /** Words of the format, for mutations to put in. */
  readonly words?: readonly string[]
  /** `der`: mutations also change elements and keep the lengths around them right. */
  readonly format?: 'text' | 'der'
  /** Bytes beyond which inputs do not grow; DEFAULT_ROOM if left out. */
  readonly room?: number
  /** Cases of a run in CI; DEFAULT_CASES if left out. */
  readonly cases?: number
  /** Rejects if the parser does with this input what it must not do. */
  readonly run: (input: Buffer) => Promise<void> | void
}

/** Keys and messages of a target are made when it is opened. */
export type OpenTarget = () => Promise<Target> | Target

export const DEFAULT_CASES = 3000
/** Enough for quadratic time to show: it would be minutes. */
export const DEFAULT_ROOM = 64 * 1024

/** As it is once it has been UTF-8: halves of surrogates become U+FFFD. */
export function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8')
}

/** What `read` gives; undefined if it refused the input in the one way it may: a permanent PecError of this code. */
export async function unlessRefused<T>(
  read: () => Promise<T> | T,
  code: ErrorCode = 'malformed',
): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await read() }
  } catch (error) {
    if (!isPecError(error)) throw error
    assert.equal(error.code, code)
    assert.equal(error.temporary, false)
    return undefined
  }
}
