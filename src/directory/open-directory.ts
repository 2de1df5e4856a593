/** The directory that the settings name. */
import type { Config } from '../config/config.js'
import type { Clock } from '../points/ports.js'
import type { DirectoryEvent } from './directory-event.js'
import { FileDirectory } from './file-directory.js'
import type { OwnDirectory } from './own-directory.js'

/** Rejects with PecError 'configuration' if it cannot be used. */
export async function openDirectory(
  { directory, ldap }: Pick<Config, 'directory' | 'ldap'>,
  clock: Clock,
  onEvent: (event: DirectoryEvent) => void,
): Promise<OwnDirectory> {
  if (directory.engine === 'file') return FileDirectory.open({ path: directory.file, clock, onEvent })
  // In memory only where there is a server.
  const { LdapDirectory } = await import('./ldap-directory.js')
  return LdapDirectory.open({ settings: ldap, clock, onEvent })
}
