/** What tells one signature from all others. */
import { createHash } from 'node:crypto'
import { isPecError } from '../errors.js'
import { readSignedData } from './signed-data.js'

/**
 * In hexadecimal, the digest of what the signer has signed: it is the same however the rest is encoded, and whatever somebody has added to
 * it since. What is no signature stands for its bytes.
 */
export function statementOf(signature: Buffer): string {
  return createHash('sha256')
    .update(signedIn(signature) ?? signature)
    .digest('hex')
}

function signedIn(signature: Buffer): Buffer | undefined {
  try {
    return readSignedData(signature).signer?.attributes?.signed
  } catch (error) {
    if (isPecError(error)) return undefined
    throw error
  }
}
