/** Messages from lines, and what becomes of them on a 7-bit way. */
import assert from 'node:assert/strict'
import { isSevenBit, toSevenBit } from '../../src/mail/seven-bit.js'
import { fromBuffer, readAll, type Source } from '../../src/mail/source.js'
import { body, decodedBody, parseEntity, type Entity } from '../../src/mail/entity.js'

/** A message from lines, each character one byte. */
export function lines(...written: readonly string[]): Buffer {
  return Buffer.from(written.join('\r\n'), 'latin1')
}

export function message(...written: readonly string[]): Source {
  return fromBuffer(lines(...written))
}

export async function converted(source: Source): Promise<Source> {
  const result = await toSevenBit(source)
  assert.ok(await isSevenBit(result), 'the result is 7-bit')
  const bytes = await readAll(result)
  assert.equal(bytes.length, result.size)
  assert.ok(await isSevenBit(fromBuffer(bytes)))
  return result
}

export async function textOf(source: Source): Promise<string> {
  return (await readAll(source)).toString('latin1')
}

/** The decoded leaves in order, those of embedded messages too. */
export async function leaves(source: Source, entity?: Entity): Promise<{ type: string; content: string }[]> {
  const { type, parts, ...rest } = entity ?? (await parseEntity(source))
  const whole = { type, parts, ...rest }
  if (parts.length > 0) return (await Promise.all(parts.map((part) => leaves(source, part)))).flat()
  const isMessage = type === 'message/rfc822' && whole.encoding !== 'base64' && whole.encoding !== 'quoted-printable'
  if (isMessage) return leaves(fromBuffer(await readAll(body(source, whole))))
  return [{ type, content: (await decodedBody(source, whole, 1e8)).toString('latin1') }]
}
