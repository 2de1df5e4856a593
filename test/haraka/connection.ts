/** An SMTP session as the gateway sees it, without Haraka. */
import { pathOf } from '../../src/haraka/address.js'
import type { Connection, MessageStream, Transaction } from '../../src/haraka/types.js'

export interface ConnectionParts {
  readonly port?: number
  readonly tls?: boolean
  /** The mailbox that authenticated. */
  readonly user?: string
  readonly transaction?: Transaction | null
}

const nothing = (): void => undefined
const results = { add: nothing, get: () => undefined }
const log = { loginfo: nothing, lognotice: nothing, logwarn: nothing, logerror: nothing, logcrit: nothing }

export function connectionOf({ port = 25, tls = true, user, transaction = null }: ConnectionParts = {}): Connection {
  return {
    ...log,
    ...{ uuid: 'UUID', capabilities: [], results, transaction, state: 1 },
    client: { destroy: nothing, pause: nothing, resume: nothing, on: nothing },
    local: { ip: '192.0.2.1', port },
    remote: { ip: '192.0.2.2', host: 'client.test', closed: false },
    hello: { host: 'client.test' },
    tls: { enabled: tls },
    relaying: user !== undefined,
    notes: user === undefined ? {} : { auth_user: user },
  }
}

/** A transaction that does with the lines it is given what Haraka's does. */
export interface TestTransaction extends Transaction {
  readonly notes: Record<string, unknown>
  data_bytes: number
  /** DATA, with the wire's dots and without the last one. */
  receive(wire: string): Promise<void>
}

const IGNORED: MessageStream = {
  headers: [],
  add_line: nothing,
  add_line_end: (done) => done?.(),
  pipe: (to) => to,
  unpipe: nothing,
  destroy: nothing,
}

let number = 0

export function transactionOf(from = 'anna@pec-a.test', ...to: readonly string[]): TestTransaction {
  return {
    ...{ uuid: `UUID.${++number}`, data_bytes: 0, notes: {}, results },
    mail_from: pathOf(from),
    rcpt_to: to.map(pathOf),
    message_stream: IGNORED,
    // As in transaction.js: to a message without a blank line it adds one, and what is no field once more.
    end_data(done) {
      const { lines } = this as unknown as { readonly lines: readonly string[] }
      if (!lines.includes('\r\n')) {
        this.message_stream.add_line('\r\n')
        const body = lines.findIndex((line) => !/^(?:[^\s:]*:|[ \t])/.test(line))
        for (const line of body === -1 ? [] : lines.slice(body)) this.message_stream.add_line(line)
      }
      this.message_stream.add_line_end(done)
    },
    async receive(wire) {
      const lines = wire.split(/(?<=\r\n)/)
      Object.assign(this, { lines })
      for (const line of lines) {
        this.data_bytes += Buffer.byteLength(line, 'latin1')
        this.message_stream.add_line(Buffer.from(line, 'latin1'))
      }
      this.data_bytes += '.\r\n'.length
      await new Promise<void>((resolve) => this.end_data(resolve))
    },
  }
}
