/** peer.py: another provider, whose software shares no code with ours, under an authority of its own that lists us too. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Laboratory } from '../harness/laboratory.js'
import { CONFORMANCE, type Standards } from './checker.js'
import type { Keys } from './gateway.js'
import { readLetter, type Letter } from './letter.js'

const PROGRAM = join(CONFORMANCE, 'peer.py')
export const OUR_NAME = 'Gateway S.p.A.'

/** Calls functions of peer.py in one process: starting Python for each of some hundred messages takes longer than making them. */
const MAKER = `
import json, pathlib, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import peer
for job in json.load(sys.stdin):
    pathlib.Path(job["out"]).write_bytes(getattr(peer, job["make"])(**job["options"]))
`

/** A message to be made: what \`peer.py envelope\` or \`peer.py receipt\` takes, with its names in Python's spelling. */
export interface Job {
  readonly make: 'envelope' | 'receipt'
  readonly options: Readonly<Record<string, unknown>>
}

export class Peer {
  /** Us, as an operator whom the peer's authority has accredited. */
  readonly keys: Keys
  readonly standards: Required<Standards>
  readonly index: string
  private readonly folder: string
  private readonly lab: Laboratory
  private made = 0

  private constructor(lab: Laboratory, folder: string) {
    this.lab = lab
    this.folder = folder
    this.index = join(folder, 'index.ldif')
    this.standards = { ca: join(folder, 'ca', 'ca.pem'), crl: join(folder, 'ca', 'crl.pem'), index: this.index }
    this.keys = {
      key: join(folder, 'gw', 'key.pem'),
      cert: join(folder, 'gw', 'cert.pem'),
      trust: join(folder, 'authorities.pem'),
      crl: join(folder, 'ca', 'crl.pem'),
      index: this.index,
    }
  }

  /** Provider B, with pec-b.test and altra-b.test; with twins where faults of certificates are wanted. */
  static async open(lab: Laboratory, { twins }: { readonly twins: boolean }): Promise<Peer> {
    const folder = await lab.directory()
    const run = (...args: readonly string[]) => promisify(execFile)('python3', [PROGRAM, ...args], { cwd: folder })
    await run('ca', 'ca')
    await run('provider', 'gw', '--ca', 'ca', '--name', OUR_NAME, '--domain', 'pec-a.test', '--no-twins')
    const b = ['--name', 'Provider B', '--domain', 'pec-b.test', '--domains', 'altra-b.test', ...(twins ? [] : ['--no-twins'])]
    await run('provider', 'b', '--ca', 'ca', ...b)
    await run('crl', 'ca')
    await run('index', 'gw', 'b', '--out', 'index.ldif')
    // The anchor, and the authority under it that issues: the peer knows the anchor only, and must find the other in what we sign.
    const authorities = await Promise.all(['ca/ca.pem', 'ca/issuing.pem'].map((name) => readFile(join(folder, name))))
    await writeFile(join(folder, 'authorities.pem'), Buffer.concat(authorities))
    return new Peer(lab, folder)
  }

  /** The messages that these jobs make, in their order. */
  async make(...jobs: readonly Job[]): Promise<Letter[]> {
    const orders = jobs.map(({ make, options }) => ({ make, out: this.nextPath(), options: { as_: 'b', ...options } }))
    const child = spawn('python3', ['-c', MAKER, CONFORMANCE], { cwd: this.folder, stdio: ['pipe', 'inherit', 'pipe'] })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
    child.stdin.end(JSON.stringify(orders))
    const [status] = (await once(child, 'close')) as [number | null]
    assert.equal(status, 0, complaint)
    return Promise.all(orders.map(({ out }) => readLetter(out)))
  }

  /** Keeps something where the peer, and the checker, can read it. */
  async keep(bytes: Buffer): Promise<string> {
    const path = this.nextPath()
    await writeFile(path, bytes)
    return path
  }

  /** \`peer.py submit\`, over STARTTLS, to a port of ours. */
  async submit({ path }: Letter, from: string, to: readonly string[], port: number): Promise<void> {
    const args = ['submit', path, '--port', String(port), '--starttls', '--mail-from', from, '--rcpt', ...to]
    const { stdout } = await promisify(execFile)('python3', [PROGRAM, ...args])
    assert.equal((JSON.parse(stdout) as { readonly accepted: boolean }).accepted, true, stdout)
  }

  /** \`peer.py mx --starttls\`, until the test ends. */
  async exchanger(...options: readonly string[]): Promise<Exchanger> {
    const out = join(this.folder, `mx-${++this.made}`)
    await mkdir(out)
    const args = ['mx', '--as', 'b', '--out', out, '--starttls', '--index', 'index.ldif', '--timeout', '300', ...options]
    const child = spawn('python3', [PROGRAM, ...args], { cwd: this.folder, stdio: ['ignore', 'pipe', 'inherit'] })
    this.lab.atClose(() => child.kill())
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { listening } = JSON.parse(line.toString()) as { readonly listening: number }
    return { port: listening, letters: () => lettersIn(out) }
  }

  private nextPath(): string {
    return join(this.folder, `message-${++this.made}.eml`)
  }
}

/** A mail exchanger of the peer. */
export interface Exchanger {
  readonly port: number
  /** All that it has taken so far. */
  letters(): Promise<Letter[]>
}

async function lettersIn(folder: string): Promise<Letter[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.eml')).sort()
  return Promise.all(names.map((name) => readLetter(join(folder, name))))
}
