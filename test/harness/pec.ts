/** The command `pec` of the compiled package, in a process of its own. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')

export interface Ended {
  readonly status: number
  readonly out: string
  readonly err: string
}

export function pec(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { timeout: 60_000, maxBuffer: 64 << 20 }, (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err })
    })
  })
}
