// A mailbox store that says everything a store can say: each recipient gets the one receipt or notice that its answer calls for, with
// the codes of note 12. RFC 2033 §4.2; RFC 6109 §3.3.2, §3.3.3
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Answer, Occasion, Sink } from '../../src/lab/sink.js'
import { Laboratory } from '../harness/laboratory.js'
import { assertFlawless, lacking } from './checker.js'
import { TestGateway } from './gateway.js'
import { isOf, letterOf, type Letter } from './letter.js'
import { original, WITH_ATTACHMENT } from './originals.js'

const MARIO = 'mario@pec-a.test'
/** Nobody whom the store would take mail from. */
const LUCIA = 'lucia@pec-a.test'
const FULL = 'full@pec-a.test'
/** Somebody with ordinary mail. */
const MAX = 'max@mail.test'
const OURS = 'Gestore A S.p.A.'
const addressOf = (name: string): string => `${name}@pec-a.test`

interface Refused {
  readonly rcpt?: readonly Answer[]
  readonly dot?: readonly Answer[]
  readonly error: 'no-recipient' | 'no-domain' | 'other'
  readonly detail: string
}

/** By the part before the @. */
const REFUSED: Readonly<Record<string, Refused>> = {
  unknown: { rcpt: ['550 5.1.1 who?'], error: 'no-recipient', detail: `5.1.1 - ${OURS} - indirizzo non valido` },
  disabled: { rcpt: ['550 5.2.1 asleep'], error: 'other', detail: `5.2.1 - ${OURS} - casella disabilitata` },
  full: { rcpt: ['552 5.2.2 full'], error: 'other', detail: `5.2.2 - ${OURS} - casella piena` },
  'full-at-last': { dot: ['552 5.2.2 full'], error: 'other', detail: `5.2.2 - ${OURS} - casella piena` },
  'full-without-code': { dot: ['552 full'], error: 'other', detail: `5.2.2 - ${OURS} - casella piena` },
  large: { dot: ['552 5.3.4 too large'], error: 'other', detail: `5.3.4 - ${OURS} - too large` },
  policy: { dot: ['554 5.7.1 no'], error: 'other', detail: `5.7.1 - ${OURS} - no` },
  'two-lines': { dot: ['550 5.7.1 no\n550 5.7.1 never'], error: 'other', detail: `5.7.1 - ${OURS} - no never` },
}

interface Taken {
  readonly rcpt?: readonly Answer[]
  readonly dot?: readonly Answer[]
  /** How often the store gets it. */
  readonly copies?: number
}

const TAKEN: Readonly<Record<string, Taken>> = {
  plain: {},
  'forwards-251': { rcpt: ['251 2.1.5 elsewhere'] },
  'later-at-rcpt': { rcpt: ['450 4.2.0 later', '250 2.1.5 now'] },
  'later-at-last': { dot: ['451 4.3.0 later', '250 2.6.0 now'], copies: 2 },
  'no-room-yet': { dot: ['452 4.3.1 no room', '250 2.6.0 now'], copies: 2 },
  'lost-at-rcpt': { rcpt: ['drop', '250 2.1.5 now'] },
  // What the store did before the connection was lost nobody knows.
  'lost-at-last': { dot: ['drop', '250 2.6.0 now'], copies: 2 },
}

/** The answers for each recipient, one after the other; the last one stays. */
function answersAt(stage: 'rcpt' | 'dot'): (occasion: Occasion) => Answer | undefined {
  const asked = new Map<string, number>()
  return ({ argument }) => {
    const name = argument.slice(0, argument.indexOf('@'))
    const answers = { ...REFUSED, ...TAKEN }[name]?.[stage]
    const turn = asked.get(name) ?? 0
    asked.set(name, turn + 1)
    return answers?.[Math.min(turn, answers.length - 1)]
  }
}

/** What the store has taken into a mailbox. */
async function lettersIn(sink: Sink, folder: string, address: string): Promise<Letter[]> {
  const messages = sink.messages.filter(({ accepted }) => accepted.includes(address))
  return Promise.all(
    messages.map(async ({ bytes, receivedAt }) => {
      const path = join(folder, `${address}-${receivedAt}.eml`)
      await writeFile(path, bytes)
      return letterOf(path, bytes)
    }),
  )
}

test('a mailbox store', { timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  const mail = ({ argument }: Occasion) => (argument === LUCIA ? '550 5.7.1 not from you' : undefined)
  const store = await lab.sink({ protocol: 'lmtp', script: { mail, rcpt: answersAt('rcpt'), dot: answersAt('dot') } })
  const folder = await lab.directory()
  const ordinary = await lab.sink({ protocol: 'smtp' })
  const routes = { 'mail.test': ordinary.port }
  const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, LUCIA, FULL], routes, storePort: store.port })
  const [more, body] = WITH_ATTACHMENT
  const send = (from: string, to: readonly string[]): Promise<string> =>
    gateway.submitted(from, to, original({ from, to }, 'Prova', more, body))

  const identifiers = new Map<string, string>()
  for (const name of Object.keys({ ...REFUSED, ...TAKEN })) identifiers.set(name, await send(MARIO, [addressOf(name)]))
  const unwelcome = await send(LUCIA, [addressOf('plain')])
  await gateway.quiet()
  // By now every answer has been given once: the same recipients again, all of one message.
  const together = await send(MARIO, Object.keys({ ...REFUSED, ...TAKEN }).map(addressOf))
  await gateway.quiet()

  const told = async (identifier: string, to = MARIO): Promise<Letter[]> => {
    const letters = await lettersIn(store, folder, to)
    return letters.filter(({ data, kind }) => data?.identifier === identifier && kind !== 'acceptance')
  }

  for (const [name, { error, detail }] of Object.entries(REFUSED)) {
    await t.test(`that refuses (${name}) is one notice: ${detail}`, async () => {
      const identifier = identifiers.get(name) ?? ''
      const found = (await told(identifier)).map(({ kind, data }) => [kind, data?.error, data?.errorDetail, data?.delivery])
      assert.deepEqual(found, [['non-delivery', error, detail, addressOf(name)]])
      assert.equal(await gateway.outcomeOf(identifier, addressOf(name)), 'not-delivered')
    })
  }
  for (const [name, { copies = 1 }] of Object.entries(TAKEN)) {
    await t.test(`that takes a message (${name}) is one receipt`, async () => {
      const identifier = identifiers.get(name) ?? ''
      assert.deepEqual(
        (await told(identifier)).map(({ kind, data }) => [kind, data?.delivery]),
        [['delivery', addressOf(name)]],
      )
      assert.equal(await gateway.outcomeOf(identifier, addressOf(name)), 'delivered')
      const envelopes = store.messages.filter(({ to, bytes }) => to.includes(addressOf(name)) && bytes.includes(identifier))
      assert.equal(envelopes.length, copies)
      assert.ok(envelopes.every(({ bytes }) => bytes.equals(envelopes[0]?.bytes ?? Buffer.alloc(0))))
    })
  }

  await t.test('that answers recipients of one message differently gives each what is its own', async () => {
    const letters = await told(together)
    const kinds = new Map(letters.map(({ data, kind }) => [data?.delivery, kind]))
    assert.equal(letters.length, kinds.size)
    const expected = [
      ...Object.keys(REFUSED).map((name) => [addressOf(name), 'non-delivery'] as const),
      ...Object.keys(TAKEN).map((name) => [addressOf(name), 'delivery'] as const),
    ]
    assert.deepEqual(kinds, new Map(expected))
  })

  await t.test('that does not like the sender is a notice too, which the sender gets', async () => {
    const found = (await told(unwelcome, LUCIA)).map(({ kind, data }) => [kind, data?.error, data?.errorDetail])
    assert.deepEqual(found, [['non-delivery', 'other', `5.7.1 - ${OURS} - not from you`]])
  })

  await t.test('that refuses an anomaly envelope leads to a plain report, and to no notice of ours', async () => {
    const fields = `Message-ID: <ordinary@mail.test>\n${more}`
    const message = original({ from: MAX, to: [FULL] }, 'Posta ordinaria', fields, body)
    const before = store.messages.length
    assert.equal((await gateway.bring({ from: MAX, to: [FULL] }, message)).dot?.code, 250)
    const [report] = await ordinary.waitFor(1)
    assert.deepEqual([report?.from, report?.to], ['', [MAX]])
    assert.match(report?.bytes.toString('latin1') ?? '', /5\.2\.2 full/)
    await gateway.quiet()
    assert.equal(store.messages.length, before)
  })

  await t.test('leads to flawless messages', { skip: lacking }, async () => {
    const letters = [...(await lettersIn(store, folder, MARIO)), ...(await lettersIn(store, folder, addressOf('plain')))]
    assert.ok(letters.some(isOf('non-delivery')))
    const config = join(gateway.directory, 'config')
    const standards = { ca: join(config, 'test_authority.pem'), index: join(config, 'pec_index.ldif') }
    const paths = letters.map(({ path }) => path)
    await assertFlawless(paths, standards)
    const exchange = letters.filter(({ data }) => data?.identifier === together).map(({ path }) => path)
    await assertFlawless(exchange, standards, 'exchange')
  })
})
