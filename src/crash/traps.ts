/**
 * Loaded into every process of an instance before anything else (`node --require`). It wraps what the named steps lie between, and
 * kills the process that comes by a trap; the product's own code knows nothing of it. It can also put the process's clock ahead, so
 * that what is due in minutes is due at once.
 */
import { Arrival } from '../haraka/arrival.js'
import * as outbox from '../haraka/outbox.js'
import * as outcome from '../haraka/outcome.js'
import * as queueFile from '../haraka/queue-file.js'
import { SqlLedger } from '../ledger/ledger.js'
import { LmtpPool } from '../lmtp/pool.js'
import type { Entry } from '../points/ports.js'
import { MailStore } from '../store/maildir.js'
import { AHEAD_VARIABLE, TRAPS_VARIABLE, Traps, type CrashStep } from './steps.js'

const directory = process.env[TRAPS_VARIABLE]
const traps = directory === undefined ? undefined : new Traps(directory)

function pass(step: CrashStep): void {
  if (traps?.spring(step) === true) process.kill(process.pid, 'SIGKILL')
}

interface Passing<A extends unknown[]> {
  readonly before?: (...args: A) => void
  readonly after?: (...args: A) => void
}

/** The same function with something before it is called and after it is done with. */
function passing<A extends unknown[], R, T>(
  work: (this: T, ...args: A) => Promise<R>,
  { before, after }: Passing<A>,
): (this: T, ...args: A) => Promise<R> {
  return async function (...args) {
    before?.(...args)
    const result = await work.apply(this, args)
    after?.(...args)
    return result
  }
}

function isReceipt({ claims }: Entry): boolean {
  return claims.some(({ what }) => what === 'outcome')
}

/* eslint-disable @typescript-eslint/unbound-method -- methods are wrapped where they stand, and called on their objects */
const { add_line } = Arrival.prototype
Arrival.prototype.add_line = function (line) {
  pass('during-data')
  add_line.call(this, line)
}

const { openOutbox } = outbox
const { writeQueueFile } = queueFile
const { tellAccepted, tellRefused } = outcome
Object.assign(outbox, {
  openOutbox: (...args: Parameters<typeof openOutbox>): ReturnType<typeof openOutbox> => {
    const opened = openOutbox(...args)
    return { prepare: passing(opened.prepare, { before: () => pass('before-prepare') }) }
  },
})
Object.assign(queueFile, { writeQueueFile: passing(writeQueueFile, { after: () => pass('while-preparing') }) })
Object.assign(outcome, {
  tellAccepted: passing(tellAccepted, { before: () => pass('in-delivered'), after: () => pass('after-delivered') }),
  tellRefused: passing(tellRefused, { before: () => pass('in-bounce') }),
})

SqlLedger.prototype.commit = passing(SqlLedger.prototype.commit, {
  before: (entry) => {
    pass('between-prepare-and-commit')
    if (isReceipt(entry)) pass('receipt-prepared')
  },
  after: (entry) => {
    pass('after-commit')
    if (isReceipt(entry)) pass('receipt-committed')
  },
})
LmtpPool.prototype.deliver = passing(LmtpPool.prototype.deliver, { after: () => pass('store-answered') })
MailStore.prototype.deliver = passing(MailStore.prototype.deliver, { after: () => pass('message-stored') })
/* eslint-enable @typescript-eslint/unbound-method */

const ahead = Number(process.env[AHEAD_VARIABLE] ?? 0)
const RealDate = Date
if (ahead > 0) {
  globalThis.Date = class extends RealDate {
    constructor(...args: [] | [number | string | Date]) {
      super(...((args.length === 0 ? [RealDate.now() + ahead] : args) as [number]))
    }

    static override now(): number {
      return RealDate.now() + ahead
    }
  } as DateConstructor
}
