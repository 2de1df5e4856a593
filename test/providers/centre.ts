/** The centre of the index in a test: an HTTPS server that asks who comes, what it signs, and a provider that fetches from it. */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeChange, type RecordChange } from '../../src/providers/index-changes.js'
import { signedFile, type IndexSourceOptions } from '../../src/providers/index-source.js'
import { ownRecordLdif } from '../../src/providers/own-record.js'
import { readIndex } from '../../src/providers/provider-index.js'
import { Synchroniser, type SynchroniserOptions } from '../../src/providers/synchronise.js'
import { issueAuthority, issueProviderCertificate, issueTlsCertificate, type KeyAndCertificate } from '../../src/smime/issue.js'
import { signEnclosed } from '../../src/smime/sign.js'
import { TrustStore } from '../../src/smime/trust.js'
import { derOf, signerOf } from '../smime/fixtures.js'

export interface Listed {
  readonly name: string
  readonly domains: readonly string[]
  readonly certificate?: Buffer
}

const NOW = new Date('2026-06-01T12:00:00Z')
const FROM = new Date('2026-01-01T00:00:00Z')

export class Centre {
  /** What the server answers with; `serve` sets it to a body. */
  answer: RequestListener = (_, response) => response.writeHead(404).end()
  readonly folder: string
  readonly authority: KeyAndCertificate
  /** Who signs the index. */
  readonly signer: KeyAndCertificate
  /** Ours, and somebody else's. */
  readonly own: KeyAndCertificate
  readonly other: KeyAndCertificate
  readonly tls: { readonly server: KeyAndCertificate; readonly client: KeyAndCertificate }
  readonly registered: string[] = []
  private readonly server: ReturnType<typeof createServer>

  private constructor(folder: string, keys: Pick<Centre, 'authority' | 'signer' | 'own' | 'other' | 'tls'>) {
    this.folder = folder
    this.authority = keys.authority
    this.signer = keys.signer
    this.own = keys.own
    this.other = keys.other
    this.tls = keys.tls
    const { server } = keys.tls
    const ca = keys.authority.certificate
    this.server = createServer(
      { key: server.key, cert: server.certificate, ca, requestCert: true, rejectUnauthorized: true },
      (request, response) => this.answer(request, response),
    )
  }

  static async open(): Promise<Centre> {
    const folder = await mkdtemp(join(tmpdir(), 'pec-centre-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256', from: FROM })
    const provider = (providerName: string) =>
      issueProviderCertificate({ authority, providerName, address: 'posta-certificata@p.test', keyKind: 'p-256', from: FROM })
    const tls = () => issueTlsCertificate({ authority, hosts: ['127.0.0.1'], keyKind: 'p-256' })
    const [signer, own, other] = [await provider('Centre'), await provider('Ours'), await provider('Other')]
    const centre = new Centre(folder, { authority, signer, own, other, tls: { server: await tls(), client: await tls() } })
    centre.server.listen(0, '127.0.0.1')
    await once(centre.server, 'listening')
    return centre
  }

  get url(): string {
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}/igpec.ldif.p7m`
  }

  get file(): string {
    return join(this.folder, 'index.ldif')
  }

  serve(body: Buffer): void {
    this.answer = (_, response) => response.end(body)
  }

  /** The index of these providers; ours is not among them. */
  ldif(...listed: readonly Listed[]): Buffer {
    return Buffer.concat(
      listed.map(({ name, domains, certificate = derOf(this.other) }) => {
        const ldif = ownRecordLdif({ name, certificates: [certificate], mailReceipt: 'receipts@p.test', domains })
        return Buffer.from(ldif.toString('latin1').replace('version: 1\n', '\n'), 'latin1')
      }),
    )
  }

  /** Signed by the centre, or by somebody else. */
  signed(ldif: Buffer, { by = this.signer, at = NOW }: { readonly by?: KeyAndCertificate; readonly at?: Date } = {}) {
    return signEnclosed(ldif, signerOf(by), at)
  }

  /** Our copy: our own record, with our one domain, and these. */
  async have(...listed: readonly Listed[]): Promise<void> {
    const own = { name: 'Ours', domains: ['ours.test'], certificate: derOf(this.own) }
    await writeFile(this.file, this.ldif(own, ...listed))
    rmSync(`${this.file}.received`, { force: true })
    this.registered.length = 0
  }

  /** The domains in our copy. */
  async domains(): Promise<string[]> {
    const { records } = readIndex(await readFile(this.file))
    return records.flatMap(({ managedDomains }) => [...managedDomains]).sort()
  }

  get means(): IndexSourceOptions {
    const { client } = this.tls
    const pem = (text: string) => Buffer.from(text)
    const tls = { ca: pem(this.authority.certificate), key: pem(client.key), cert: pem(client.certificate) }
    return { url: this.url, tls, timeout: 20_000, maxSize: 1_000_000 }
  }

  /** Of a provider that trusts the centre's signer, and nobody else. */
  synchroniser(means: Partial<IndexSourceOptions> = {}, options: Partial<SynchroniserOptions> = {}): Synchroniser {
    const signers = new TrustStore({ anchors: [derOf(this.signer)], crls: undefined, crlRequired: true })
    return new Synchroniser({
      ...{ file: this.file, certificate: () => derOf(this.own), shrink: 20, clock: () => NOW },
      source: signedFile({ ...this.means, ...means, signers, clock: () => NOW }),
      register: (changes: readonly RecordChange[]) => {
        this.registered.push(...changes.map(describeChange))
        return Promise.resolve()
      },
      ...options,
    })
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }
}
