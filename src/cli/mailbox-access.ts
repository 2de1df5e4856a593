/** `pec mailbox`: what opens a mailbox, and by which names it is known. */
import { Command } from 'commander'
import type { Accounts } from '../directory/accounts.js'
import { markOf, parseMark } from '../directory/certificate-marks.js'
import { parseLogin } from '../directory/own-directory.js'
import { PecError } from '../errors.js'
import { readCertificate } from '../keys.js'
import { changing, readSecret, sayPassword, withAs, type As, type SecretOptions } from './accounts.js'
import { existing, onMailbox } from './mailbox-arguments.js'
import { say } from './terminal.js'

export function passwordCommand(): Command {
  return withAs(new Command('password'))
    .description('give a mailbox, or an operator of a shared one, another password; it is read from standard input')
    .argument('<DIR>', 'the instance directory')
    .argument('<LOGIN>', 'the mailbox, or ADDRESS*NAME for an operator')
    .option('--generate', 'make a password and show it')
    .option('--temporary', 'it is to be changed by whoever gets it', false)
    .action(async (directory: string, login: string, options: As & SecretOptions) =>
      changing(directory, options, async (accounts, config) => {
        const secret = await readSecret(login, options, config)
        const { address, operator } = parseLogin(login)
        if (operator === undefined) await accounts.setPassword(address, secret)
        else await setOperatorsPassword(accounts, address, operator, secret)
        say(`${login} has another password.`)
        sayPassword(secret, options)
      }),
    )
}

async function setOperatorsPassword(
  accounts: Accounts,
  address: string,
  operator: string,
  secret: Parameters<Accounts['setOperator']>[2],
): Promise<void> {
  const { operators } = await existing(accounts, address)
  if (!operators.includes(operator)) throw new PecError('directory', `${address} has no operator ${JSON.stringify(operator)}`)
  await accounts.setOperator(address, operator, secret)
}

export function aliasCommand(): Command {
  const onAlias = (name: string, description: string): Command =>
    onMailbox(name, description).argument('<ALIAS>', 'the other address')
  return new Command('alias')
    .description('other addresses of a mailbox')
    .addCommand(
      onAlias('add', 'add one').action(async (directory: string, address: string, alias: string, by: As) =>
        changing(directory, by, async (accounts) => {
          await accounts.addAlias(address, alias)
          say(`${alias} is ${address}.`)
        }),
      ),
    )
    .addCommand(
      onAlias('remove', 'remove one').action(async (directory: string, address: string, alias: string, by: As) =>
        changing(directory, by, async (accounts) => {
          await accounts.removeAlias(address, alias)
          say(`${alias} is nobody's.`)
        }),
      ),
    )
}

export function operatorCommand(): Command {
  const onOperator = (name: string, description: string): Command =>
    onMailbox(name, description).argument('<NAME>', 'the operator, who logs in as ADDRESS*NAME')
  return new Command('operator')
    .description('people who work in a shared mailbox')
    .addCommand(
      onOperator('add', 'let somebody work in it, with a temporary password, which is read from standard input')
        .option('--generate', 'make a password and show it')
        .option('--lasting', 'the password is not temporary', false)
        .action(
          async (directory: string, address: string, name: string, options: As & { generate?: boolean; lasting: boolean }) =>
            changing(directory, options, async (accounts, config) => {
              const login = `${address}*${name}`
              const secret = await readSecret(login, { ...options, temporary: !options.lasting }, config)
              await accounts.setOperator(address, name, secret)
              say(`${name} works in ${address}, as ${login}.`)
              sayPassword(secret, options)
            }),
        ),
    )
    .addCommand(
      onOperator('remove', 'let somebody work in it no more').action(
        async (directory: string, address: string, name: string, by: As) =>
          changing(directory, by, async (accounts) => {
            await accounts.removeOperator(address, name)
            say(`${name} does not work in ${address} any more.`)
          }),
      ),
    )
}

export function certificateCommand(): Command {
  const onCertificate = (name: string, description: string): Command =>
    onMailbox(name, description).argument(
      '<CERTIFICATE>',
      'a PEM file, sha256:FINGERPRINT, or address (any that names its address)',
    )
  const changeMarks = (change: (marks: readonly string[], mark: string) => readonly string[], done: string) => {
    return async (directory: string, address: string, certificate: string, by: As) =>
      changing(directory, by, async (accounts) => {
        const mark = parseMark(certificate) ?? markOf(await readCertificate(certificate))
        const { certificates = [] } = await existing(accounts, address)
        await accounts.change(address, { certificates: change(certificates, mark) })
        say(`${mark} ${done} ${address}.`)
      })
  }
  const without = (marks: readonly string[], mark: string): string[] => marks.filter((each) => each !== mark)
  return new Command('certificate')
    .description('client certificates that open a mailbox, where [client_certificates] lets them')
    .addCommand(onCertificate('add', 'add one').action(changeMarks((marks, mark) => [...without(marks, mark), mark], 'opens')))
    .addCommand(onCertificate('remove', 'remove one').action(changeMarks(without, 'does not open')))
}
