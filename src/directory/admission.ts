/** Whether somebody may administer a domain now (O3). */
import { domainOf } from '../mail/address.js'
import type { OwnDirectory } from './own-directory.js'

export type Admission =
  | { readonly admitted: true; /** NAME@DOMAIN, lower case. */ readonly login: string; readonly domain: string }
  /** The login and the password do not match or have ended; the provider has suspended them; the password is to be changed first. */
  | { readonly admitted: false; readonly why: 'wrong' | 'suspended' | 'temporary' }

/** Unknown logins take as long as known ones. Rejects with PecError 'directory', temporary. */
export async function admitAdministrator(
  directory: Pick<OwnDirectory, 'administrator'>,
  login: string,
  password: string,
): Promise<Admission> {
  const administrator = await directory.administrator(login, password)
  if (administrator === undefined) return { admitted: false, why: 'wrong' }
  if (administrator.state !== 'active') return { admitted: false, why: 'suspended' }
  if (administrator.temporary) return { admitted: false, why: 'temporary' }
  return { admitted: true, login: administrator.login, domain: domainOf(administrator.login) }
}
