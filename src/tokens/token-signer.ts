/** A Signer whose key is in PKCS#11 tokens. */
import { PecError } from '../errors.js'
import { openCertificate, type CertificateFiles, type Signer } from '../smime/signer.js'
import { TokenPair, type Trouble } from './pair.js'
import { readPin, type PinPlace } from './pin.js'

export interface TokenSignerSettings {
  /** Path of the PKCS#11 library. */
  readonly module: string
  /** Tokens with the same key, the first that is preferred: a label, or `serial:` and a serial number. */
  readonly tokens: readonly string[]
  /** CKA_LABEL and CKA_ID (hex) of the key; at least one. */
  readonly keyLabel: string | undefined
  readonly keyId: string | undefined
  readonly pin: PinPlace
  /** Operations at a time with one token. */
  readonly sessions: number
  /** Seconds that one operation may take. */
  readonly timeout: number
  readonly files: CertificateFiles
  /**
   * strict: anything about a token that must be set right stops it, and so does having none that signs. patient: tokens are taken as
   * they come, for a process that is born again while the service runs.
   */
  readonly start: 'strict' | 'patient'
  readonly onEvent: (message: string) => void
}

export interface TokenSigner extends Signer {
  /** Ends the processes that hold the tokens. */
  close(): void
}

/** Opens the key. Rejects with PecError 'configuration' naming every fault; a wrong PIN is tried once. */
export async function openTokenSigner(settings: TokenSignerSettings): Promise<TokenSigner> {
  const { module, tokens, keyLabel = '', keyId = '', sessions, timeout, onEvent } = settings
  const [identity, pin] = await Promise.all([openCertificate(settings.files), readPin(settings.pin)])
  const pair = new TokenPair({
    tokens: tokens.map((token) => ({ module, token, keyLabel, keyId, pin, sessions })),
    certificate: identity.certificate,
    timeout: timeout * 1000,
    onEvent,
  })
  const troubles = await pair.open()
  if (settings.start === 'strict' && stopsTheStart(troubles, tokens.length)) {
    pair.close()
    throw new PecError('configuration', `cannot sign: ${troubles.map(({ reason }) => reason).join('; ')}`)
  }
  for (const { reason } of troubles) onEvent(`${reason}: it does not sign until it is well`)
  return { ...identity, sign: (data) => pair.sign(data), close: () => pair.close() }
}

function stopsTheStart(troubles: readonly Trouble[], tokens: number): boolean {
  return troubles.length === tokens || troubles.some(({ kind }) => kind !== 'away')
}
