/**
 * A certified message from one provider to another, with all its receipts: to one recipient directly, to another as a copy, and to
 * somebody who has ordinary mail only. RFC 6109 §3.5
 */
import { decodedBody, parseEntity, type Entity } from '../mail/entity.js'
import { headerBytes, parseHeader, withoutFields } from '../mail/header.js'
import { readAll, type Source } from '../mail/source.js'
import { FIELD } from '../pec/kinds.js'
import { receiveAll, type Expected } from './expectation.js'
import { sinkInbox } from './letter.js'
import { send, type Sent } from './mail-client.js'
import type { Outcome, Play, Scenario } from './scenario.js'
import { DOMAINS } from './stage.js'
import type { CertifiedLetter } from './verification.js'

const SENDER = `mario@${DOMAINS.a}`
const DIRECT = `giulia@${DOMAINS.b}`
const COPY = `protocollo@${DOMAINS.b}`
const ORDINARY = `anna@${DOMAINS.ordinary}`

const SUBJECT = 'Perché la qualità è già più alta: le spese della società'
const ATTACHMENT = {
  filename: 'spese-società.csv',
  content: Buffer.from(`voce;importo\r\n${'caffè, tè e città;12,50 €\r\n'.repeat(400)}`),
}

export const certifiedMessage: Scenario = {
  story:
    'A certified message with an attachment goes from a user of Provider A to two users of Provider B and to an ordinary mailbox.',
  cast: { a: [SENDER], b: [DIRECT, COPY] },
  prepare: () => Promise.resolve(play),
}

async function play({ stage, timeline, signal, verify }: Play): Promise<Outcome> {
  const { a, b, authority, ordinaryHost } = stage
  const mail = {
    to: [DIRECT, ORDINARY],
    cc: COPY,
    subject: SUBJECT,
    text: 'In allegato le spese: a domani.\n',
    attachments: [ATTACHMENT],
  }
  timeline.tell(
    new Date(),
    `${SENDER} sends a message to Provider A over TLS, with a password`,
    `to ${DIRECT} and ${ORDINARY}, copy to ${COPY}`,
    `"${SUBJECT}", with ${ATTACHMENT.filename} (${ATTACHMENT.content.length} bytes)`,
  )
  const sent = await send(SENDER, mail, a, authority)
  timeline.tell(sent.acceptedAt, `Provider A takes it: ${sent.response}`)
  const inboxes = [
    a.inbox(SENDER),
    a.inbox(a.receipts),
    b.inbox(DIRECT),
    b.inbox(COPY),
    b.inbox(b.receipts),
    sinkInbox(ordinaryHost, ORDINARY),
  ]
  return receiveAll({ inboxes, expected: expectations(sent, stage), timeline, signal, verify })
}

/** Who must get what. */
function expectations(sent: Sent, { a, b }: Play['stage']): Expected[] {
  const same = (letter: CertifiedLetter): string[] => dataFaults(letter, sent)
  const carrying = async (letter: CertifiedLetter): Promise<string[]> => [
    ...same(letter),
    ...(await originalFaults(letter, sent)),
  ]
  const providers = { a: a.plan.name, b: b.plan.name }
  return [
    { kind: 'acceptance', inbox: SENDER, provider: providers.a, faults: (letter) => Promise.resolve(same(letter)) },
    {
      kind: 'take-charge',
      inbox: a.receipts,
      provider: providers.b,
      faults: (letter) => Promise.resolve([...same(letter), ...chargeFaults(letter)]),
    },
    ...[DIRECT, COPY, ORDINARY].map((inbox): Expected => ({ kind: 'transport', inbox, provider: providers.a, faults: carrying })),
    { kind: 'delivery', inbox: SENDER, about: DIRECT, provider: providers.b, faults: carrying },
    // A recipient of a copy is told of without the message. RFC 6109 §3.3.2
    {
      kind: 'delivery',
      inbox: SENDER,
      about: COPY,
      provider: providers.b,
      faults: (letter) => Promise.resolve([...same(letter), ...conciseFaults(letter)]),
    },
  ]
}

/** Every message of the exchange certifies the same. */
function dataFaults({ data }: CertifiedLetter, sent: Sent): string[] {
  const expected = `${DIRECT} certified, ${ORDINARY} ordinary, ${COPY} certified`
  const recipients = data.recipients.map(({ address, type }) => `${address} ${type}`)
  return [
    ...(sent.response.includes(data.identifier) ? [] : [`the identifier is ${data.identifier}`]),
    ...(data.clientMessageId === sent.messageId ? [] : [`the client's Message-ID is ${data.clientMessageId ?? 'missing'}`]),
    ...(data.sender === SENDER ? [] : [`the sender is ${data.sender}`]),
    ...(data.subject === SUBJECT ? [] : [`the subject is ${data.subject ?? 'missing'}`]),
    ...(recipients.sort().join() === expected.split(', ').sort().join()
      ? []
      : [`the recipients are ${recipients.join(', ')}, not ${expected}`]),
  ]
}

function chargeFaults({ data }: CertifiedLetter): string[] {
  const taken = data.takenInCharge.join(', ')
  return [...data.takenInCharge].sort().join() === [DIRECT, COPY].sort().join() ? [] : [`it is about ${taken}`]
}

function conciseFaults({ original }: CertifiedLetter): string[] {
  return original === undefined ? [] : ['it carries the message, though it is about a recipient of a copy']
}

/** The message that was sent is carried byte for byte, but for its two identifiers; and so is its attachment. */
async function originalFaults({ original }: CertifiedLetter, { message }: Sent): Promise<string[]> {
  if (original === undefined) return ['it does not carry the message']
  const carried = await readAll(original)
  const kept = essence(carried).equals(essence(message))
  const attachment = await attachmentOf(original)
  return [
    ...(kept ? [] : ['the message that it carries is not what was sent']),
    ...(attachment?.equals(ATTACHMENT.content) === true ? [] : [`${ATTACHMENT.filename} is not what was attached`]),
  ]
}

/** A message without the fields that the access point sets. */
function essence(message: Buffer): Buffer {
  const end = message.indexOf('\r\n\r\n') + 2
  const header = parseHeader(message.subarray(0, end))
  return Buffer.concat([headerBytes(withoutFields(header, 'Message-ID', FIELD.reference)), message.subarray(end)])
}

async function attachmentOf(message: Source): Promise<Buffer | undefined> {
  const entities: Entity[] = [await parseEntity(message)]
  for (const entity of entities) {
    if (entity.name === ATTACHMENT.filename) return decodedBody(message, entity, 1024 * 1024)
    entities.push(...entity.parts)
  }
  return undefined
}
