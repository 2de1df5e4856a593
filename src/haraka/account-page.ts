/** The pages on which people change their passwords, and administrators provide for their domains: in the master or the only process. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Administration } from '../account/administration.js'
import { administrationPage } from '../account/administration-page.js'
import { LoginTries } from '../account/login-tries.js'
import { PasswordChanges } from '../account/password-change.js'
import { passwordPage } from '../account/password-page.js'
import { openAccountServer } from '../account/server.js'
import type { Config } from '../config/config.js'
import { DomainAccounts, type LastChange } from '../directory/domain-accounts.js'
import { openAccounts } from '../directory/open-accounts.js'
import { Provisioning } from '../directory/provisioning.js'
import { reasonOf } from '../errors.js'
import { databaseSource } from '../retrieval/source.js'
import { lastStateChange } from '../retrieval/state-change.js'
import type { Gateway } from './gateway.js'
import type { Logger } from './types.js'

/** How often a new certificate is taken over, in milliseconds. */
const RENEW_EVERY = 3_600_000
/** Where administrators of domains go. */
const ADMINISTRATION = '/dominio'

/** Where [account] says so. Returns what ends it. */
export async function startAccountPage({ config, house, provider }: Gateway, log: Logger): Promise<() => void> {
  const { listen } = config.account
  if (listen === undefined) return () => undefined
  const { clock } = house
  const accounts = await openAccounts(config, clock, (line) => log.lognotice(line))
  const { directory, ledger } = provider
  const { passwordLength: length, firstPasswordDays: passwordDays } = config.directory
  const name = config.provider.name
  const register = { ledger, clock, provider: name }
  const tries = new LoginTries(clock)
  const changes = new PasswordChanges({
    ...{ directory, tries, length },
    accountsOf: (by) => new Provisioning(accounts, { ...register, by }),
  })
  const lastChange: LastChange = (address) => lastStateChange(address, databaseSource(ledger))
  const administration = new Administration({
    ...{ directory, tries, clock, passwordDays },
    accountsOf: (by, domain) => new Provisioning(new DomainAccounts(accounts, domain, lastChange), { ...register, by }),
    onRefusal: (line) => log.logwarn(line),
  })
  const pages = new Map([
    ['/', passwordPage({ provider: name, length }, changes)],
    [ADMINISTRATION, administrationPage(name, ADMINISTRATION, administration)],
  ])
  const onFailure = (line: string): void => log.logerror(line)
  const server = await openAccountServer({ listen, identity: await identityOf(config), pages, onFailure })
  server.unref()
  const renew = async (): Promise<void> => server.setSecureContext(await identityOf(config))
  const timer = setInterval(() => {
    renew().catch((error: unknown) => log.logwarn(`the pages of [account] keep their certificate: ${reasonOf(error)}`))
  }, RENEW_EVERY).unref()
  return () => {
    clearInterval(timer)
    server.close()
    void accounts.close()
  }
}

async function identityOf({ instance }: Config): Promise<{ readonly key: Buffer; readonly cert: Buffer }> {
  const read = (name: string): Promise<Buffer> => readFile(join(instance, 'config', name))
  return { key: await read('tls_key.pem'), cert: await read('tls_cert.pem') }
}
