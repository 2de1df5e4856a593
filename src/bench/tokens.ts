/** How many signatures a second a key in a PKCS#11 token makes, beside the same key in a file; SoftHSM2 stands for the HSM. */
import { createPrivateKey, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PIN, SOFTHSM, SoftHsm } from '../lab/softhsm.js'
import { issueAuthority, issueProviderCertificate } from '../smime/issue.js'
import { createSigner, type Signer } from '../smime/signer.js'
import { readPem } from '../smime/pem.js'
import { openTokenSigner } from '../tokens/token-signer.js'
import { median } from './figures.js'

export interface TokenFigures {
  readonly filePerSecond: number
  readonly tokenPerSecond: number
  /** Median over the rounds. */
  readonly tokenOverFile: number
}

/** As many as a busy gateway has under way. */
const CONCURRENT = 32
const SESSIONS = 8
const HOLDER = { providerName: 'Bench', address: 'posta-certificata@pec-a.test' }

/** Undefined where SoftHSM2 is not installed. */
export async function measureTokens(rounds: number, operations: number): Promise<TokenFigures | undefined> {
  if (!existsSync(SOFTHSM)) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'pec-bench-tokens-'))
  try {
    const place = (name: string): string => join(directory, name)
    const authority = await issueAuthority({ name: 'Bench CA' })
    const { key, certificate } = await issueProviderCertificate({ authority, ...HOLDER })
    await writeFile(place('certificate.pem'), certificate)
    await writeFile(place('pin'), PIN, { mode: 0o600 })
    const hsm = await SoftHsm.make(directory)
    await hsm.addToken('bench', key)
    process.env['SOFTHSM2_CONF'] = hsm.config
    const token = await openTokenSigner({
      ...{ module: SOFTHSM, tokens: ['bench'], keyLabel: 'pec', keyId: undefined, pin: { file: place('pin') } },
      ...{ sessions: SESSIONS, timeout: 30, start: 'strict', onEvent: () => undefined },
      files: { certificate: place('certificate.pem'), holder: HOLDER },
    })
    try {
      const [der = Buffer.alloc(0)] = readPem(Buffer.from(certificate), 'CERTIFICATE')
      return await compare(createSigner(createPrivateKey(key), der, []), token, rounds, operations)
    } finally {
      token.close()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function compare(file: Signer, token: Signer, rounds: number, operations: number): Promise<TokenFigures> {
  const rates = { file: [] as number[], token: [] as number[] }
  for (let round = 0; round <= rounds; round++) {
    const [files, tokens] = [await rateOf(operations, file), await rateOf(operations, token)]
    if (round === 0) continue // warming up
    rates.file.push(files)
    rates.token.push(tokens)
  }
  return {
    filePerSecond: median(rates.file),
    tokenPerSecond: median(rates.token),
    tokenOverFile: median(rates.token.map((rate, round) => rate / (rates.file[round] ?? NaN))),
  }
}

async function rateOf(operations: number, signer: Signer): Promise<number> {
  // About what the signed attributes have.
  const attributes = randomBytes(120)
  const begin = performance.now()
  let left = operations
  const lane = async (): Promise<void> => {
    while (left-- > 0) await signer.sign(attributes)
  }
  await Promise.all(Array.from({ length: CONCURRENT }, lane))
  return (operations * 1000) / (performance.now() - begin)
}
