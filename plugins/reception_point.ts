/** The reception point on the listeners for other providers and ordinary mail. RFC 6109 §2.2.2, §3.2 */
import type { Address } from '../src/haraka/address.js'
import { theGateway } from '../src/haraka/gateway.js'
import { hook, PASS } from '../src/haraka/hook.js'
import { receive } from '../src/haraka/messages.js'
import { mayReceive, roleOf } from '../src/haraka/session.js'
import { tellRelayAttempt } from '../src/haraka/telling.js'
import type { Connection, Plugin } from '../src/haraka/types.js'

export function register(this: Plugin): void {
  this.timeout = 0
}

const isOurs = (connection: Connection): boolean => roleOf(connection, theGateway().config) === 'reception'

export const hook_rcpt = hook<Connection, readonly [Address]>(function (connection, [recipient]) {
  if (!isOurs(connection)) return Promise.resolve(PASS)
  const reply = mayReceive(recipient.address, theGateway().house.directory)
  if (reply.code === 'refuse') {
    tellRelayAttempt(connection, recipient.address, theGateway().watching.watch)
    this.lognotice(
      `relay attempt from ${connection.remote.ip} to ${JSON.stringify(recipient.address)} refused: ${String(reply.text)}`,
    )
  }
  return Promise.resolve(reply)
})

export const hook_queue = hook<Connection>((connection) => {
  return isOurs(connection) ? receive(connection, theGateway()) : Promise.resolve(PASS)
})
