/** Domains and mailboxes as the commands read and change them: in the directory of the instance, and in its register. */
import { userInfo } from 'node:os'
import { InvalidArgumentError, type Command } from 'commander'
import type { Config } from '../config/config.js'
import type { Accounts, Secret } from '../directory/accounts.js'
import { faultOfPassword, makePassword, type PasswordFault } from '../directory/chosen-password.js'
import { openAccounts } from '../directory/open-accounts.js'
import { Provisioning } from '../directory/provisioning.js'
import { PecError } from '../errors.js'
import { readInstance } from './instance.js'
import { withRegister } from './register.js'
import { readLine, say, warn } from './terminal.js'

export interface By {
  readonly by?: string
}

export interface SecretOptions {
  readonly generate?: boolean
  readonly temporary: boolean
}

const clock = (): Date => new Date()
const DAY_MS = 86_400_000

/** The option that says who does it. */
export function withBy(command: Command): Command {
  return command.option('--by <NAME>', 'who does it, for the register (default: the user of the system)', name)
}

function name(text: string): string {
  if (!/^[\x21-\x7e]{1,64}$/.test(text))
    throw new InvalidArgumentError('A name is up to 64 visible ASCII characters, without spaces.')
  return text
}

/** Looks into the directory of an instance. */
export function reading(directory: string, read: (accounts: Accounts, config: Config) => Promise<void>): Promise<void> {
  return using(readInstance(directory), read)
}

/** Changes the directory of an instance, and records it. */
export function changing(
  directory: string,
  { by }: By,
  change: (accounts: Accounts, config: Config) => Promise<void>,
): Promise<void> {
  return withRegister(directory, (ledger, config) =>
    using(config, (accounts) => {
      const register = { ledger, clock, provider: config.provider.name, by: by ?? userInfo().username }
      return change(new Provisioning(accounts, register), config)
    }),
  )
}

async function using(config: Config, use: (accounts: Accounts, config: Config) => Promise<void>): Promise<void> {
  const accounts = await openAccounts(config, clock, warn)
  try {
    await use(accounts, config)
  } finally {
    await accounts.close()
  }
}

const FAULTS: Readonly<Record<PasswordFault, string>> = {
  short: 'is too short',
  long: 'is too long',
  unprintable: 'has characters that nobody can type',
  known: 'is the address itself',
}

/** The password of standard input, or one that is made and shown. */
export async function readSecret(login: string, options: SecretOptions, { directory }: Config): Promise<Secret> {
  const password = options.generate === true ? makePassword() : await readLine()
  const fault = faultOfPassword(password, login, directory.passwordLength)
  if (fault !== undefined)
    throw new PecError(
      'configuration',
      `the password ${FAULTS[fault]}: [directory] password_length is ${directory.passwordLength}`,
    )
  const until = options.temporary ? new Date(clock().getTime() + directory.firstPasswordDays * DAY_MS) : undefined
  return { password, until }
}

/** Tells a password that was made, and what can be done with it. */
export function sayPassword({ password, until }: Secret, { generate }: Pick<SecretOptions, 'generate'>): void {
  if (generate === true) say(`Password: ${password}`)
  if (until !== undefined)
    say(`It is temporary: until ${until.toISOString()} it is good for choosing another one, and for nothing else.`)
}
