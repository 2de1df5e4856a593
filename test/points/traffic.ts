/** Mail between the houses of providers: what leaves one, and what another makes of it. */
import assert from 'node:assert/strict'
import { slice, type Source } from '../../src/mail/source.js'
import { openAccessPoint } from '../../src/points/access.js'
import type { Dispatch } from '../../src/points/ports.js'
import { openReceptionPoint, type Incoming, type ReceptionOutcome } from '../../src/points/reception.js'
import { judged, textOf, type TestHouse, type World } from './house.js'
import { submissionOf, type SubmissionParts } from './submissions.js'

/** The envelope of Anna's message, as it leaves her provider. */
export async function sentBy(house: TestHouse, parts: SubmissionParts = {}): Promise<Dispatch> {
  await openAccessPoint(house).submit(submissionOf(parts))
  const dispatch = house.outbox.take().find(({ errand }) => errand.kind === 'send-envelope')
  assert.ok(dispatch !== undefined)
  return dispatch
}

export function receiveAt(house: TestHouse, incoming: Omit<Incoming, 'host'>): Promise<ReceptionOutcome> {
  return openReceptionPoint(house).receive({ ...incoming, host: 'mx.pec-a.test [192.0.2.1]' })
}

/** What a house makes of a message that another one has sent. */
export function receiveFrom(
  { from, message }: Pick<Dispatch, 'from' | 'message'>,
  recipients: readonly string[],
  house: TestHouse,
): Promise<ReceptionOutcome> {
  return receiveAt(house, { sender: from, recipients, message })
}

/** The only message of a kind that has left. */
export function released({ outbox }: TestHouse, kind: Dispatch['errand']['kind']): Dispatch {
  const [dispatch, ...others] = outbox.released.filter(({ errand }) => errand.kind === kind)
  assert.ok(dispatch !== undefined && others.length === 0, `${others.length + 1} of ${kind}`)
  return dispatch
}

/** The original in the envelope that has left. */
export async function originalFrom(house: TestHouse, world: World): Promise<Source> {
  const { message } = released(house, 'send-envelope')
  const judgement = await judged(message, world)
  assert.ok(judgement.verdict === 'envelope', JSON.stringify(judgement))
  return slice(message, judgement.original.start, judgement.original.end)
}

/** Kinds and recipients. */
export const leaving = (dispatches: readonly Dispatch[]): readonly string[] =>
  dispatches.map(({ errand, to }) => `${errand.kind} ${to.join(' ')}`)

/** What the register has of a message. */
export const register = async (house: TestHouse, identifier: string): Promise<readonly string[]> =>
  (await house.ledger.eventsOf(identifier)).map(({ type, outcome, recipients }) => `${type} ${outcome}: ${recipients.join(' ')}`)

/** Why an anomaly envelope says that its message is not certified. */
export const reasonsIn = async (anomaly: Source): Promise<string> =>
  /seguente errore:\s*(.*?)\s*Il messaggio originale/s.exec((await textOf(anomaly)).replace(/=\r\n/g, ''))?.[1] ?? ''
