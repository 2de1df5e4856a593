/** What the commands on mailboxes take. */
import { Command, InvalidArgumentError } from 'commander'
import type { Account, Accounts } from '../directory/accounts.js'
import { isDay } from '../directory/directory-contents.js'
import { PecError } from '../errors.js'
import { withAs } from './accounts.js'

export function onMailbox(name: string, description: string, changes = true): Command {
  const command = new Command(name)
    .description(description)
    .argument('<DIR>', 'the instance directory')
    .argument('<ADDRESS>', 'the mailbox')
  return changes ? withAs(command) : command
}

export async function existing(accounts: Accounts, address: string): Promise<Account> {
  const account = await accounts.find(address)
  if (account === undefined) throw new PecError('directory', `there is no mailbox ${JSON.stringify(address)}`)
  return account
}

export function day(text: string): string {
  if (!isDay(text)) throw new InvalidArgumentError('A day is YYYY-MM-DD.')
  return text
}

export function bytes(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('A quota is a number of bytes.')
  return Number(text)
}
