/** `pec administrator`: who may administer the mailboxes of one domain, for a customer. */
import { Command } from 'commander'
import { changing, reading, readSecret, sayPassword, withBy, type By, type SecretOptions } from './accounts.js'
import { say } from './terminal.js'

const HELP = `
An administrator logs in as NAME@DOMAIN, which tells of which domain, and is no address of a mailbox. They add, suspend and close its
mailboxes, give temporary passwords and say when a mailbox is to be renewed: on the page of [account] in pec.ini, or by
pec mailbox ... --as NAME@DOMAIN. The first password is temporary: it is to be changed on the page for passwords.`

export function administratorCommand(): Command {
  return new Command('administrator')
    .description("administrators of customers' domains, each of one domain")
    .addHelpText('after', HELP)
    .addCommand(
      onAdministrator('add', 'add one, with a temporary password, which is read from standard input')
        .option('--generate', 'make a password and show it')
        .action(async (directory: string, login: string, options: By & { readonly generate?: boolean }) =>
          changing(directory, options, async (accounts, config) => {
            const secret = await readSecret(login, { ...options, temporary: true }, config)
            await accounts.addAdministrator(login, secret)
            say(`${login} is there.`)
            sayPassword(secret, options)
          }),
        ),
    )
    .addCommand(
      new Command('list')
        .description('list them: state, and until when a temporary password lasts')
        .argument('<DIR>', 'the instance directory')
        .action(list),
    )
    .addCommand(
      onAdministrator('password', 'give one another password; it is read from standard input')
        .option('--generate', 'make a password and show it')
        .option('--lasting', 'the password is not temporary')
        .action(async (directory: string, login: string, options: By & PasswordOptions) =>
          changing(directory, options, async (accounts, config) => {
            const secret = await readSecret(login, { ...options, temporary: options.lasting !== true }, config)
            await accounts.setAdministratorPassword(login, secret)
            say(`${login} has another password.`)
            sayPassword(secret, options)
          }),
        ),
    )
    .addCommand(stateCommand('suspend', 'let one do nothing, for a time', 'suspended'))
    .addCommand(stateCommand('resume', 'let a suspended one go on', 'active'))
    .addCommand(
      onAdministrator('remove', 'remove one').action(async (directory: string, login: string, by: By) =>
        changing(directory, by, async (accounts) => {
          await accounts.removeAdministrator(login)
          say(`${login} is removed.`)
        }),
      ),
    )
}

interface PasswordOptions extends Pick<SecretOptions, 'generate'> {
  readonly lasting?: boolean
}

function stateCommand(name: string, description: string, state: 'active' | 'suspended'): Command {
  return onAdministrator(name, description).action(async (directory: string, login: string, by: By) =>
    changing(directory, by, async (accounts) => {
      await accounts.setAdministratorState(login, state)
      say(`${login} is ${state}.`)
    }),
  )
}

async function list(directory: string): Promise<void> {
  await reading(directory, async (accounts) => {
    for (const { login, state, passwordUntil } of await accounts.administrators())
      say(
        [login, state, ...(passwordUntil === undefined ? [] : [`temporary password until ${passwordUntil.toISOString()}`])].join(
          '  ',
        ),
      )
  })
}

function onAdministrator(name: string, description: string): Command {
  return withBy(new Command(name))
    .description(description)
    .argument('<DIR>', 'the instance directory')
    .argument('<NAME@DOMAIN>', 'the administrator')
}
