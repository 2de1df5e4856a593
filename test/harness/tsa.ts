/** A time-stamping authority of the test's own: `openssl ts -reply` behind a small HTTP server. */
import { spawn, spawnSync } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { TAG, DerReader, onlyElement, sequence } from '../../src/smime/der.js'
import { OID } from '../../src/smime/oids.js'
import { readSignedData } from '../../src/smime/signed-data.js'

/** What the server does with a request; `reply` is what openssl makes of one. */
export type Behaviour = (
  request: Buffer,
  reply: (request: Buffer) => Promise<Buffer>,
  http: { readonly request: IncomingMessage; readonly response: ServerResponse },
) => Promise<Buffer | undefined>

export interface Tsa {
  readonly url: string
  /** Its authority, PEM. */
  readonly anchors: Buffer
  readonly anchorsFile: string
  /** Requests that came in. */
  requests: number
  /** An honest one unless it is set. */
  behaviour: Behaviour
  /** Stops listening, as if the machine were away. */
  away(): Promise<void>
  /** Listens again on the same port. */
  back(): Promise<void>
}

const CONFIG = `
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[stamps]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[careless]
extendedKeyUsage = timeStamping
[anything]
keyUsage = critical, digitalSignature
[mail]
keyUsage = critical, digitalSignature
extendedKeyUsage = emailProtection
[tsa]
default_tsa = stamping
[stamping]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[lists]
database = index
crlnumber = crlnumber
default_md = sha256
`

/** What the extensions of a signer's certificate say that it is for. */
export type SignerPurpose = 'stamps' | 'careless' | 'mail' | 'anything'

/** Makes keys and certificates in `folder`, the signer's with the address of a responder if one is given. */
export async function startTsa(folder: string, atClose: (closing: () => unknown) => void, ocspUrl?: string): Promise<Tsa> {
  makeCertificates(folder, ocspUrl)
  const server = createServer((request, response) => void answer(request, response))
  const tsa: Tsa = {
    url: '',
    anchors: readFileSync(join(folder, 'authority.pem')),
    anchorsFile: join(folder, 'authority.pem'),
    requests: 0,
    behaviour: (request, reply) => reply(request),
    away: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
    back: async () => {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
  }
  let queue: Promise<unknown> = Promise.resolve()
  // One at a time: they share a file of serial numbers.
  const reply = (request: Buffer): Promise<Buffer> => {
    const next = queue.then(() => replyTo(folder, request))
    queue = next.catch(() => undefined)
    return next
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    tsa.requests += 1
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const made = await tsa.behaviour(Buffer.concat(pieces), reply, { request, response })
    if (made === undefined) return
    response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(made)
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  atClose(() => {
    server.close()
    server.closeAllConnections()
  })
  return Object.assign(tsa, { url: `http://127.0.0.1:${port}/tsa` })
}

function makeCertificates(folder: string, ocspUrl?: string): void {
  const access = ocspUrl === undefined ? '' : `authorityInfoAccess = OCSP;URI:${ocspUrl}\n`
  writeFileSync(join(folder, 'tsa.cnf'), CONFIG.replace('[stamps]\n', `[stamps]\n${access}`))
  writeFileSync(join(folder, 'serial'), '01\n')
  const root = [
    '-keyout',
    'authority.key',
    '-out',
    'authority.pem',
    '-subj',
    '/CN=Test TSA root',
    '-extensions',
    'authority',
    '-days',
    '3650',
  ]
  openssl(folder, 'req', '-x509', ...NEW_KEY, ...root)
  issueSigner(folder, 'tsa', 'stamps')
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-config', 'tsa.cnf']

function issueSigner(folder: string, name: string, purpose: SignerPurpose): void {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=Test TSA`]
  const by = ['-CA', 'authority.pem', '-CAkey', 'authority.key', '-extensions', purpose, '-days', '30']
  openssl(folder, 'req', '-x509', ...NEW_KEY, ...files, ...by)
}

/** What an answer stamps, changed or not, signed by another certificate of the authority: openssl itself makes no stamp with a wrong one. */
export function signedAgain(
  folder: string,
  response: Buffer,
  purpose: SignerPurpose,
  change: (info: Buffer) => Buffer = (info) => info,
  naming: 'names its signer' | 'names nobody' = 'names its signer',
): Buffer {
  const outer = new DerReader(onlyElement(response, TAG.sequence).content)
  const status = outer.element(TAG.sequence).bytes
  const { content } = readSignedData(outer.element(TAG.sequence).bytes, OID.timeStampInfo)
  writeFileSync(join(folder, 'info'), change(content ?? Buffer.alloc(0)))
  issueSigner(folder, 'other', purpose)
  const type = [
    '-nodetach',
    '-binary',
    '-econtent_type',
    OID.timeStampInfo,
    '-outform',
    'DER',
    '-md',
    'sha256',
    ...(naming === 'names its signer' ? ['-cades'] : []),
  ]
  openssl(folder, 'cms', '-sign', '-in', 'info', ...type, '-signer', 'other.pem', '-inkey', 'other.key', '-out', 'other.cms')
  return sequence(status, readFileSync(join(folder, 'other.cms')))
}

/** The authority's revocation list, PEM, good for some hours; with the signer's certificate in it, for a reason or without one, or not. */
export function revocationList(
  folder: string,
  { revoked, reason, hours }: { readonly revoked: boolean; readonly reason?: string; readonly hours: number },
): string {
  writeFileSync(join(folder, 'index'), '')
  writeFileSync(join(folder, 'crlnumber'), '01\n')
  const ca = ['ca', '-config', 'tsa.cnf', '-name', 'lists', '-cert', 'authority.pem', '-keyfile', 'authority.key']
  if (revoked) openssl(folder, ...ca, '-revoke', 'tsa.pem', ...(reason === undefined ? [] : ['-crl_reason', reason]))
  openssl(folder, ...ca, '-gencrl', '-crlhours', String(hours), '-out', 'list.pem')
  return join(folder, 'list.pem')
}

/** Has the server name the signer of its next answers by a digest of this kind, in the attribute for it. */
export function nameSignerBy(folder: string, digest: 'sha1' | 'sha256' | 'sha512'): void {
  writeFileSync(join(folder, 'tsa.cnf'), CONFIG.replace('ess_cert_id_alg = sha256', `ess_cert_id_alg = ${digest}`))
}

function openssl(folder: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8', timeout: 30_000 })
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`)
}

async function replyTo(folder: string, request: Buffer): Promise<Buffer> {
  writeFileSync(join(folder, 'request.tsq'), request)
  const args = ['ts', '-reply', '-config', 'tsa.cnf', '-section', 'stamping', '-queryfile', 'request.tsq', '-out', 'reply.tsr']
  const child = spawn('openssl', [...args, '-signer', 'tsa.pem', '-inkey', 'tsa.key'], { cwd: folder, stdio: 'ignore' })
  const [status] = (await once(child, 'exit')) as [number | null]
  if (status !== 0) throw new Error(`openssl ts -reply ended with ${status}`)
  return readFileSync(join(folder, 'reply.tsr'))
}
