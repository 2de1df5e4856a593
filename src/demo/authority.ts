/** The test accreditation authority of a demonstration: every provider's keys and TLS come from it, and its anchor is the only one. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SERVICE_LOCAL_PART } from '../pec/kinds.js'
import {
  issueAuthority,
  issueProviderCertificate,
  issueRevocationList,
  issueTlsCertificate,
  type KeyAndCertificate,
} from '../smime/issue.js'

/** Paths of PEM files. */
export interface PairFiles {
  readonly key: string
  readonly certificate: string
}

export interface ProviderFiles {
  /** What it signs with. */
  readonly signing: PairFiles
  /** For its listeners: localhost and 127.0.0.1. */
  readonly tls: PairFiles
}

/** The longest a demonstration is kept, in days. */
const VALID = 30

export class Authority {
  /** Its certificate, PEM. */
  readonly certificate: string
  /** PEM files. */
  readonly anchor: string
  readonly revocationList: string
  private readonly pair: KeyAndCertificate
  private readonly directory: string

  private constructor(directory: string, pair: KeyAndCertificate) {
    this.directory = directory
    this.pair = pair
    this.certificate = pair.certificate
    this.anchor = join(directory, 'ca.pem')
    this.revocationList = join(directory, 'crl.pem')
  }

  /** Makes it, with an empty revocation list, in a directory of its own. */
  static async open(directory: string): Promise<Authority> {
    await mkdir(directory, { recursive: true })
    const pair = await issueAuthority({ name: 'Test accreditation authority', days: VALID })
    const authority = new Authority(directory, pair)
    await writeFile(authority.anchor, pair.certificate)
    await writeFile(authority.revocationList, issueRevocationList({ authority: pair, revoked: [], days: VALID }))
    return authority
  }

  /** Keys and certificates of a provider. */
  async accredit(providerName: string, domain: string): Promise<ProviderFiles> {
    const authority = this.pair
    const address = `${SERVICE_LOCAL_PART}@${domain}`
    const [signing, tls] = await Promise.all([
      issueProviderCertificate({ authority, providerName, address, days: VALID }),
      issueTlsCertificate({ authority, hosts: [`mail.${domain}`, 'localhost', '127.0.0.1'], days: VALID, keyKind: 'p-256' }),
    ])
    return { signing: await this.write(domain, 'signing', signing), tls: await this.write(domain, 'tls', tls) }
  }

  private async write(domain: string, use: string, pair: KeyAndCertificate): Promise<PairFiles> {
    const key = join(this.directory, `${domain}-${use}-key.pem`)
    const certificate = join(this.directory, `${domain}-${use}.pem`)
    await writeFile(key, pair.key, { mode: 0o600 })
    await writeFile(certificate, pair.certificate)
    return { key, certificate }
  }
}
