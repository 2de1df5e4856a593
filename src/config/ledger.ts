import { isIP } from 'node:net'
import type { Endpoint } from './endpoint.js'
import { section } from './section.js'

/** The ledger's database: a file of SQLite, or a server of MariaDB or MySQL. */
export type LedgerConfig =
  | { readonly engine: 'sqlite'; readonly file: string }
  | {
      readonly engine: 'mysql'
      readonly at: Endpoint
      readonly database: string
      readonly user: string
      readonly passwordFile: string | undefined
      /** Connections of one process. */
      readonly pool: number
      /** verified: the server's certificate is checked too. */
      readonly tls: 'off' | 'required' | 'verified'
      /** Authorities of the server's certificate. */
      readonly ca: string | undefined
    }

const KEYS = ['engine', 'file', 'host', 'port', 'socket', 'database', 'user', 'password_file', 'pool', 'tls', 'ca'] as const

/** [ledger] */
export const ledger = section('ledger', KEYS, (values): LedgerConfig => {
  const engine = values.oneOf('engine', ['sqlite', 'mysql'], 'sqlite')
  const file = values.path('file', 'ledger/pec.sqlite')
  const host = values.text('host', '127.0.0.1')
  const port = values.number('port', 3306)
  const socket = values.optionalPath('socket')
  const server = {
    at: socket === undefined ? { host, port } : { path: socket },
    database: values.text('database', 'pec'),
    user: values.text('user', 'pec'),
    passwordFile: values.optionalPath('password_file'),
    pool: values.number('pool', 10),
    tls: values.oneOf('tls', ['off', 'required', 'verified'], 'off'),
    ca: values.optionalPath('ca'),
  }
  if (engine === 'sqlite') return { engine, file }
  if (port > 65_535) values.fault(`port ${port} is not a port`)
  if (socket !== undefined && server.tls !== 'off') values.fault(`tls is ${server.tls}, but a socket has none`)
  else if (server.tls === 'verified' && isIP(host) !== 0)
    values.fault(`tls is verified, but host ${host} is no name that a certificate could have`)
  return { engine, ...server }
})
