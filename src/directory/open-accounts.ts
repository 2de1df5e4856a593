/** The accounts of the directory that the settings name. */
import type { Config } from '../config/config.js'
import type { Clock } from '../points/ports.js'
import type { Accounts } from './accounts.js'
import { FileAccounts } from './file-accounts.js'
import { LdapAccounts } from './ldap-accounts.js'

export function openAccounts(
  { directory, ldap }: Pick<Config, 'directory' | 'ldap'>,
  clock: Clock,
  onEvent: (line: string) => void,
): Promise<Accounts> {
  return directory.engine === 'file' ? Promise.resolve(new FileAccounts(directory.file)) : LdapAccounts.open(ldap, clock, onEvent)
}
