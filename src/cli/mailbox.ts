/** `pec mailbox`: the mailboxes of an instance, in whichever directory it has. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Account, Accounts } from '../directory/accounts.js'
import { markOf, parseMark } from '../directory/certificate-marks.js'
import { isDay } from '../directory/directory-contents.js'
import {
  ARCHIVE_WORDS,
  formatArchive,
  formatNotice,
  NOTICE_WORDS,
  parseArchive,
  parseNotice,
} from '../directory/mailbox-options.js'
import { formatPolicy } from '../directory/ordinary-mail.js'
import { MAILBOX_KINDS, parseLogin, type MailboxKind } from '../directory/own-directory.js'
import { PecError } from '../errors.js'
import { readCertificate } from '../keys.js'
import { domainOf } from '../mail/address.js'
import type { ArrivalNotice, MailboxState, TrafficArchive } from '../points/ports.js'
import { changing, reading, readSecret, sayPassword, withAs, type As, type SecretOptions } from './accounts.js'
import { describePolicy, POLICY_ARGUMENT, readPolicy, refuseCertified } from './policy.js'
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

function lineOf({ address, state, kind, quotaBytes, renewal, ordinaryMail, archive, arrivalNotice }: Account): string {
  const facts = [
    ...(kind === 'individual' ? [] : [kind]),
    ...(quotaBytes === undefined ? [] : [`quota: ${quotaBytes}`]),
    ...(renewal === undefined ? [] : [`renewal: ${renewal}`]),
    ...(ordinaryMail === undefined ? [] : [`ordinary mail: ${formatPolicy(ordinaryMail)}`]),
    ...(archive === undefined ? [] : [`archive: ${formatArchive(archive)}`]),
    ...(arrivalNotice === undefined ? [] : [`notice: ${formatNotice(arrivalNotice)}`]),
  ]
  return [address, state, ...facts].join('  ')
}

function showCommand(): Command {
  return onMailbox('show', 'tell all about a mailbox', false).action(async (directory: string, address: string) =>
    reading(directory, async (accounts) => {
      const account = await existing(accounts, address)
      const { state, kind, aliases, operators, quotaBytes, renewal, ordinaryMail, passwordUntil } = account
      const { archive, arrivalNotice, certificates = [] } = account
      say(`address: ${address.toLowerCase()}`)
      say(`state: ${state}`)
      say(`kind: ${kind}`)
      say(`aliases: ${aliases.join(', ') || 'none'}`)
      if (kind === 'shared') say(`operators: ${operators.join(', ') || 'none'}`)
      say(`quota: ${quotaBytes ?? 'none'}`)
      say(`renewal: ${renewal ?? 'none'}`)
      say(`ordinary mail: ${describePolicy(ordinaryMail, 'as for its domain')}`)
      say(`archive: ${archive === undefined ? 'none' : formatArchive(archive)}`)
      say(`notice of arrival: ${arrivalNotice === undefined ? 'none' : formatNotice(arrivalNotice)}`)
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

function passwordCommand(): Command {
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

/** Of one who is there: a slip of the pen makes no new operator. */
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

function aliasCommand(): Command {
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

function operatorCommand(): Command {
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

function quotaCommand(): Command {
  return onMailbox('quota', 'say how much a mailbox may hold')
    .argument('<BYTES>', 'bytes, or none', orNone(bytes))
    .action(async (directory: string, address: string, quotaBytes: number | undefined, by: As) =>
      changing(directory, by, async (accounts) => {
        await accounts.change(address, { quotaBytes })
        say(`${address} has ${quotaBytes === undefined ? 'no quota' : `a quota of ${quotaBytes} bytes`}.`)
      }),
    )
}

function renewalCommand(): Command {
  return onMailbox('renewal', 'say when the service for a mailbox is to be renewed')
    .argument('<YYYY-MM-DD>', 'the day, or none', orNone(day))
    .action(async (directory: string, address: string, renewal: string | undefined, by: As) =>
      changing(directory, by, async (accounts) => {
        await accounts.change(address, { renewal })
        say(`${address} ${renewal === undefined ? 'has no day of renewal' : `is to be renewed by ${renewal}`}.`)
      }),
    )
}

function policyCommand(): Command {
  return onMailbox('policy', 'say what becomes of ordinary mail for a mailbox')
    .argument('<POLICY>', POLICY_ARGUMENT)
    .action(async (directory: string, address: string, policy: string, by: As) =>
      changing(directory, by, async (accounts, config) => {
        const ordinaryMail = await readPolicy(policy, config)
        await accounts.change(address, { ordinaryMail })
        say(`Ordinary mail for ${address}: ${describePolicy(ordinaryMail, 'as for its domain')}.`)
      }),
    )
}

function archiveCommand(): Command {
  return onMailbox('archive', 'say where copies of the traffic of a mailbox go')
    .argument(
      '<ARCHIVE>',
      'files (below [options] copies), mailbox:ADDRESS (another mailbox of the store), or none',
      orNone(archive),
    )
    .action(async (directory: string, address: string, archive: TrafficArchive | undefined, by: As) =>
      changing(directory, by, async (accounts) => {
        await accounts.change(address, { archive })
        say(`Copies of the traffic of ${address}: ${archive === undefined ? 'none' : formatArchive(archive)}.`)
      }),
    )
}

function certificateCommand(): Command {
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

function noticeCommand(): Command {
  return onMailbox('notice', 'say who is told by ordinary mail of what arrives in a mailbox')
    .argument(
      '<NOTICE>',
      'plain:ADDRESS (that a message is there), details:ADDRESS (sender and subject too), or none',
      orNone(notice),
    )
    .action(async (directory: string, address: string, arrivalNotice: ArrivalNotice | undefined, by: As) =>
      changing(directory, by, async (accounts, config) => {
        if (arrivalNotice !== undefined) await refuseCertified(arrivalNotice.to, 'notices are ordinary mail', config)
        await accounts.change(address, { arrivalNotice })
        say(`Notices of arrival for ${address}: ${arrivalNotice === undefined ? 'none' : formatNotice(arrivalNotice)}.`)
      }),
    )
}

function removeCommand(): Command {
  return onMailbox('remove', 'remove a mailbox; its mail stays where it is').action(
    async (directory: string, address: string, by: As) =>
      changing(directory, by, async (accounts) => {
        await accounts.remove(address)
        say(`${address} is removed.`)
      }),
  )
}

function onMailbox(name: string, description: string, changes = true): Command {
  const command = new Command(name)
    .description(description)
    .argument('<DIR>', 'the instance directory')
    .argument('<ADDRESS>', 'the mailbox')
  return changes ? withAs(command) : command
}

async function existing(accounts: Accounts, address: string): Promise<Account> {
  const account = await accounts.find(address)
  if (account === undefined) throw new PecError('directory', `there is no mailbox ${JSON.stringify(address)}`)
  return account
}

function orNone<T>(parse: (text: string) => T): (text: string) => T | undefined {
  return (text) => (text === 'none' ? undefined : parse(text))
}

function bytes(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('A quota is a number of bytes.')
  return Number(text)
}

function archive(text: string): TrafficArchive {
  const archive = parseArchive(text)
  if (archive === undefined) throw new InvalidArgumentError(`It is none of ${ARCHIVE_WORDS}, none.`)
  return archive
}

function notice(text: string): ArrivalNotice {
  const notice = parseNotice(text)
  if (notice === undefined) throw new InvalidArgumentError(`It is none of ${NOTICE_WORDS}, none.`)
  return notice
}

function day(text: string): string {
  if (!isDay(text)) throw new InvalidArgumentError('A day is YYYY-MM-DD.')
  return text
}

function days(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('Days are a whole number.')
  return Number(text)
}
