/** A message in somebody's mailbox, and what its reader makes of it. */
import { readFile } from 'node:fs/promises'
import { allValues } from '../../src/mail/header.js'
import { fromBuffer } from '../../src/mail/source.js'
import type { CertificationData } from '../../src/pec/certification.js'
import type { Kind } from '../../src/pec/kinds.js'
import { openPecMessage, readCertified } from '../../src/pec/message.js'

export interface Letter {
  /** Where it is, for other programs. */
  readonly path: string
  readonly bytes: Buffer
  /** What it claims to be; undefined for ordinary mail. */
  readonly kind: Kind | undefined
  /** Without angle brackets. */
  readonly messageId: string | undefined
  /** Of one that is right in its form. */
  readonly data: CertificationData | undefined
  /** The values of a header field. */
  values(name: string): string[]
}

export async function readLetter(path: string): Promise<Letter> {
  return letterOf(path, await readFile(path))
}

export async function letterOf(path: string, bytes: Buffer): Promise<Letter> {
  const opened = await openPecMessage(fromBuffer(bytes))
  const verdict = opened.signed === undefined ? undefined : await readCertified(opened)
  const { claimed: kind, messageId, header } = opened
  return { path, bytes, kind, messageId, data: verdict?.data, values: (name) => allValues(header, name) }
}

/** About one message. */
export function about(identifier: string): (letter: Letter) => boolean {
  return ({ data }) => data?.identifier === identifier
}

/** Of one kind, and about one message. */
export function isOf(kind: Kind, identifier?: string): (letter: Letter) => boolean {
  return (letter) => letter.kind === kind && (identifier === undefined || letter.data?.identifier === identifier)
}
