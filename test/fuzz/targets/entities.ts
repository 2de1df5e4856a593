/** The tree of parts of a message, and what the parts decode to. */
import assert from 'node:assert/strict'
import { decodedBody, decodedText, parseEntity, type Entity } from '../../../src/mail/entity.js'
import { fromBuffer } from '../../../src/mail/source.js'
import { unlessRefused, type Target } from '../target.js'
import { CONTENT_WORDS } from '../texts.js'
import { MESSAGES } from '../letters.js'

const MOST_PARTS = 1000
const DEEPEST = 16

export function entityTarget(): Target {
  return { name: 'entity', corpus: MESSAGES, words: CONTENT_WORDS, room: 256 * 1024, run }
}

async function run(input: Buffer): Promise<void> {
  const source = fromBuffer(input)
  const read = await unlessRefused(() => parseEntity(source))
  if (read === undefined) return
  const leaves: Entity[] = []
  const parts = checkTree(read.value, input.length, 0, leaves)
  assert.ok(parts <= MOST_PARTS)
  for (const leaf of leaves.slice(0, 20)) {
    await unlessRefused(() => decodedBody(source, leaf, 65_536))
    await unlessRefused(() => decodedText(source, leaf, 65_536))
  }
}

/** Every part lies within its parent, after the one before it. Gives how many there are. */
function checkTree(entity: Entity, end: number, depth: number, leaves: Entity[]): number {
  assert.ok(depth <= DEEPEST)
  assert.ok(entity.start <= entity.bodyStart && entity.bodyStart <= entity.end && entity.end <= end)
  assert.doesNotMatch(entity.name ?? '', /[\p{Cc}]/u)
  if (entity.parts.length === 0) leaves.push(entity)
  let at = entity.bodyStart
  let count = entity.parts.length
  for (const part of entity.parts) {
    assert.ok(part.start >= at)
    count += checkTree(part, entity.end, depth + 1, leaves)
    at = part.end
  }
  return count
}
