/** Keys, certificates and signatures made for the tests, and openssl as the judge from outside. */
import { execFile } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { issueAuthority, issueProviderCertificate, type KeyAndCertificate, type ProviderRequest } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { createSigner, type Signer } from '../../src/smime/signer.js'

export const NAME = 'Gestore di Prova S.p.A.'
export const ADDRESS = 'posta-certificata@prova.test'

/** Material shared between projects, not part of this one: tests that need it are skipped where it is not. */
export const SHARED = resolve(__dirname, '../../../shared')
export const hasShared = existsSync(SHARED)

export interface Run {
  readonly ok: boolean
  readonly output: string
}

/** Runs a program; `output` is all that it wrote. */
export function run(program: string, ...args: readonly string[]): Promise<Run> {
  return new Promise((done) => {
    execFile(program, args, (error, stdout, stderr) => done({ ok: error === null, output: stdout + stderr }))
  })
}

/** Runs openssl, which must succeed. */
export async function openssl(...args: readonly string[]): Promise<string> {
  const { ok, output } = await run('openssl', ...args)
  if (!ok) throw new Error(`openssl ${args[0] ?? ''}: ${output}`)
  return output
}

/** What `openssl req` is told of a key that nobody needs, and of its owner. */
export const anyKey = (bits = 2048): readonly string[] => [
  ...['-newkey', `rsa:${bits}`, '-nodes', '-keyout', '/dev/null', '-config', '/dev/null', '-subj', `/O=${NAME}`],
]

/** A directory that goes away with the process. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pec-smime-'))
  process.once('exit', () => rmSync(path, { recursive: true, force: true }))
  return path
}

export function derOf(certificate: KeyAndCertificate): Buffer {
  const [der] = readPem(Buffer.from(certificate.certificate), 'CERTIFICATE')
  if (der === undefined) throw new Error('no certificate')
  return der
}

export function signerOf(owner: KeyAndCertificate, ...chain: readonly KeyAndCertificate[]): Signer {
  return createSigner(createPrivateKey(owner.key), derOf(owner), chain.map(derOf))
}

/** A root and a provider under it, with keys that are quick to make. */
export async function makeProvider(overrides: Partial<ProviderRequest> = {}) {
  const authority = overrides.authority ?? (await issueAuthority({ name: 'Prova CA', keyKind: 'p-256' }))
  const provider = await issueProviderCertificate({
    authority,
    providerName: NAME,
    address: ADDRESS,
    keyKind: 'p-256',
    ...overrides,
  })
  return { authority, provider }
}

/** Writes these files into a directory, by name. */
export async function writeFiles(directory: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(directory, name), content)))
}
