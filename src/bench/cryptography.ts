/** CPU of a signature and of a verification beside one raw RSA-2048 private operation on the same machine. */
import { createPrivateKey, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto'
import { fromBuffer } from '../mail/source.js'
import { issueAuthority, issueProviderCertificate } from '../smime/issue.js'
import { signDetached } from '../smime/sign.js'
import { createSigner } from '../smime/signer.js'
import { verifyDetached } from '../smime/verify.js'
import { median } from './figures.js'

/** CPU milliseconds of one operation on 20 KiB, over all threads of this process. */
export interface CryptographyFigures {
  readonly rawRsaMs: number
  readonly signatureMs: number
  readonly verificationMs: number
  /** Median over the rounds of signature over raw operation. */
  readonly signatureOverRawRsa: number
}

const SIZE = 20 * 1024
// Asynchronous operations under way at once: what costs is then work, not waiting for the thread pool.
const CONCURRENT = 8

export async function measureCryptography(rounds: number, operations: number): Promise<CryptographyFigures> {
  const { key, certificate, authority } = await identity()
  const signer = createSigner(key, certificate, [authority])
  const content = fromBuffer(randomBytes(SIZE))
  const at = new Date()
  const signature = await signDetached(content, signer, at)
  // About what the signed attributes have.
  const attributes = randomBytes(120)
  const raw = () => Promise.resolve(sign('sha256', attributes, key))
  const verify = async () => {
    const verdict = await verifyDetached(content, signature)
    if (!verdict.valid) throw new Error(`the benchmark's own signature is ${verdict.fault}`)
  }
  const timed = { raw: [] as number[], sign: [] as number[], verify: [] as number[] }
  for (let round = 0; round <= rounds; round++) {
    const raws = await cpuOf(operations, raw)
    const signs = await cpuOf(operations, () => signDetached(content, signer, at))
    const verifications = await cpuOf(operations, verify)
    if (round === 0) continue // warming up
    timed.raw.push(raws)
    timed.sign.push(signs)
    timed.verify.push(verifications)
  }
  return {
    rawRsaMs: median(timed.raw),
    signatureMs: median(timed.sign),
    verificationMs: median(timed.verify),
    signatureOverRawRsa: median(timed.sign.map((ms, round) => ms / (timed.raw[round] ?? NaN))),
  }
}

/** Mean CPU milliseconds of an operation. */
async function cpuOf(operations: number, operation: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  let left = operations
  const lane = async () => {
    while (left-- > 0) await operation()
  }
  await Promise.all(Array.from({ length: CONCURRENT }, lane))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / operations
}

interface Identity {
  readonly key: KeyObject
  /** DER. */
  readonly certificate: Buffer
  /** DER. */
  readonly authority: Buffer
}

async function identity(): Promise<Identity> {
  const authority = await issueAuthority({ name: 'Bench CA' })
  const request = { authority, providerName: 'Bench', address: 'posta-certificata@pec-a.test' }
  const { key, certificate } = await issueProviderCertificate(request)
  return { key: createPrivateKey(key), certificate: derOf(certificate), authority: derOf(authority.certificate) }
}

function derOf(pem: string): Buffer {
  return new X509Certificate(pem).raw
}
