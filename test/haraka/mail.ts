/** A queued message as the gateway sees it, without Haraka. */
import { pathOf } from '../../src/haraka/address.js'
import { notesWith, type Note } from '../../src/haraka/note.js'
import type { QueuedMail, QueuedRecipient, Todo } from '../../src/haraka/types.js'

export interface MailParts {
  readonly from?: string
  readonly to?: readonly string[]
  readonly note?: Note
  /** When it was written into the queue, milliseconds; long ago by default. */
  readonly queued?: number
}

export interface TestMail extends QueuedMail {
  /** What was done with it, and what was logged. */
  readonly done: string[]
}

/** What QueuedRecipient has, beyond the address, in a recipient that was refused. */
export function recipientOf(address: string, said: Partial<QueuedRecipient> = {}): QueuedRecipient {
  return Object.assign(pathOf(address), said)
}

export function mailOf({ from = 'anna@pec-a.test', to = ['ugo@pec-b.test'], note, queued = 0 }: MailParts = {}): TestMail {
  const done: string[] = []
  const log =
    (level: string) =>
    (...what: unknown[]): void =>
      void done.push(`${level}: ${what.join(' ')}`)
  const todo: Todo = {
    queue_time: queued,
    domain: to[0]?.split('@')[1] ?? '',
    rcpt_to: to.map((address) => recipientOf(address)),
    mail_from: pathOf(from),
    // As Haraka reads them back from the file.
    notes: note === undefined ? {} : (JSON.parse(JSON.stringify(notesWith(note))) as Record<string, unknown>),
    uuid: 'UUID.1',
    force_tls: false,
  }
  return {
    ...{ path: '', data_start: 0, file_size: 0, todo, refcount: 1, done },
    discard() {
      if (--this.refcount === 0) done.push('removed')
    },
    next_cb: () => void done.push('over'),
    temp_fail: (reason) => void done.push(`kept: ${reason}`),
    get_force_tls: () => false,
    ...{ loginfo: log('info'), lognotice: log('notice'), logwarn: log('warn'), logerror: log('error'), logcrit: log('crit') },
  }
}
