/** Which mailbox a client certificate opens (A1): issued by an authority of ours, valid, not revoked, and registered for the mailbox. */
import type { Clock } from '../points/ports.js'
import { knownCertificate } from '../smime/known-certificates.js'
import type { TrustStore } from '../smime/trust.js'
import { BY_ADDRESS, markOf } from './certificate-marks.js'
import type { OwnDirectory, OwnMailbox } from './own-directory.js'

export interface CertificateMeans {
  /** Of the authorities whose certificates may open mailboxes. */
  readonly trust: Pick<TrustStore, 'judge'>
  readonly directory: Pick<OwnDirectory, 'mailbox' | 'mailboxesOfCertificate'>
  readonly clock: Clock
}

/** The mailbox, or one sentence in English that says why there is none. */
export type Opening =
  { readonly mailbox: OwnMailbox; readonly refusal?: undefined } | { readonly mailbox?: undefined; readonly refusal: string }

/** Of one certificate that are looked up. */
const MAX_ADDRESSES = 8

export class ClientCertificates {
  private readonly means: CertificateMeans

  constructor(means: CertificateMeans) {
    this.means = means
  }

  /**
   * The mailbox that a certificate (DER) opens without a password: that of the login, or where this is empty the only one that there is.
   * Rejects with PecError 'directory', temporary, when nobody can tell.
   */
  async open(certificate: Buffer, login: string): Promise<Opening> {
    const distrust = await this.faultOf(certificate)
    if (distrust !== undefined) return { refusal: distrust }
    const candidates = login === '' ? await this.candidatesOf(certificate) : await this.named(login)
    const opened: OwnMailbox[] = []
    for (const candidate of candidates) if (await this.isRegistered(certificate, candidate)) opened.push(candidate)
    const [mailbox, ...others] = opened
    if (mailbox === undefined) return { refusal: 'it is not registered for the mailbox' }
    if (others.length > 0) return { refusal: 'it opens several mailboxes: the login must name one' }
    // Nobody is who logs in to a shared mailbox in no name of their own.
    return mailbox.kind === 'shared' ? { refusal: 'operators of a shared mailbox have passwords' } : { mailbox }
  }

  /** Why a certificate is not good beside the password of this mailbox; undefined if it is. Rejects as `open` does. */
  async refusalFor(certificate: Buffer | undefined, mailbox: OwnMailbox): Promise<string | undefined> {
    if (certificate === undefined) return 'the client has shown no certificate'
    const distrust = await this.faultOf(certificate)
    if (distrust !== undefined) return distrust
    return (await this.isRegistered(certificate, mailbox)) ? undefined : 'it is not registered for the mailbox'
  }

  private async faultOf(certificate: Buffer): Promise<string | undefined> {
    const { trusted, reason } = await this.means.trust.judge(certificate, [], this.means.clock())
    return trusted ? undefined : reason
  }

  private async named(login: string): Promise<OwnMailbox[]> {
    const mailbox = await this.means.directory.mailbox(login)
    return mailbox === undefined ? [] : [mailbox]
  }

  /** By its fingerprint, or by the addresses in it; each once. */
  private async candidatesOf(certificate: Buffer): Promise<readonly OwnMailbox[]> {
    const { directory } = this.means
    const found = [...(await directory.mailboxesOfCertificate(markOf(certificate)))]
    for (const email of emailsIn(certificate)) found.push(...(await this.named(email)))
    return [...new Map(found.map((mailbox) => [mailbox.address, mailbox])).values()]
  }

  private async isRegistered(certificate: Buffer, { address, certificates = [] }: OwnMailbox): Promise<boolean> {
    if (certificates.includes(markOf(certificate))) return true
    if (!certificates.includes(BY_ADDRESS)) return false
    for (const email of emailsIn(certificate)) if ((await this.means.directory.mailbox(email))?.address === address) return true
    return false
  }
}

/** The rfc822Names of subjectAltName; what the subject itself says counts for nothing. */
function emailsIn(certificate: Buffer): readonly string[] {
  return (knownCertificate(certificate)?.certificate.emails ?? []).slice(0, MAX_ADDRESSES)
}
