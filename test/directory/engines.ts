/** Accounts in a file and on an LDAP server, with what the gateway has of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { ldap } from '../../src/config/ldap.js'
import { Values } from '../../src/config/values.js'
import type { Accounts } from '../../src/directory/accounts.js'
import { FileAccounts } from '../../src/directory/file-accounts.js'
import { FileDirectory } from '../../src/directory/file-directory.js'
import { LdapAccounts } from '../../src/directory/ldap-accounts.js'
import { LdapDirectory } from '../../src/directory/ldap-directory.js'
import type { OwnDirectory } from '../../src/directory/own-directory.js'
import { ADMIN, ADMIN_PASSWORD, slapdIsMissing, TestSlapd } from '../harness/slapd.js'

const folder = mkdtempSync(join(tmpdir(), 'pec-accounts-'))
after(() => rmSync(folder, { recursive: true }))

export const START = Date.parse('2026-11-27T10:00:00Z')
export const DOMAINS = ['comune.test', 'pec-a.test']

export interface Opened {
  readonly accounts: Accounts
  readonly directory: OwnDirectory
  /** Time goes by, at least as much as the directory needs to see changes. */
  later(ms: number): void
  readonly clock: () => Date
  close(): Promise<void>
}

export const ENGINES: readonly [string, string | false, () => Promise<Opened>][] = [
  ['a file', false, openFile],
  ['an LDAP server', slapdIsMissing, openServer],
]

let files = 0

async function openFile(): Promise<Opened> {
  const path = join(folder, `directory-${++files}.json`)
  const accounts = new FileAccounts(path, { N: 16, r: 1, p: 1 })
  for (const domain of DOMAINS) await accounts.addDomain(domain)
  let now = START
  const clock = (): Date => new Date(now)
  const directory = FileDirectory.open({ path, clock, onEvent: () => undefined })
  return { accounts, directory, clock, later: (ms) => void (now += ms), close: () => directory.close() }
}

async function openServer(): Promise<Opened> {
  const slapd = await TestSlapd.start({ ldif: readFileSync(join(__dirname, 'pec.ldif'), 'utf8') })
  const passwordFile = join(folder, 'bind-password')
  writeFileSync(passwordFile, `${ADMIN_PASSWORD}\n`)
  const ini = { ldap: { urls: slapd.url, bind_dn: ADMIN, bind_password_file: passwordFile } }
  const settings = ldap.read(new Values('ldap', ini, folder, []))
  let now = START
  const clock = (): Date => new Date(now)
  const accounts = await LdapAccounts.open(settings, clock, () => undefined)
  const directory = await LdapDirectory.open({ settings, clock, onEvent: () => undefined })
  return {
    ...{ accounts, directory, clock },
    later: (ms) => void (now += ms),
    close: async () => {
      await Promise.all([accounts.close(), directory.close()])
      await slapd.close()
    },
  }
}
