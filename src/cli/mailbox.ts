/** `pec mailbox`: the mailboxes of an instance, in whichever directory it has. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Account } from '../directory/accounts.js'
import { formatArchive, formatNotice } from '../directory/mailbox-options.js'
import { formatPolicy } from '../directory/ordinary-mail.js'
import { MAILBOX_KINDS, type MailboxKind } from '../directory/own-directory.js'
import { domainOf } from '../mail/address.js'
import type { MailboxState } from '../points/ports.js'
import { changing, reading, readSecret, sayPassword, type As } from './accounts.js'
import { aliasCommand, certificateCommand, operatorCommand, passwordCommand } from './mailbox-access.js'
import { bytes, day, existing, onMailbox } from './mailbox-arguments.js'
import { archiveCommand, noticeCommand, policyCommand, quotaCommand, renewalCommand } from './mailbox-settings.js'
import { describePolicy } from './policy.js'
import { say } from './terminal.js'

const DAY_MS = 86_400_000

export function mailboxCommand(): Command {
  const command = new Command('mailbox').description(
    'our mailboxes; a running gateway takes changes over, and the register has them',
  )
  const states: readonly [string, string, MailboxState][] = [
    ['suspend', 'let a mailbox receive but not send', 'suspended'],
    ['freeze', 'let a mailbox neither send nor receive, for a time', 'frozen'],
    ['resume', 'let a suspended or frozen mailbox send and receive again', 'active'],
    ['close', 'close a mailbox for good; its mail stays where it is', 'closed'],
  ]
  command.addCommand(addCommand()).addCommand(listCommand()).addCommand(showCommand())
  for (const [name, description, state] of states) command.addCommand(stateCommand(name, description, state))
  return command
    .addCommand(passwordCommand())
    .addCommand(aliasCommand())
    .addCommand(operatorCommand())
    .addCommand(quotaCommand())
    .addCommand(renewalCommand())
    .addCommand(policyCommand())
    .addCommand(archiveCommand())
    .addCommand(certificateCommand())
    .addCommand(noticeCommand())
    .addCommand(removeCommand())
}

interface AddOptions extends As {
  readonly kind: MailboxKind
  readonly quota?: number
  readonly alias: readonly string[]
  readonly renewal?: string
  readonly generate?: boolean
  readonly lasting?: boolean
}

function addCommand(): Command {
  return onMailbox('add', 'add a mailbox with a temporary password, which is read from standard input')
    .addOption(new Option('--kind <KIND>', 'what it is').choices(MAILBOX_KINDS).default('individual'))
    .option('--quota <BYTES>', 'how much it may hold', bytes)
    .option('--alias <ADDRESS>', 'another address of it; may be repeated', (alias, before: string[]) => [...before, alias], [])
    .option('--renewal <YYYY-MM-DD>', 'when the service for it is to be renewed', day)
    .option('--generate', 'make a password and show it')
    .option('--lasting', 'the password is not temporary')
    .action(async (directory: string, address: string, options: AddOptions) =>
      changing(directory, options, async (accounts, config) => {
        const { kind, alias, quota, renewal, generate, lasting } = options
        const wanted = { ...(generate === undefined ? {} : { generate }), temporary: lasting !== true }
        const secret = kind === 'shared' ? undefined : await readSecret(address, wanted, config)
        await accounts.add({ address, kind, secret, aliases: alias, quotaBytes: quota, renewal })
        say(`${address} is there.`)
        if (secret === undefined) say(`Let people work in it:  pec mailbox operator add ${directory} ${address} NAME`)
        else sayPassword(secret, wanted)
      }),
    )
}

interface ListOptions {
  readonly domain?: string
  readonly due?: number
}

function listCommand(): Command {
  return new Command('list')
    .description('list the mailboxes: state, kind, quota, renewal, policy on ordinary mail')
    .argument('<DIR>', 'the instance directory')
    .option('--domain <DOMAIN>', 'those of this domain only')
    .option('--due <DAYS>', 'those only that are to be renewed within so many days, or should have been', days)
    .action(async (directory: string, { domain, due }: ListOptions) =>
      reading(directory, async (accounts) => {
        const end = due === undefined ? undefined : new Date(Date.now() + due * DAY_MS).toISOString().slice(0, 10)
        for (const account of await accounts.list()) {
          if (domain !== undefined && domainOf(account.address) !== domain.toLowerCase()) continue
          if (end !== undefined && !isDue(account, end)) continue
          say(lineOf(account))
        }
      }),
    )
}

/** Days as they are written are in the order of the calendar. */
function isDue({ renewal, state }: Account, end: string): boolean {
  return renewal !== undefined && renewal <= end && state !== 'closed'
}

function lineOf({ address, state, kind, quotaBytes, renewal, ordinaryMail, ...options }: Account): string {
  const { archive, arrivalNotice, unreadableOptions } = options
  const facts = [
    ...(kind === 'individual' ? [] : [kind]),
    ...(quotaBytes === undefined ? [] : [`quota: ${quotaBytes}`]),
    ...(renewal === undefined ? [] : [`renewal: ${renewal}`]),
    ...(ordinaryMail === undefined ? [] : [`ordinary mail: ${formatPolicy(ordinaryMail)}`]),
    ...(archive === undefined ? [] : [`archive: ${formatArchive(archive)}`]),
    ...(arrivalNotice === undefined ? [] : [`notice: ${formatNotice(arrivalNotice)}`]),
    ...(unreadableOptions === undefined ? [] : [`options that cannot be read: ${unreadableOptions}`]),
  ]
  return [address, state, ...facts].join('  ')
}

function showCommand(): Command {
  return onMailbox('show', 'tell all about a mailbox', false).action(async (directory: string, address: string) =>
    reading(directory, async (accounts) => {
      const account = await existing(accounts, address)
      const { state, kind, aliases, operators, quotaBytes, renewal, ordinaryMail, passwordUntil } = account
      const { archive, arrivalNotice, unreadableOptions, certificates = [] } = account
      say(`address: ${address.toLowerCase()}`)
      say(`state: ${state}`)
      say(`kind: ${kind}`)
      say(`aliases: ${aliases.join(', ') || 'none'}`)
      if (kind === 'shared') say(`operators: ${operators.join(', ') || 'none'}`)
      say(`quota: ${quotaBytes ?? 'none'}`)
      say(`renewal: ${renewal ?? 'none'}`)
      say(`ordinary mail: ${describePolicy(ordinaryMail, 'as for its domain')}`)
      if (unreadableOptions !== undefined) say(`archive and notice of arrival cannot be read: ${unreadableOptions}`)
      else {
        say(`archive: ${archive === undefined ? 'none' : formatArchive(archive)}`)
        say(`notice of arrival: ${arrivalNotice === undefined ? 'none' : formatNotice(arrivalNotice)}`)
      }
      say(`client certificates: ${certificates.join(', ') || 'none'}`)
      say(`password: ${passwordUntil === undefined ? 'lasting' : `temporary, until ${passwordUntil.toISOString()}`}`)
    }),
  )
}

function stateCommand(name: string, description: string, state: MailboxState): Command {
  return onMailbox(name, description).action(async (directory: string, address: string, by: As) =>
    changing(directory, by, async (accounts) => {
      await accounts.change(address, { state })
      say(`${address} is ${state}.`)
    }),
  )
}

/** Of one who is there: a slip of the pen makes no new operator. */
function removeCommand(): Command {
  return onMailbox('remove', 'remove a mailbox; its mail stays where it is').action(
    async (directory: string, address: string, by: As) =>
      changing(directory, by, async (accounts) => {
        await accounts.remove(address)
        say(`${address} is removed.`)
      }),
  )
}

function days(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('Days are a whole number.')
  return Number(text)
}
