/** The keys of a new instance: the operator's own, or those of a test authority made on the spot. */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  issueAuthority,
  issueProviderCertificate,
  issueRevocationList,
  issueTlsCertificate,
  type KeyAndCertificate,
} from '../smime/issue.js'
import { parseCertificate, type Certificate } from '../smime/certificate.js'
import { couldHaveIssued, isSelfIssued } from '../smime/path.js'
import { readPem, writePem } from '../smime/pem.js'
import { takeFile } from './take-file.js'

export interface KeyOptions {
  readonly name: string
  readonly domain: string
  readonly key?: string
  readonly cert?: string
  readonly trust?: string
  readonly crl?: string
}

export interface InstanceKeys {
  /** For `[trust] crl`. */
  readonly crl: string
  /** For `[signer] chain`; '' for none. */
  readonly chain: string
  readonly isTest: boolean
}

/** A test authority has nobody to renew its list. */
const TEST_DAYS = 3650

/** Writes signing key, certificate, anchors and revocation list into the instance's config folder, and a TLS key if it has none. */
export async function writeAuthority(config: string, options: KeyOptions): Promise<InstanceKeys> {
  const authority = await issueAuthority({ name: `Test authority of ${options.name}`, days: TEST_DAYS })
  if (!existsSync(join(config, 'tls_key.pem'))) await writeTls(config, options.domain, authority)
  const crls = options.crl === undefined ? [] : [/^https?:/.test(options.crl) ? options.crl : await ownCopy(config, options.crl)]
  if (options.key !== undefined && options.cert !== undefined) {
    await takeFile(options.key, join(config, 'pec_key.pem'), 0o600)
    await takeFile(options.cert, join(config, 'pec_certificate.pem'), 0o644)
    await writeAnchors(config, options.trust)
    return { crl: crls.join(', '), chain: await writeChain(config), isTest: false }
  }
  await writePair(config, 'test_authority_key.pem', 'test_authority.pem', authority)
  const provider = await issueProviderCertificate({
    authority,
    providerName: options.name,
    address: `posta-certificata@${options.domain}`,
  })
  await writePair(config, 'pec_key.pem', 'pec_certificate.pem', provider)
  await writeFile(join(config, 'test_authority_crl.pem'), issueRevocationList({ authority, revoked: [], days: TEST_DAYS }))
  await writeAnchors(config, options.trust, authority.certificate)
  return { crl: ['config/test_authority_crl.pem', ...crls].join(', '), chain: '', isTest: true }
}

async function writeTls(config: string, domain: string, authority: KeyAndCertificate): Promise<void> {
  const hosts = [`mail.${domain}`, domain, 'localhost', '127.0.0.1']
  await writePair(config, 'tls_key.pem', 'tls_cert.pem', await issueTlsCertificate({ authority, hosts }))
}

/** The longest chain there may be. */
const MAX_CHAIN = 8

/**
 * The authorities between our certificate and the anchor, where the operator's files have them: they go along in each signature, for
 * who receives our messages may know the anchor only.
 */
async function writeChain(config: string): Promise<string> {
  const [certificate = [], anchors = []] = await Promise.all(
    ['pec_certificate.pem', 'pec_anchors.pem'].map(async (name) => readPem(await readFile(join(config, name)), 'CERTIFICATE')),
  )
  const authorities = [...certificate.slice(1), ...anchors].map(parseCertificate).filter((each) => !isSelfIssued(each))
  const chain: Certificate[] = []
  for (let child = certificate.slice(0, 1).map(parseCertificate)[0]; child !== undefined && chain.length < MAX_CHAIN;) {
    const issued = child
    child = authorities.find((authority) => couldHaveIssued(authority, issued) && !chain.includes(authority))
    if (child !== undefined) chain.push(child)
  }
  if (chain.length === 0) return ''
  await writeFile(join(config, 'pec_chain.pem'), chain.map(({ der }) => writePem(der, 'CERTIFICATE')).join(''), { mode: 0o644 })
  return 'config/pec_chain.pem'
}

async function ownCopy(config: string, file: string): Promise<string> {
  await takeFile(resolve(file), join(config, 'pec_crl.pem'), 0o644)
  return 'config/pec_crl.pem'
}

async function writePair(config: string, key: string, certificate: string, pair: KeyAndCertificate): Promise<void> {
  await writeFile(join(config, key), pair.key, { mode: 0o600 })
  await writeFile(join(config, certificate), pair.certificate, { mode: 0o644 })
}

async function writeAnchors(config: string, trust: string | undefined, own = ''): Promise<void> {
  const path = join(config, 'pec_anchors.pem')
  if (trust === undefined) await writeFile(path, own, { mode: 0o644 })
  else {
    await takeFile(trust, path, 0o644)
    await writeFile(path, `${own}${await readFile(path, 'utf8')}`)
  }
}
