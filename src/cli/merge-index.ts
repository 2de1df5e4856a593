/** Indexes of providers put together: records of the newer one take the place of those of the same name. */
import { PecError } from '../errors.js'
import { parseLdif, writeLdif } from '../providers/ldif.js'
import { readIndex } from '../providers/provider-index.js'

/** The LDIF of `present` with the entries of `added`. Throws PecError 'configuration' if the added one is no index. */
export function mergeIndex(present: Buffer, added: Buffer): Buffer {
  const { faults, records } = readIndex(added)
  if (faults.length > 0 || records.length === 0) {
    const reasons = faults.map(({ dn, fault }) => `${dn}: ${fault}`).join('; ')
    throw new PecError('configuration', `the index was not imported: ${reasons === '' ? 'it lists no provider' : reasons}`)
  }
  const entries = new Map([...parseLdif(present), ...parseLdif(added)].map((entry) => [entry.dn.toLowerCase(), entry]))
  return writeLdif([...entries.values()])
}
