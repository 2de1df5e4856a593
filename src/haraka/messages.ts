/** A message that has come in, handed to its point, and the point's outcome as an SMTP reply. */
import type { Gateway } from './gateway.js'
import { Arrival } from './arrival.js'
import type { Reply } from './hook.js'
import { userOf } from './session.js'
import type { Connection, Transaction } from './types.js'
import type { Source } from '../mail/source.js'

/** Puts our own keeper of bytes in the place of Haraka's, before the first byte. */
export function keepBytes(transaction: Transaction, { config }: Gateway): void {
  transaction.message_stream = new Arrival(transaction.uuid, { directory: config.files.spool, memory: config.files.memory })
}

/** The access point's outcome. RFC 6109 §3.1 */
export async function submit(connection: Connection, gateway: Gateway): Promise<Reply> {
  const { transaction, message } = await received(connection)
  const user = userOf(connection)
  if (user === undefined) return { code: 'refuse', text: '5.7.0 Authentication required' }
  const outcome = await gateway.access.submit({
    sender: transaction.mail_from.address,
    recipients: transaction.rcpt_to.map(({ address }) => address),
    message,
  })
  return outcome.accepted
    ? { code: 'accept', text: `2.6.0 Message taken as ${outcome.identifier}` }
    : { code: 'accept', text: `2.6.0 Message not accepted, a notice says why: ${outcome.identifier}` }
}

/** The reception point's outcome. RFC 6109 §3.2 */
export async function receive(connection: Connection, gateway: Gateway): Promise<Reply> {
  const { transaction, message } = await received(connection)
  const outcome = await gateway.reception.receive({
    sender: transaction.mail_from.isNull() ? '' : transaction.mail_from.address,
    recipients: transaction.rcpt_to.map(({ address }) => address),
    message,
    host: `${connection.remote.host} [${connection.remote.ip}]`,
  })
  return outcome.accepted ? { code: 'accept', text: '2.6.0 Message taken' } : { code: 'refuse', text: outcome.reason }
}

/** Captured at once: the transaction is gone as soon as the client is. */
async function received({ transaction }: Connection): Promise<{ readonly transaction: Transaction; readonly message: Source }> {
  if (transaction === null) throw new Error('the client has gone')
  const { message_stream: arrival } = transaction
  if (!(arrival instanceof Arrival)) throw new Error('another plugin has replaced the message')
  return { transaction, message: await arrival.source(transaction.data_bytes) }
}
