// Every fault of peer.py's list, in an envelope and in a receipt, has the outcome that the list states, under both policies on
// ordinary mail; and whoever gets an anomaly envelope is told why.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { decodedText, parseEntity } from '../../src/mail/entity.js'
import { fromBuffer } from '../../src/mail/source.js'
import type { Sink } from '../../src/lab/sink.js'
import { tlsIdentity } from '../harness/certificates.js'
import { Laboratory } from '../harness/laboratory.js'
import { assertFlawless, CONFORMANCE, lacking } from './checker.js'
import { TestGateway } from './gateway.js'
import { isOf, letterOf, type Letter } from './letter.js'
import { original, PLAIN } from './originals.js'
import { OUR_NAME, Peer } from './peer.js'

const MARIO = 'mario@pec-a.test'
const UGO = 'ugo@pec-b.test'
const PEER_ADDRESS = 'posta-certificata@pec-b.test'
/** From the end of a message to the answer, the slowest; the machine may have other work. */
const BOUND_MS = 10_000

type Expectation = 'valid' | 'anomaly' | 'ordinary' | 'not-valid' | 'either' | 'once'
type Policy = 'accept' | 'reject'

interface Fault {
  readonly name: string
  readonly expectation: Expectation
}

/** What `peer.py faults` lists for envelopes (E) or receipts (R). */
function faultsOf(sort: 'E' | 'R'): Fault[] {
  const list = execFileSync('python3', [join(CONFORMANCE, 'peer.py'), 'faults'], { encoding: 'utf8' })
  return list
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([name = '', applies = '']) => !name.startsWith('#') && applies.includes(sort))
    .map(([name = '', , expectation]) => ({ name, expectation: expectation as Expectation }))
}

/** What the reader of an anomaly envelope is told. */
const REASONS: Readonly<Record<string, RegExp>> = {
  unsigned: /il messaggio non è firmato digitalmente/,
  'body-altered': /la firma digitale del messaggio non è valida/,
  'content-swapped': /la firma digitale del messaggio non è valida/,
  'nested-signed': /il messaggio non è firmato digitalmente/,
  'no-certificate': /la firma digitale del messaggio non è valida/,
  'self-signed': /il certificato di firma del gestore non è valido o è stato revocato/,
  expired: /il certificato di firma del gestore non è valido o è stato revocato/,
  revoked: /il certificato di firma del gestore non è valido o è stato revocato/,
  'unknown-provider': /non è firmato da un gestore dell'indice dei gestori di posta certificata/,
  'two-signers': /la firma digitale del messaggio non è valida/,
  'extra-part': /la struttura della firma digitale del messaggio non è corretta/,
  opaque: /la firma non è in formato multipart\/signed/,
  'san-mismatch': /l'indirizzo del gestore non corrisponde al certificato di firma/,
  'from-domain-not-managed': /il dominio del gestore non risulta nell'indice dei gestori/,
  'domain-not-managed': /il dominio del mittente non è gestito dal gestore che ha firmato il messaggio/,
  'missing-from': /il mittente della busta manca o non è valido/,
  'x-trasporto-and-x-ricevuta': /il messaggio dichiara più di un tipo di posta certificata/,
  'missing-daticert': /i dati di certificazione mancano/,
  'two-daticert': /i dati di certificazione sono presenti più volte/,
  'daticert-not-xml': /i dati di certificazione non sono leggibili/,
  'daticert-wrong-tipo': /il tipo dei dati di certificazione è diverso da quello del messaggio/,
  'daticert-doctype-entity': /i dati di certificazione non sono leggibili/,
  'wrong-identificativo': /l'identificativo dei dati di certificazione è diverso da quello del messaggio/,
  'missing-postacert': /il messaggio originale manca/,
}

/** A faulty message and what became of it. */
interface Brought extends Fault {
  readonly letter: Letter
  /** The last answer to it, and how long the slowest took. */
  readonly code: number
  readonly ms: number
}

interface Found {
  readonly as: 'valid' | 'anomaly' | 'refused'
  readonly letters: readonly Letter[]
}

test('the faults of peer.py', { skip: lacking, timeout: 240_000 }, async (t) => {
  const lab = new Laboratory(t)
  const peer = await Peer.open(lab, { twins: true })
  const envelopes = await peer.make(
    ...faultsOf('E').map(({ name }) => {
      const options = { from_: name === 'domain-not-managed' ? null : UGO, to: [MARIO], subject: `Prova ${name}`, fault: name }
      return { make: 'envelope', options } as const
    }),
  )
  for (const policy of ['accept', 'reject'] as const) {
    await t.test(`where the policy on ordinary mail is to ${policy} it`, async (t) => {
      await table(t, peer, envelopes, policy)
    })
  }
})

async function table(t: TestContext, peer: Peer, envelopes: readonly Letter[], policy: Policy): Promise<void> {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp', tls: await tlsIdentity() })
  const gateway = await TestGateway.open(lab, {
    ...{ name: OUR_NAME, keys: peer.keys, mailboxes: [MARIO], routes: { 'pec-b.test': sink.port } },
    settings: { reception: { ordinary_mail: policy } },
  })
  const { pids } = gateway.instance
  const sent = await sentBy(gateway, sink, peer)
  const receipts = await peer.make(
    ...faultsOf('R').map(({ name }) => {
      const options = { kind: 'avvenuta-consegna', for_: sent.path, recipient: [recipientOf(name)], fault: name }
      return { make: 'receipt', options } as const
    }),
  )

  const brought = { envelopes: [] as Brought[], receipts: [] as Brought[] }
  for (const [at, fault] of faultsOf('E').entries()) {
    const sender = fault.name === 'domain-not-managed' ? 'utente@unmanaged.test' : UGO
    brought.envelopes.push(await bring(gateway, sender, fault, envelopes[at]))
  }
  for (const [at, fault] of faultsOf('R').entries())
    brought.receipts.push(await bring(gateway, PEER_ADDRESS, fault, receipts[at]))
  await gateway.quiet()
  const mailbox = await gateway.letters(MARIO)
  const answers = await Promise.all(sink.messages.map(({ bytes }) => letterOf('', bytes)))

  for (const each of brought.envelopes) {
    await t.test(`an envelope with ${each.name} is ${each.expectation}`, async () => {
      const found = outcomeOf(each, mailbox)
      assertExpected(each, found.as, policy)
      const identifier = each.letter.data?.identifier ?? idOf(each.letter)
      const given = answers.filter(({ data, bytes }) => data?.identifier === identifier || bytes.includes(idOf(each.letter)))
      const owed = found.as === 'valid' ? ['delivery', 'take-charge'] : []
      assert.deepEqual(given.map(({ kind }) => kind).sort(), owed)
      await assertExplained(each, found)
    })
  }
  for (const each of brought.receipts) {
    await t.test(`a receipt with ${each.name} is ${each.expectation}`, async () => {
      const found = outcomeOf(each, mailbox)
      assertExpected(each, found.as, policy)
      const changes = found.as === 'valid' && each.name !== 'unknown-message'
      const outcome = await gateway.outcomeOf(sent.data?.identifier ?? '', recipientOf(each.name))
      assert.equal(outcome, changes ? 'delivered' : undefined)
      await assertExplained(each, found)
    })
  }
  // Under the other policy it makes the same, and the checker takes its time.
  const unchecked = policy === 'reject' && 'they are checked under the other policy'
  await t.test('what the gateway made of them is flawless', { skip: unchecked }, async () => {
    const anomalies = mailbox.filter(isOf('anomaly')).map(({ path }) => path)
    const given = answers.filter(({ data, kind }) => kind !== 'transport' && data !== undefined)
    await assertFlawless([...anomalies, ...(await Promise.all(given.map(({ bytes }) => peer.keep(bytes))))], peer.standards)
  })
  await t.test('the gateway lives on', () => assert.deepEqual(gateway.instance.pids, pids))
}

function recipientOf(fault: string): string {
  return `${fault}@pec-b.test`
}

/** The envelope of a message of our user, with a recipient for each faulty receipt. */
async function sentBy(gateway: TestGateway, sink: Sink, peer: Peer): Promise<Letter> {
  const recipients = faultsOf('R').map(({ name }) => recipientOf(name))
  const [more, body] = PLAIN
  await gateway.submitted(MARIO, recipients, original({ from: MARIO, to: recipients }, 'A molti', more, body))
  const [message] = await sink.waitFor(1)
  assert.ok(message !== undefined)
  return letterOf(await peer.keep(message.bytes), message.bytes)
}

async function bring(gateway: TestGateway, from: string, fault: Fault, letter: Letter | undefined): Promise<Brought> {
  assert.ok(letter !== undefined)
  let [code, ms] = [0, 0]
  for (let turn = 0; turn < (fault.expectation === 'once' ? 2 : 1); turn++) {
    const begun = performance.now()
    const { dot, ...before } = await gateway.bring({ from, to: [MARIO] }, letter.bytes)
    assert.ok(dot !== undefined, JSON.stringify(before))
    ;[code, ms] = [dot.code, Math.max(ms, performance.now() - begun)]
  }
  return { ...fault, letter, code, ms }
}

/** Whatever the message is, its Message-ID goes with it. */
function idOf({ bytes }: Letter): string {
  return /^Message-ID: <([^>]+)>/im.exec(bytes.toString('latin1'))?.[1] ?? ''
}

function outcomeOf({ letter, code }: Brought, mailbox: readonly Letter[]): Found {
  const letters = mailbox.filter(({ messageId }) => messageId === idOf(letter))
  if (code !== 250) {
    assert.deepEqual(letters, [], 'refused, and delivered all the same')
    return { as: 'refused', letters }
  }
  assert.equal(letters.length, 1)
  if (letters[0]?.bytes.equals(letter.bytes) === true) return { as: 'valid', letters }
  assert.equal(letters[0]?.kind, 'anomaly', 'neither as it came nor an anomaly envelope')
  return { as: 'anomaly', letters }
}

function assertExpected({ expectation, ms }: Brought, as: Found['as'], policy: Policy): void {
  const allowed: Record<Expectation, readonly Found['as'][]> = {
    valid: ['valid'],
    once: ['valid'],
    anomaly: ['anomaly'],
    ordinary: policy === 'accept' ? ['anomaly'] : ['refused'],
    'not-valid': ['anomaly', 'refused'],
    either: ['valid', 'anomaly', 'refused'],
  }
  assert.ok(allowed[expectation].includes(as), `it is ${as}`)
  assert.ok(ms < BOUND_MS, `it took ${Math.round(ms)} ms`)
}

async function assertExplained({ name, expectation }: Brought, { as, letters }: Found): Promise<void> {
  if (as !== 'anomaly' || expectation === 'either') return
  const source = fromBuffer(letters[0]?.bytes ?? Buffer.alloc(0))
  const text = (await parseEntity(source)).parts[0]?.parts[0]
  assert.ok(text !== undefined)
  assert.match((await decodedText(source, text, 100_000)).replace(/\s+/g, ' '), REASONS[name] ?? /no reason is known/)
}
