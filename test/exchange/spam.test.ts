// Ordinary mail rated by a real rspamd through haraka-plugin-rspamd (R6).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Laboratory } from '../harness/laboratory.js'
import { GTUBE, rspamdIsMissing, startRspamd } from '../harness/rspamd.js'
import { assertFlawless, lacking } from './checker.js'
import { TestGateway } from './gateway.js'
import type { Letter } from './letter.js'
import { original, PLAIN } from './originals.js'
import { OUR_NAME, Peer } from './peer.js'

const MARIO = 'mario@pec-a.test'
const UGO = 'ugo@pec-b.test'
const FROM = 'nonna@mail.test'

test('spam in ordinary mail', { skip: rspamdIsMissing || lacking, timeout: 180_000 }, async (t) => {
  const lab = new Laboratory(t)
  const rspamd = await startRspamd(t)
  const peer = await Peer.open(lab, { twins: false })
  const plan = { name: OUR_NAME, keys: peer.keys, mailboxes: [MARIO], settings: { spam: { enabled: 'true' } } }
  const gateway = await TestGateway.open(lab, { ...plan, rspamd: { port: String(rspamd.port) } })
  let count = 0

  /** What the gateway makes of ordinary mail. */
  const received = async (subject: string, body = PLAIN[1]): Promise<Letter> => {
    const message = original({ from: FROM, to: [MARIO] }, subject, `Message-ID: <spam.${++count}@mail.test>\n${PLAIN[0]}`, body)
    const { dot } = await gateway.bring({ from: FROM, to: [MARIO] }, message)
    assert.equal(dot?.code, 250, JSON.stringify(dot))
    const [letter = assert.fail()] = await gateway.waitForLetters(
      MARIO,
      1,
      ({ messageId }) => messageId === `spam.${count}@mail.test`,
    )
    assert.equal(letter.kind, 'anomaly')
    assert.ok(letter.bytes.includes(message), 'the message is not in it as it came')
    return letter
  }
  const registered = async (): Promise<string | undefined> =>
    (await gateway.ledger.eventsOf('')).filter(({ type }) => type === 'anomaly').at(-1)?.outcome

  const letters: Letter[] = []
  for (const [subject, level] of [
    ['ciao', undefined],
    ['points 3', undefined],
    ['points 4', 'low'],
    ['points 8', 'medium'],
    ['points 40', 'high'],
  ] as const) {
    await t.test(`of ${subject} is ${level ?? 'not marked'}`, async () => {
      const letter = await received(subject)
      assert.deepEqual(letter.values('X-Spam-Level'), level === undefined ? [] : [level])
      assert.match((await registered()) ?? '', level === undefined ? /signature$/ : new RegExp(`; spam: ${level}$`))
      letters.push(letter)
    })
  }

  await t.test('that rspamd would refuse is taken, marked, and not changed', async () => {
    const letter = await received('prova', `.punto\r\n${GTUBE}\r\n`)
    assert.deepEqual(letter.values('X-Spam-Level'), ['high'])
    letters.push(letter)
  })

  await t.test('the marked envelopes are without fault for the checker', async () => {
    const paths = letters.map(({ path }) => path)
    await assertFlawless(paths, peer.standards)
  })

  await t.test('is asked about once, in as many bytes as came', async () => {
    const before = await rspamd.asked()
    const letter = await received('lunga', 'una riga qualunque\r\n..due punti\r\n.punto\r\n'.repeat(20_000))
    const inside = letter.bytes.subarray(
      letter.bytes.indexOf('\r\n\r\nFrom: nonna') + 4,
      letter.bytes.lastIndexOf('.punto\r\n') + 8,
    )
    assert.deepEqual(await rspamd.asked(), [...before, inside.length])
  })

  await t.test('certified mail is not asked about, and arrives as it was signed', async () => {
    const before = (await rspamd.asked()).length
    const options = { from_: UGO, to: [MARIO], subject: 'points 40', body: GTUBE }
    const [envelope = assert.fail()] = await peer.make({ make: 'envelope', options })
    await peer.submit(envelope, UGO, [MARIO], gateway.mxPort)
    const [delivered = assert.fail()] = await gateway.waitForLetters(MARIO, 1, ({ kind }) => kind === 'transport')
    assert.ok(delivered.bytes.includes(envelope.bytes))
    assert.equal((await rspamd.asked()).length, before)
  })

  await t.test('mail goes on unmarked while rspamd is away, which is in the log, and marked once it is back', async () => {
    await rspamd.stop()
    assert.deepEqual((await received('points 40')).values('X-Spam-Level'), [])
    await gateway.instance.waitForLog(/WARN.*goes on without a rating as spam: rspamd .*ECONNREFUSED/)
    await rspamd.start()
    assert.deepEqual((await received('points 40')).values('X-Spam-Level'), ['high'])
  })
})
