/**
 * What a user submits, from its bytes to the envelopes around it: whatever it holds, what we sign is right in the eyes of those who
 * will judge it.
 */
import assert from 'node:assert/strict'
import { allValues, headerBytes, withoutFields } from '../../../src/mail/header.js'
import { isSevenBit } from '../../../src/mail/seven-bit.js'
import { hasBareLineEnd } from '../../../src/mail/line-ends.js'
import { fromBuffer, readAll, slice, type Source } from '../../../src/mail/source.js'
import { composeAnomalyEnvelope, composeTransportEnvelope, prepareOriginal, type Original } from '../../../src/pec/envelope.js'
import { readHead } from '../../../src/pec/head.js'
import { momentOf } from '../../../src/pec/moment.js'
import { composeNotification } from '../../../src/pec/notification.js'
import { findFormalExceptions } from '../../../src/points/formal-checks.js'
import { judge } from '../../../src/points/judge.js'
import { MESSAGES } from '../letters.js'
import { AT, provider, type FuzzProvider } from '../provider.js'
import { unlessRefused, type Target } from '../target.js'
import { CONTENT_WORDS, HEADER_WORDS } from '../texts.js'

const IDENTIFIER = 'pec20260301100000aa@gestore.test'
const MOMENT = momentOf(AT)
const SENDER = 'ugo@gestore.test'
const LIMITS = { recipients: 100, bytesTimesRecipients: 1_000_000 }

export async function originalTarget(): Promise<Target> {
  const house = await provider()
  return {
    ...{ name: 'original', corpus: MESSAGES, words: [...HEADER_WORDS, ...CONTENT_WORDS], cases: 1000 },
    run: (input) => run(input, house),
  }
}

async function run(input: Buffer, house: FuzzProvider): Promise<void> {
  const submitted = fromBuffer(input)
  const head = await readHead(submitted)
  const { header } = head
  const recipients = ['livia@pec-b.test']
  const structure = { header, headerEnds: head.end < input.length, hasBareLineEnd: await hasBareLineEnd(submitted) }
  findFormalExceptions({ ...structure, size: input.length, sender: SENDER, recipients }, LIMITS)

  const prepared = await unlessRefused(() => prepareOriginal(submitted, IDENTIFIER))
  if (prepared === undefined) return
  await assertOriginal(submitted, prepared.value)
  await assertMessages(submitted, prepared.value, house)
}

/** 7-bit, under our identifier; the rest as it was, if that was 7-bit. */
async function assertOriginal(submitted: Source, original: Original): Promise<void> {
  assert.ok(await isSevenBit(original.source))
  const { header, end } = await readHead(original.source)
  assert.deepEqual(allValues(header, 'Message-ID'), [`<${IDENTIFIER}>`])
  const reference = allValues(header, 'X-Riferimento-Message-ID')
  assert.deepEqual(reference, original.clientMessageId === undefined ? [] : [original.clientMessageId])
  if (!(await isSevenBit(submitted))) return
  const before = await readHead(submitted)
  const kept = (from: typeof header) =>
    headerBytes(withoutFields(from, 'Message-ID', 'X-Riferimento-Message-ID')).toString('latin1')
  assert.equal(kept(header).trimEnd(), kept(before.header).trimEnd())
  const rest = await readAll(slice(original.source, end + 2, original.source.size))
  assert.deepEqual(rest, await readAll(slice(submitted, before.end + 2, submitted.size)))
}

async function assertMessages(submitted: Source, original: Original, { issuer, index, trust }: FuzzProvider): Promise<void> {
  const { identifier, clientMessageId, subject, replyTo } = original
  const recipients = [{ address: 'livia@altro.test', type: 'certified' as const }]
  const message = { identifier, clientMessageId, subject, replyTo, sender: SENDER, recipients }

  const envelope = await composeTransportEnvelope({ message, original, moment: MOMENT }, issuer)
  const verdict = await judge(envelope.message, AT, index, trust)
  assert.ok(verdict.verdict === 'envelope', JSON.stringify(verdict))
  assert.deepEqual(verdict.original, envelope.original)
  const carried = await readAll(slice(envelope.message, verdict.original.start, verdict.original.end))
  assert.ok(carried.equals(await readAll(original.source)))
  assert.equal(verdict.data.identifier, IDENTIFIER)
  assert.equal(verdict.data.subject, subject)
  assert.equal(verdict.data.clientMessageId, clientMessageId)
  await assertFields(envelope.message)

  const receipt = await composeNotification({ message, moment: MOMENT, occurrence: { kind: 'acceptance' } }, issuer)
  const judged = await judge(receipt.message, AT, index, trust)
  assert.ok(judged.verdict === 'receipt', JSON.stringify(judged))
  assert.equal(judged.kind, 'acceptance')
  await assertFields(receipt.message)

  const facts = { received: submitted, moment: MOMENT, sender: SENDER, recipients: ['livia@altro.test'], faults: ['prova'] }
  const anomaly = await composeAnomalyEnvelope(facts, issuer)
  const other = await judge(anomaly.message, AT, index, trust)
  assert.ok(other.verdict === 'incorrect')
  assert.deepEqual(
    other.faults.map(({ kind }) => kind).filter((kind) => kind !== 'not-certified' && kind !== 'no-certification'),
    [],
  )
  await assertFields(anomaly.message)
}

const OURS = [
  ...[
    'return-path',
    'received',
    'subject',
    'x-riferimento-message-id',
    'date',
    'reply-to',
    'to',
    'cc',
    'x-trasporto',
    'x-ricevuta',
  ],
  ...['from', 'x-tiporicevuta', 'message-id', 'mime-version', 'content-type'],
]
/** These may come several times, as the user wrote them. */
const COPIED = ['return-path', 'received', 'reply-to', 'to', 'cc', 'message-id']

/** No field but those that belong there. */
async function assertFields(message: Source): Promise<void> {
  assert.ok(await isSevenBit(message))
  const names = (await readHead(message)).header.fields.map(({ name }) => name.toLowerCase())
  assert.deepEqual(
    names.filter((name) => !OURS.includes(name)),
    [],
  )
  const once = names.filter((name) => !COPIED.includes(name))
  assert.equal(new Set(once).size, once.length)
}
