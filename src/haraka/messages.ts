/** A message that has come in, handed to its point, and the point's outcome as an SMTP reply. */
import type { Gateway } from './gateway.js'
import { Arrival } from './arrival.js'
import type { Reply } from './hook.js'
import { userOf } from './session.js'
import type { Suspect } from './spam-filter.js'
import { tellReception } from './telling.js'
import type { Connection, Transaction } from './types.js'
import type { Source } from '../mail/source.js'
import type { Health } from '../watch/health.js'

const LINE_TOO_LONG: Reply = { code: 'refuse', text: '5.6.0 The message has a line that is too long' }

/** Puts our own keeper of bytes in the place of Haraka's, before the first byte. */
export function keepBytes(transaction: Transaction, { config }: Pick<Gateway, 'config'>): void {
  const arrival = new Arrival(transaction.uuid, { directory: config.files.spool, memory: config.files.memory })
  transaction.message_stream = arrival
  // QUIRK: to a message without a blank line Haraka adds one here, and what it takes for the body a second time.
  const endData = transaction.end_data.bind(transaction)
  transaction.end_data = (done) => {
    arrival.complete()
    endData(done)
  }
}

/** The access point's outcome. RFC 6109 §3.1 */
export async function submit(connection: Connection, gateway: Pick<Gateway, 'access' | 'watching'>): Promise<Reply> {
  const begun = performance.now()
  const { transaction, message } = await received(connection, gateway)
  if (hasBrokenLine(transaction)) return LINE_TOO_LONG
  const user = userOf(connection)
  if (user === undefined) return { code: 'refuse', text: '5.7.0 Authentication required' }
  const outcome = await gateway.access.submit({
    sender: transaction.mail_from.address,
    recipients: transaction.rcpt_to.map(({ address }) => address),
    message,
  })
  const facts = { outcome: outcome.accepted ? 'accepted' : 'not-accepted', identifier: outcome.identifier, begun } as const
  tellReception(connection, { transaction, size: message.size }, 'access', facts, gateway.watching.watch)
  return outcome.accepted
    ? { code: 'accept', text: `2.6.0 Message taken as ${outcome.identifier}` }
    : { code: 'accept', text: `2.6.0 Message not accepted, a notice says why: ${outcome.identifier}` }
}

/** The reception point's outcome. RFC 6109 §3.2 */
export async function receive(connection: Connection, gateway: Pick<Gateway, 'reception' | 'spam' | 'watching'>): Promise<Reply> {
  const begun = performance.now()
  const { reception, spam } = gateway
  const { transaction, message } = await received(connection, gateway)
  if (hasBrokenLine(transaction)) return LINE_TOO_LONG
  const mail = {
    sender: transaction.mail_from.isNull() ? '' : transaction.mail_from.address,
    recipients: transaction.rcpt_to.map(({ address }) => address),
    message,
  }
  const { ip, host } = connection.remote
  const suspect = (): Suspect => ({ ...mail, uuid: transaction.uuid, client: { ip, host, hello: connection.hello.host } })
  const rating = spam === undefined ? {} : { rateSpam: async () => (await spam.rate(suspect())).level }
  const outcome = await reception.receive({ ...mail, ...rating, host: `${host} [${ip}]` })
  if (!outcome.accepted) return { code: 'refuse', text: outcome.reason }
  const facts = { outcome: outcome.as, identifier: undefined, begun }
  tellReception(connection, { transaction, size: message.size }, 'reception', facts, gateway.watching.watch)
  return { code: 'accept', text: '2.6.0 Message taken' }
}

/** Captured at once: the transaction is gone as soon as the client is. */
async function received(
  { transaction }: Connection,
  { watching }: Pick<Gateway, 'watching'>,
): Promise<{ readonly transaction: Transaction; readonly message: Source }> {
  if (transaction === null) throw new Error('the client has gone')
  const { message_stream: arrival } = transaction
  if (!(arrival instanceof Arrival)) throw new Error('another plugin has replaced the message')
  return { transaction, message: await sourceOf(arrival, watching.health) }
}

async function sourceOf(arrival: Arrival, health: Health): Promise<Source> {
  try {
    const source = await arrival.source()
    if (arrival.isInFile) health.works('spool')
    return source
  } catch (error) {
    health.failed('spool', error)
    throw error
  }
}

/** Haraka breaks lines beyond [max] data_line_length of connection.ini: such a message is not what was sent. */
function hasBrokenLine({ notes }: Transaction): boolean {
  return notes['data_line_length_exceeded'] === true
}
