/** An OCSP responder of the test's own: `openssl ocsp` on loopback, and before it what makes of its answers what the test wants. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { post } from '../../src/download.js'
import { freePort } from '../../src/lab/ports.js'
import { within } from '../../src/lab/within.js'
import { parseCertificate } from '../../src/smime/certificate.js'
import type { KeyAndCertificate } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'

export interface Answerable {
  readonly certificate: KeyAndCertificate
  readonly revokedAt?: Date
}

export interface ResponderPlan {
  readonly authority: KeyAndCertificate
  /** Whose status it knows. */
  readonly certificates: readonly Answerable[]
  /** Who signs the answers: the authority, if left out. */
  readonly signer?: KeyAndCertificate
  /** Until nextUpdate; answers have none if left out. */
  readonly minutes?: number
  /** More arguments of `openssl ocsp`. */
  readonly options?: readonly string[]
}

/** What becomes of a request; `ask` puts one to openssl. */
export type OcspBehaviour = (request: Buffer, ask: (request: Buffer) => Promise<Buffer>) => Promise<Buffer>

const TYPES = { 'content-type': 'application/ocsp-request' }

export class OcspResponder {
  /** Requests that came in. */
  requests = 0
  /** An honest one unless it is set. */
  behaviour: OcspBehaviour = (request, ask) => ask(request)
  readonly url: string
  private readonly server: Server
  private child: ChildProcess | undefined
  private folder: string | undefined
  private inner = ''

  private constructor(server: Server) {
    this.server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ocsp`
  }

  /** Listens, so that certificates can name it. */
  static async listen(): Promise<OcspResponder> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const responder = new OcspResponder(server)
    server.on('request', (request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => {
        responder.requests += 1
        responder
          .behaviour(Buffer.concat(pieces), (bytes) => responder.ask(bytes))
          .then(
            (answer) => response.setHeader('content-type', 'application/ocsp-response').end(answer),
            () => response.writeHead(500).end(),
          )
      })
    })
    return responder
  }

  /** Starts openssl, in the place of the one before. */
  async answerBy({ authority, certificates, signer = authority, minutes, options = [] }: ResponderPlan): Promise<void> {
    await this.stop()
    const folder = await mkdtemp(join(tmpdir(), 'pec-ocsp-'))
    this.folder = folder
    const files = {
      'index.txt': certificates.map(databaseLine).join(''),
      'ca.pem': authority.certificate,
      'signer.pem': signer.certificate,
      'signer-key.pem': signer.key,
    }
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content, { mode: 0o600 })
    const port = await freePort()
    const period = minutes === undefined ? [] : ['-nmin', String(minutes)]
    const signing = ['-CA', 'ca.pem', '-rsigner', 'signer.pem', '-rkey', 'signer-key.pem']
    const args = ['ocsp', '-port', String(port), '-index', 'index.txt', ...signing, ...period, ...options]
    const child = spawn('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child = child
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    await within(20_000, 'openssl ocsp does not listen', () => said.includes('ACCEPT'))
    this.inner = `http://127.0.0.1:${port}/`
  }

  ask(request: Buffer): Promise<Buffer> {
    return post(this.inner, request, TYPES, { timeout: 20_000, maxSize: 65_536 })
  }

  async close(): Promise<void> {
    await this.stop()
    this.server.closeAllConnections()
    this.server.close()
  }

  private async stop(): Promise<void> {
    const { child, folder } = this
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}

/** A line of a database of `openssl ca`. */
export function databaseLine({ certificate, revokedAt }: Answerable): string {
  const [der = Buffer.alloc(0)] = readPem(Buffer.from(certificate.certificate), 'CERTIFICATE')
  const { serialNumber, notAfter } = parseCertificate(der)
  const time = (date: Date): string => `${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`
  const [letter, revoked] = revokedAt === undefined ? ['V', ''] : ['R', time(revokedAt)]
  const serial = serialNumber.toString('hex').toUpperCase()
  return `${[letter, time(notAfter), revoked, serial, 'unknown', `/CN=${serial}`].join('\t')}\n`
}
