import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { digest } from '../../src/mail/source.js'
import { keyOf } from '../../src/ledger/keys.js'
import { openPecMessage } from '../../src/pec/message.js'
import { checkProof, type CheckMeans } from '../../src/retrieval/signature-check.js'
import { makeWorld, NOON, type World } from '../points/house.js'
import { certificationOf } from './certification.js'
import { receiptFrom } from './receipt.js'

describe('what an event was certified by', () => {
  let world: World
  let means: CheckMeans
  before(async () => {
    world = await makeWorld()
    means = { now: NOON, trust: { trust: world.trust, lists: undefined }, index: world.index }
  })

  const wrongWith = async (event: Parameters<typeof checkProof>[0], by = means): Promise<string> =>
    (await checkProof(event, by)).findings.map(({ code, text }) => `${code}: ${text}`).join()

  test('holds over the content of the message, which is not there', async () => {
    const { event, message } = await receiptFrom(world.a)
    const { signature, data, findings } = await checkProof(event, means)
    assert.deepEqual(findings, [])
    assert.equal(data?.identifier, event.identifier)
    assert.deepEqual([signature?.standing?.trust, signature?.records[0]?.name], ['trusted', 'Gestore A S.p.A.'])
    const opened = await openPecMessage(message)
    assert.ok(opened.signed?.form === 'detached')
    assert.equal(signature?.contentDigest, (await digest(opened.signed.content, 'sha256')).toString('hex'))
  })

  test('is shown wrong when any of it was altered', async () => {
    const { event } = await receiptFrom(world.a)
    const flipped = Buffer.from(event.signature ?? '')
    flipped[flipped.length - 3] = (flipped[flipped.length - 3] ?? 0) ^ 1
    const altered = { ...event, signature: flipped }
    assert.match(await wrongWith(altered), /does not hold: signature-wrong/)
    assert.match(await wrongWith({ ...event, signature: Buffer.from('x') }), /malformed/)
    assert.match(await wrongWith({ ...event, daticert: Buffer.from('<x/>') }), /cannot be read/)
    assert.match(await wrongWith({ ...event, identifier: 'other@a.test' }), /another message/)
  })

  test('is about a message whose identifier is longer than the register keeps', async () => {
    const identifier = `${'x'.repeat(300)}@a.test`
    const event = {
      identifier: keyOf(identifier),
      daticert: certificationOf(identifier, '<1@client.example>'),
      signature: undefined,
    }
    assert.equal(await wrongWith(event), '')
    assert.match(await wrongWith({ ...event, identifier: keyOf(`y${identifier}`) }), /another message/)
  })

  test('is not trusted from a signer of nobody', async () => {
    const { event } = await receiptFrom(world.a)
    const distrust = { ...means, trust: { trust: world.distrust, lists: undefined } }
    assert.match(await wrongWith(event, distrust), /not to be trusted/)
  })

  test('nothing is wrong with an event that was not signed', async () => {
    const bare = { identifier: '1@a.test', daticert: undefined, signature: undefined }
    assert.deepEqual(await checkProof(bare, means), { data: undefined, signature: undefined, findings: [] })
  })
})
