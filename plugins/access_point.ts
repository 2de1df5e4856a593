/** The access point on Haraka's submission listeners. RFC 6109 §2.2.1, §3.1 */
import type { Address } from '../src/haraka/address.js'
import { theGateway } from '../src/haraka/gateway.js'
import { hook, PASS } from '../src/haraka/hook.js'
import { submit } from '../src/haraka/messages.js'
import { isTooLarge, mayAddRecipient, mayBeginSubmission, roleOf } from '../src/haraka/session.js'
import { announceSize, mayBeThisLarge, sayTooLarge, type Responding } from '../src/haraka/size.js'
import type { Connection, Plugin } from '../src/haraka/types.js'

export function register(this: Plugin): void {
  this.timeout = 0
}

const isOurs = (connection: Connection): boolean => roleOf(connection, theGateway().config) === 'submission'

export const hook_connect = hook<Connection & Responding>((connection) => {
  if (isOurs(connection)) sayTooLarge(connection)
  return Promise.resolve(PASS)
})

export const hook_capabilities = hook<Connection>((connection) => {
  if (isOurs(connection)) announceSize(connection, theGateway().config.limits.bytes)
  return Promise.resolve(PASS)
})

export const hook_mail = hook<Connection, readonly [Address, Readonly<Record<string, unknown>>]>(async function (
  connection,
  [sender, parameters],
) {
  if (!isOurs(connection)) return PASS
  const { house, config } = theGateway()
  const reply = await mayBeginSubmission(connection, sender.address, house.directory)
  if (reply.code === 'refuse') this.lognotice(`submission from ${connection.remote.ip} refused: ${String(reply.text)}`)
  return reply.code === 'pass' ? mayBeThisLarge(parameters, config.limits.bytes) : reply
})

export const hook_rcpt = hook<Connection, readonly [Address]>((connection, [recipient]) => {
  if (!isOurs(connection)) return Promise.resolve(PASS)
  const before = (connection.transaction?.rcpt_to.length ?? 1) - 1
  return Promise.resolve(mayAddRecipient(recipient.address, before, theGateway().config.limits.recipientsCeiling))
})

export const hook_data_post = hook<Connection>((connection) =>
  Promise.resolve(isOurs(connection) ? isTooLarge(connection, theGateway().config.limits.bytes) : PASS),
)

export const hook_queue_outbound = hook<Connection>((connection) => {
  return isOurs(connection) ? submit(connection, theGateway()) : Promise.resolve(PASS)
})
