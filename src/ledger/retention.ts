/** What leaves the register after its time (L4), and what is held back: chosen messages, by their identifiers. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { periodOf } from '../archive/day.js'
import type { Hold, RetentionRegister } from '../archive/retention.js'
import { statementOf } from '../smime/statement.js'
import type { Attempt } from './archive-days.js'
import { addressKey, keyOf } from './keys.js'
import type { Tables } from './schema.js'

/** Events of one transaction: mail goes on in between. */
const BATCH = 100

export class Retention implements RetentionRegister {
  private readonly db: Kysely<Tables>
  private readonly attempt: Attempt

  constructor(db: Kysely<Tables>, attempt: Attempt) {
    this.db = db
    this.attempt = attempt
  }

  async holds(): Promise<readonly Hold[]> {
    const rows = await this.attempt(() => this.db.selectFrom('hold').selectAll().orderBy('since').execute())
    return rows.map(({ identifier, since, reason }) => ({ identifier, since: new Date(since), reason }))
  }

  async addHold({ identifier, since, reason }: Hold): Promise<void> {
    const key = keyOf(identifier)
    await this.attempt(() =>
      this.db.transaction().execute(async (transaction) => {
        await transaction.deleteFrom('hold').where('identifier', '=', key).execute()
        await transaction.insertInto('hold').values({ identifier: key, since: since.getTime(), reason }).execute()
      }),
    )
  }

  async removeHold(identifier: string): Promise<boolean> {
    const done = await this.attempt(() =>
      this.db.deleteFrom('hold').where('identifier', '=', keyOf(identifier)).executeTakeFirst(),
    )
    return done.numDeletedRows > 0
  }

  async isHeld(day: string): Promise<boolean> {
    const { from, to } = periodOf(day)
    const held = this.db
      .selectFrom('hold')
      .innerJoin('event', 'event.identifier', 'hold.identifier')
      .select('hold.identifier')
      .where('event.at', '>=', from.getTime())
      .where('event.at', '<', to.getTime())
      .limit(1)
    return (await this.attempt(() => held.execute())).length > 0
  }

  async purgeEvents(day: string): Promise<number> {
    for (let purged = 0; ;) {
      const count = await this.attempt(() => this.db.transaction().execute((transaction) => purgeBatch(transaction, day)))
      purged += count
      if (count < BATCH) return purged
      await nextTurn()
    }
  }
}

async function purgeBatch(on: Kysely<Tables>, day: string): Promise<number> {
  const { from, to } = periodOf(day)
  const events = await on
    .selectFrom('event')
    .leftJoin('evidence', 'evidence.event_id', 'event.id')
    .select(['event.id', 'event.at', 'event.type', 'event.identifier', 'event.recipients', 'evidence.signature'])
    .where('event.at', '>=', from.getTime())
    .where('event.at', '<', to.getTime())
    .where('event.identifier', 'not in', on.selectFrom('hold').select('identifier'))
    .limit(BATCH)
    .execute()
  for (const { id, at, recipients } of events) {
    const keys = [...new Set((JSON.parse(recipients) as string[]).map(addressKey))]
    if (keys.length > 0)
      await on
        .deleteFrom('event_recipient')
        .where('recipient', 'in', keys)
        .where('at', '=', at)
        .where('event_id', '=', id)
        .execute()
    await on.deleteFrom('event').where('id', '=', id).execute()
  }
  // A receipt that came in is claimed by what its signature says.
  const receipts = events.flatMap(({ type, signature }) =>
    type === 'receipt-reception' && signature !== null ? [statementOf(signature)] : [],
  )
  for (const identifier of receipts) await on.deleteFrom('claim').where('identifier', '=', identifier).execute()
  for (const identifier of new Set(events.map((event) => event.identifier))) if (identifier !== '') await forget(on, identifier)
  return events.length
}

/** The message of an identifier and its claims go with the last of its events. */
async function forget(on: Kysely<Tables>, identifier: string): Promise<void> {
  const [left] = await on.selectFrom('event').select('id').where('identifier', '=', identifier).limit(1).execute()
  if (left !== undefined) return
  await on.deleteFrom('claim').where('identifier', '=', identifier).execute()
  await on.deleteFrom('message').where('identifier', '=', identifier).execute()
}
