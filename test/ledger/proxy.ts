/** Ledgers on a server of MariaDB, and one whose connections a test cuts. */
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import { openMysqlLedger, type MysqlSettings } from '../../src/ledger/mysql.js'
import { newDatabase, sharedMariadb } from './engines.js'
import { ledgerPath } from './entries.js'

export async function openAt(
  t: TestContext,
  settings: MysqlSettings,
  onEvent: (line: string) => void = () => undefined,
): Promise<SqlLedger> {
  const ledger = await openMysqlLedger(settings, onEvent)
  t.after(() => ledger.close())
  return ledger
}

export interface Cut {
  /** Ends the connection, once, when a statement that begins so has gone to the server. */
  once(statement: string): void
  times: number
}

/** A ledger whose server is reached through a socket of ours. */
export async function throughProxy(t: TestContext): Promise<{ ledger: SqlLedger; cut: Cut }> {
  const server = await sharedMariadb()
  const settings = await newDatabase(server)
  const path = join(await ledgerPath(t), '..', 'proxy')
  let wanted: string | undefined
  const cut: Cut = { once: (statement) => (wanted = statement), times: 0 }
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const upstream = connect(server.socket)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined))
    client.on('data', (data) => {
      // A command is 4 bytes of length and number, the kind (3: query), and the text.
      if (wanted !== undefined && data[4] === 3 && data.subarray(5).toString().startsWith(wanted)) {
        wanted = undefined
        cut.times++
        upstream.end(data)
        client.destroy()
      } else upstream.write(data)
    })
    client.on('close', () => upstream.end())
    upstream.on('data', (data) => client.write(data))
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(path, resolve))
  t.after(() => {
    proxy.close()
    for (const socket of sockets) socket.destroy()
  })
  return { ledger: await openAt(t, { ...settings, at: { path } }), cut }
}
