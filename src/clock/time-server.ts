/**
 * Asks an NTP server how far our clock is from its own. `chronyd -Q`, of the package chrony, does it: without privileges, without
 * touching the clock, with the checks of RFC 5905 on what comes back.
 */
import { execFile } from 'node:child_process'
import { PecError } from '../errors.js'

/** An NTP server. */
export interface TimeServer {
  readonly host: string
  readonly port: number
}

/** Milliseconds by which our clock is ahead of the server's. Rejects with PecError 'clock', temporary. */
export type AskServer = (server: TimeServer) => Promise<number>

const TIMEOUT_S = 5
// Where Debian has it; the gateway's user may not have that on the path.
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`

export const askServer: AskServer = ({ host, port }) => {
  const directive = `server ${host} port ${port} iburst maxsamples 1`
  const options = { timeout: (TIMEOUT_S + 1) * 1000, killSignal: 'SIGKILL', env: { ...process.env, PATH } } as const
  return new Promise((resolve, reject) => {
    execFile('chronyd', ['-Q', '-t', String(TIMEOUT_S), directive], options, (error, stdout, stderr) => {
      const [, seconds] = /System clock wrong by (-?\d+\.\d+) seconds/.exec(stdout + stderr) ?? []
      if (seconds !== undefined) resolve(-Number(seconds) * 1000)
      else if (error?.code === 'ENOENT') reject(failure('chronyd cannot be found: install the package chrony'))
      else reject(failure(`${host}:${port} gave no time within ${TIMEOUT_S} s`))
    })
  })
}

function failure(what: string): PecError {
  return new PecError('clock', what, { temporary: true })
}
