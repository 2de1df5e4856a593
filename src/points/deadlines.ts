/**
 * The time limits of our users' messages: a notice when nobody has taken a recipient in charge within twelve hours, another when
 * there is no outcome after twenty-two to twenty-four. Counted from the acceptance, by the ledger. RFC 6109 §3.1.6
 */
import { momentOf } from '../pec/moment.js'
import { composeNotification } from '../pec/notification.js'
import { notificationTo } from './dispatch.js'
import type { House } from './house.js'
import { issued } from './issued.js'
import type { Claim, DeadlineLedger, OpenRecipient } from './ports.js'
import { carryOut, isConflict } from './step.js'

export interface DeadlineHouse extends House {
  readonly ledger: DeadlineLedger
  /** After the acceptance, in seconds. */
  readonly deadlines: { readonly first: number; readonly second: number }
}

type Limit = 12 | 24

/** Recipients looked at in one piece. */
const PAGE = 500

/** Gives every notice that is due; resolves with how many there were. What another node has given meanwhile is not given again. */
export async function giveDueNotices(house: DeadlineHouse): Promise<number> {
  const now = house.clock()
  const before = new Date(now.getTime() - house.deadlines.first * 1000)
  let given = 0
  for (let last: OpenRecipient | undefined; ;) {
    const page = await house.ledger.openRecipients(before, PAGE, last)
    for (const { recipient, limit } of await dueAmong(page, now, house)) if (await giveNotice(recipient, limit, house)) given++
    last = page.at(-1)
    if (page.length < PAGE) return given
  }
}

interface Due {
  readonly recipient: OpenRecipient
  readonly limit: Limit
}

async function dueAmong(recipients: readonly OpenRecipient[], now: Date, { deadlines, ledger }: DeadlineHouse): Promise<Due[]> {
  const due = recipients.flatMap((recipient): Due[] => {
    const age = (now.getTime() - recipient.acceptedAt.getTime()) / 1000
    // Where both are due, after a long stop, the second says all.
    if (age >= deadlines.second) return [{ recipient, limit: 24 }]
    return recipient.takenInChargeAt === undefined ? [{ recipient, limit: 12 }] : []
  })
  const claims = due.map(({ recipient, limit }) => claimOf(recipient, limit))
  const taken = new Set(await ledger.taken(claims))
  return due.filter((_, position) => !taken.has(claims[position] as Claim))
}

function claimOf({ identifier, address }: OpenRecipient, limit: Limit): Claim {
  return { identifier, what: `time-limit-${limit}`, recipient: address }
}

/** One notice to the sender; the second ends the waiting (pec.md 17.6). False if it had been given. */
async function giveNotice(recipient: OpenRecipient, hours: Limit, house: DeadlineHouse): Promise<boolean> {
  const { identifier, address } = recipient
  const message = await house.ledger.message(identifier)
  if (message === undefined) throw new Error(`${identifier} has recipients but is not in the ledger`)
  const moment = momentOf(house.clock())
  const occurrence = { kind: 'time-limit', recipient: address, hours } as const
  const notice = await composeNotification({ message, moment, occurrence }, house.issuer)
  try {
    await carryOut(
      {
        at: moment,
        claims: [claimOf(recipient, hours)],
        events: [issued('time-limit', notice, message, house.issuer, { recipients: [address], outcome: `${hours} hours` })],
        outcomes: hours === 24 ? [{ identifier, recipient: address, outcome: 'expired' }] : [],
        dispatches: [notificationTo(message.sender, identifier, notice.message, house)],
      },
      house,
    )
  } catch (error) {
    if (isConflict(error)) return false
    throw error
  }
  return true
}
