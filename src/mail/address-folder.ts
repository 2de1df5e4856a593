/** Folders named by addresses, which come from strangers. */
import { join } from 'node:path'
import { PecError } from '../errors.js'

const DOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/
const LOCAL_PART = /^[a-z0-9!#$%&'*+=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+=?^_`{|}~-]+)*$/
// RFC 5321 §4.5.3.1
const MAX_LOCAL_PART = 64
const MAX_DOMAIN = 253

/** DOMAIN/USER of an address in lower case. Throws PecError 'malformed' for one that cannot safely name folders. */
export function folderOfAddress(address: string): string {
  const at = address.lastIndexOf('@')
  const user = address.slice(0, Math.max(at, 0))
  const domain = address.slice(at + 1)
  if (user.length > MAX_LOCAL_PART || domain.length > MAX_DOMAIN || !LOCAL_PART.test(user) || !DOMAIN.test(domain)) {
    throw new PecError('malformed', `${JSON.stringify(address)} cannot name a folder`)
  }
  return join(domain, user)
}
