/** The log of outages (O6), kept in the ledger so that all nodes have one. */
import type { Kysely } from 'kysely'
import type { Outage, OutageType } from '../statistics/outage.js'
import type { Attempt } from './archive-days.js'
import type { Tables } from './schema.js'

export class Outages {
  private readonly db: Kysely<Tables>
  private readonly attempt: Attempt

  constructor(db: Kysely<Tables>, attempt: Attempt) {
    this.db = db
    this.attempt = attempt
  }

  async add({ day, type, minutes, sla, note }: Outage): Promise<void> {
    const row = { day, type, minutes, sla: sla ? 1 : 0, note }
    await this.attempt(() => this.db.insertInto('outage').values(row).execute())
  }

  /** Those of days from one (included) to another (excluded), in their order. */
  async list(from: string, to: string): Promise<readonly Outage[]> {
    const rows = this.db
      .selectFrom('outage')
      .selectAll()
      .where('day', '>=', from)
      .where('day', '<', to)
      .orderBy('day')
      .orderBy('id')
    const found = await this.attempt(() => rows.execute())
    return found.map(({ day, type, minutes, sla, note }) => ({ day, type: type as OutageType, minutes, sla: sla === 1, note }))
  }
}
