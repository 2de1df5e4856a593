/** One provider of a demonstration: an instance directory made with the `pec` command, running as processes of its own. */
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readInstance } from '../cli/instance.js'
import { setKeys, type Values } from '../cli/settings.js'
import { addMailbox, type NewMailbox } from '../directory/directory-edit.js'
import { startInstance, type Instance } from '../lab/instance.js'
import { readIndex } from '../providers/provider-index.js'
import type { ProviderIndex } from '../points/ports.js'
import { CrlCache } from '../smime/crl.js'
import { readPem } from '../smime/pem.js'
import { TrustStore } from '../smime/trust.js'
import type { Authority } from './authority.js'
import { maildirInbox, type Inbox } from './letter.js'
import { pecProgram, runPec } from './pec-command.js'

export interface ProviderPlan {
  readonly name: string
  readonly domain: string
  readonly directory: string
  readonly ports: { readonly submission: number; readonly starttls: number; readonly mx: number; readonly store: number }
}

/** What a provider goes by when it judges a message: the index it has, and whom it trusts. */
export interface Eyes {
  readonly name: string
  readonly index: ProviderIndex
  readonly trust: TrustStore
}

export class DemoProvider {
  readonly plan: ProviderPlan
  private readonly signal: AbortSignal
  private instance: Instance | undefined

  private constructor(plan: ProviderPlan, signal: AbortSignal) {
    this.plan = plan
    this.signal = signal
  }

  /** `pec init` with keys from the authority. */
  static async init(plan: ProviderPlan, authority: Authority, signal: AbortSignal): Promise<DemoProvider> {
    const { name, domain, directory, ports } = plan
    const { signing, tls } = await authority.accredit(name, domain)
    const options = {
      ...{ name, domain, listen: '127.0.0.1', 'submission-port': ports.submission, 'starttls-port': ports.starttls },
      ...{ 'mx-port': ports.mx, 'store-port': ports.store, key: signing.key, cert: signing.certificate },
      antivirus: 'none',
      ...{ trust: authority.anchor, crl: authority.revocationList },
    }
    const pairs = Object.entries(options).flatMap(([option, value]) => [`--${option}`, String(value)])
    await runPec(['init', directory, ...pairs], signal)
    // As an operator does who has a TLS certificate already, and peers whose certificates come from an authority of their own.
    const config = join(directory, 'config')
    await copyFile(tls.key, join(config, 'tls_key.pem'))
    await copyFile(tls.certificate, join(config, 'tls_cert.pem'))
    await copyFile(authority.anchor, join(config, 'tls_ca.pem'))
    await setKeys(join(config, 'pec.ini'), { peers: { tls: 'verified', ca: 'config/tls_ca.pem' } })
    return new DemoProvider(plan, signal)
  }

  async addMailbox(address: string, password: string): Promise<void> {
    await runPec(['mailbox', 'add', this.plan.directory, address, '--lasting'], this.signal, `${password}\n`)
  }

  /** One that is closed or has a quota: states and bounds for which the command has no words. */
  async addRestrictedMailbox(mailbox: NewMailbox): Promise<void> {
    await addMailbox(readInstance(this.plan.directory).directory.file, mailbox)
  }

  /** Edits pec.ini. */
  async configure(values: Values): Promise<void> {
    await setKeys(join(this.plan.directory, 'config', 'pec.ini'), values)
  }

  /** A static route, in place of the DNS. */
  async addRoute(domain: string, port: number): Promise<void> {
    await this.configure({ routes: { [domain]: `127.0.0.1:${port}` } })
  }

  async exportRecord(file: string): Promise<void> {
    await runPec(['index', 'export', this.plan.directory, file], this.signal)
  }

  async importRecord(file: string): Promise<void> {
    await runPec(['index', 'import', this.plan.directory, file], this.signal)
  }

  /** `pec start`; resolves when it takes mail. */
  async start(): Promise<void> {
    this.signal.throwIfAborted()
    const { directory, ports } = this.plan
    this.instance = await startInstance({
      directory,
      ports: [ports.submission, ports.starttls, ports.mx, ports.store],
      readyLines: [/ready for mail/],
      startMs: 40_000,
      command: [process.execPath, pecProgram, 'start', directory],
    })
  }

  async stop(): Promise<void> {
    await this.instance?.stop(5_000)
  }

  get indexFile(): string {
    return readInstance(this.plan.directory).index.file
  }

  inbox(address: string): Inbox {
    return maildirInbox(this.plan.directory, address)
  }

  /** Where other providers send what they have to tell this one. */
  get receipts(): string {
    return readInstance(this.plan.directory).provider.receipts
  }

  async eyes(): Promise<Eyes> {
    const { trust, index } = readInstance(this.plan.directory)
    const crls = new CrlCache({ sources: trust.crl })
    await crls.refresh()
    const anchors = readPem(await readFile(trust.anchors), 'CERTIFICATE')
    return {
      name: this.plan.name,
      index: readIndex(await readFile(index.file)).index,
      trust: new TrustStore({ anchors, crls, crlRequired: trust.crlRequired }),
    }
  }

  /** The end of its log. */
  logTail(lines: number): string {
    return (this.instance?.log ?? '').trimEnd().split('\n').slice(-lines).join('\n')
  }
}
