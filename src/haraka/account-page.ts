/** The page on which people change their passwords, as a node has it: in the master or the only process. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PasswordChanges } from '../account/password-change.js'
import { openAccountServer } from '../account/server.js'
import type { Config } from '../config/config.js'
import { openAccounts } from '../directory/open-accounts.js'
import { Provisioning } from '../directory/provisioning.js'
import { reasonOf } from '../errors.js'
import type { Gateway } from './gateway.js'
import type { Logger } from './types.js'

/** How often a new certificate is taken over, in milliseconds. */
const RENEW_EVERY = 3_600_000

/** Where [account] says so. Returns what ends it. */
export async function startAccountPage({ config, house, provider }: Gateway, log: Logger): Promise<() => void> {
  const { listen } = config.account
  if (listen === undefined) return () => undefined
  const { clock } = house
  const accounts = await openAccounts(config, clock, (line) => log.lognotice(line))
  const facts = { provider: config.provider.name, length: config.directory.passwordLength }
  const register = { ledger: provider.ledger, clock, provider: config.provider.name }
  const changes = new PasswordChanges({
    ...{ directory: provider.directory, clock, length: facts.length },
    accountsOf: (login) => new Provisioning(accounts, { ...register, by: login }),
  })
  const onFailure = (line: string): void => log.logerror(line)
  const server = await openAccountServer({ listen, identity: await identityOf(config), facts, changes, onFailure })
  server.unref()
  const renew = async (): Promise<void> => server.setSecureContext(await identityOf(config))
  const timer = setInterval(() => {
    renew().catch((error: unknown) => log.logwarn(`the page for passwords keeps its certificate: ${reasonOf(error)}`))
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
