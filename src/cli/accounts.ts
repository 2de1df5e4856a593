/** Domains and mailboxes as the commands read and change them: in the directory of the instance, and in its register. */
import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Config } from '../config/config.js'
import type { Accounts, Secret } from '../directory/accounts.js'
import { admitAdministrator, type Admission } from '../directory/admission.js'
import { faultOfPassword, makePassword, type PasswordFault } from '../directory/chosen-password.js'
import { DomainAccounts, type LastChange } from '../directory/domain-accounts.js'
import { openAccounts } from '../directory/open-accounts.js'
import { openDirectory } from '../directory/open-directory.js'
import { Provisioning } from '../directory/provisioning.js'
import { PecError, reasonOf } from '../errors.js'
import { databaseSource } from '../retrieval/source.js'
import { lastStateChange } from '../retrieval/state-change.js'
import { readInstance } from './instance.js'
import { withRegister } from './register.js'
import { readLine, say, warn } from './terminal.js'

export interface By {
  readonly by?: string
}

/** The administrator of a domain who does it, and a file with their password. */
export interface As extends By {
  readonly as?: string
  readonly passwordFile?: string
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

/** The options that say who does it, the administrator of a domain among them. */
export function withAs(command: Command): Command {
  return withBy(command)
    .addOption(
      new Option('--as <NAME@DOMAIN>', 'do it as the administrator of a domain, within the limits of one').conflicts('by'),
    )
    .option('--password-file <FILE>', "with --as: the file with the administrator's password")
}

/** One that the register cannot take for that of a domain's administrator. */
function name(text: string): string {
  if (!/^[\x21-\x3f\x41-\x7e]{1,64}$/.test(text))
    throw new InvalidArgumentError('A name is up to 64 visible ASCII characters, without spaces or @ (administrators: --as).')
  return text
}

/** Looks into the directory of an instance. */
export function reading(directory: string, read: (accounts: Accounts, config: Config) => Promise<void>): Promise<void> {
  return using(readInstance(directory), read)
}

/** Changes the directory of an instance, and records it. With `as`, only what that administrator may change. */
export function changing(
  directory: string,
  who: As,
  change: (accounts: Accounts, config: Config) => Promise<void>,
): Promise<void> {
  return withRegister(directory, (ledger, config) =>
    using(config, async (accounts) => {
      const admitted = await admittedOf(who, config)
      const lastChange: LastChange = (address) => lastStateChange(address, databaseSource(ledger))
      const by = admitted?.login ?? who.by ?? userInfo().username
      const changeable = admitted === undefined ? accounts : new DomainAccounts(accounts, admitted.domain, lastChange)
      await change(new Provisioning(changeable, { ledger, clock, provider: config.provider.name, by }), config)
    }),
  )
}

const NOT_ADMITTED = {
  wrong: 'the password is not theirs, or has ended',
  suspended: 'they are suspended',
  temporary: 'their password is temporary: they must choose another one first, on the page of [account]',
} as const

/** Undefined where no administrator of a domain does it. Rejects with PecError 'directory' if they may not. */
async function admittedOf({ as, passwordFile }: As, config: Config): Promise<Extract<Admission, { admitted: true }> | undefined> {
  if (as === undefined) return undefined
  if (passwordFile === undefined)
    throw new PecError('configuration', `--password-file must name a file with the password of ${as}`)
  const password = await readFile(passwordFile, 'utf8').catch((cause: unknown) => {
    throw new PecError('configuration', `${passwordFile} cannot be read: ${reasonOf(cause)}`, { cause })
  })
  const own = await openDirectory(config, clock, () => undefined)
  try {
    const admission = await admitAdministrator(own, as, password.replace(/\r?\n$/, ''))
    if (admission.admitted) return admission
    throw new PecError('directory', `${as} may not do it: ${NOT_ADMITTED[admission.why]}`)
  } finally {
    await own.close()
  }
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
