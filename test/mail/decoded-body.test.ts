import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { decodedBody, decodedText, parseEntity, type Entity, type EntityLimits } from '../../src/mail/entity.js'
import { fromBuffer } from '../../src/mail/source.js'
import { lines } from './lines.js'

function parse(bytes: Buffer, limits?: EntityLimits): Promise<Entity> {
  return parseEntity(fromBuffer(bytes), limits)
}

const isMalformed = (error: unknown): boolean => isPecError(error) && error.code === 'malformed' && !error.temporary

suite('decodedBody', () => {
  const base64 = lines('Content-Transfer-Encoding: base64', '', 'YWJj'.repeat(100))
  const plain = lines('', 'a'.repeat(300))
  test('gives up beyond the limit', async () => {
    for (const bytes of [base64, plain]) {
      const entity = await parse(bytes)
      assert.equal((await decodedBody(fromBuffer(bytes), entity, 300)).length, 300)
      await assert.rejects(decodedBody(fromBuffer(bytes), entity, 299), isMalformed)
    }
  })

  test('leaves an unknown encoding as it is', async () => {
    const bytes = lines('Content-Transfer-Encoding: x-uuencode', '', 'a=20')
    assert.equal((await decodedBody(fromBuffer(bytes), await parse(bytes), 100)).toString(), 'a=20')
  })
})

suite('decodedText', () => {
  const cases: [string, string, string][] = [
    ['windows-1252', '\x80', '€'],
    ['utf-8', '\xc3\xa8', 'è'],
    ['ISO-8859-1', '\xe8', 'è'],
    ['x-unknown', '\xe8', 'è'],
    ['us-ascii', '\xc3\xa8', 'è'],
  ]
  for (const [charset, content, text] of cases) {
    test(`reads ${charset}`, async () => {
      const bytes = lines(`Content-Type: text/plain; charset=${charset}`, '', content)
      assert.equal(await decodedText(fromBuffer(bytes), await parse(bytes), 100), text)
    })
  }
})
