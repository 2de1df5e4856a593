/** `pec mailbox`: what a mailbox holds, keeps and tells. */
import { InvalidArgumentError, type Command } from 'commander'
import {
  ARCHIVE_WORDS,
  formatArchive,
  formatNotice,
  NOTICE_WORDS,
  parseArchive,
  parseNotice,
} from '../directory/mailbox-options.js'
import type { ArrivalNotice, TrafficArchive } from '../points/ports.js'
import { changing, type As } from './accounts.js'
import { bytes, day, onMailbox } from './mailbox-arguments.js'
import { describePolicy, POLICY_ARGUMENT, readPolicy, refuseCertified } from './policy.js'
import { say } from './terminal.js'

export function quotaCommand(): Command {
  return onMailbox('quota', 'say how much a mailbox may hold')
    .argument('<BYTES>', 'bytes, or none', orNone(bytes))
    .action(async (directory: string, address: string, quotaBytes: number | undefined, by: As) =>
      changing(directory, by, async (accounts) => {
        await accounts.change(address, { quotaBytes })
        say(`${address} has ${quotaBytes === undefined ? 'no quota' : `a quota of ${quotaBytes} bytes`}.`)
      }),
    )
}

export function renewalCommand(): Command {
  return onMailbox('renewal', 'say when the service for a mailbox is to be renewed')
    .argument('<YYYY-MM-DD>', 'the day, or none', orNone(day))
    .action(async (directory: string, address: string, renewal: string | undefined, by: As) =>
      changing(directory, by, async (accounts) => {
        await accounts.change(address, { renewal })
        say(`${address} ${renewal === undefined ? 'has no day of renewal' : `is to be renewed by ${renewal}`}.`)
      }),
    )
}

export function policyCommand(): Command {
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

export function archiveCommand(): Command {
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

export function noticeCommand(): Command {
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

function orNone<T>(parse: (text: string) => T): (text: string) => T | undefined {
  return (text) => (text === 'none' ? undefined : parse(text))
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
