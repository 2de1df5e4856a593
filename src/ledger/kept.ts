/** The table of quarantine, for whoever looks through it or clears it out. */
import type { Kysely } from 'kysely'
import type { RecordedQuarantine } from '../archive/register.js'
import type { QuarantinedMessage } from '../points/ports.js'
import type { Attempt } from './archive-days.js'
import { keyOf } from './keys.js'
import type { Tables } from './schema.js'

const PAGE = 500

export class KeptMessages {
  private readonly db: Kysely<Tables>
  private readonly attempt: Attempt

  constructor(db: Kysely<Tables>, attempt: Attempt) {
    this.db = db
    this.attempt = attempt
  }

  /** All of them, the first to go first. */
  async *all(): AsyncGenerator<RecordedQuarantine> {
    const rows = this.db.selectFrom('quarantine').selectAll().orderBy('until').orderBy('id').limit(PAGE)
    for (let last: Tables['quarantine'] | undefined; ;) {
      const { until, id } = last ?? { until: 0, id: '' }
      const next = rows.where('until', '>=', until).where((eb) => eb(eb.refTuple('until', 'id'), '>', eb.tuple(until, id)))
      const page = await this.attempt(() => next.execute())
      for (const row of page) yield recordedOf(row)
      last = page.at(-1)
      if (page.length < PAGE) return
    }
  }

  /** Those of this name: the name of a file, or the identifier of messages. */
  async named(name: string): Promise<readonly RecordedQuarantine[]> {
    const key = keyOf(name)
    const rows = this.db
      .selectFrom('quarantine')
      .selectAll()
      .where((eb) => eb.or([eb('id', '=', key), eb('identifier', '=', key)]))
      .orderBy('since')
    return (await this.attempt(() => rows.execute())).map(recordedOf)
  }

  /** Takes one out of the table. */
  async forget(id: string): Promise<void> {
    await this.attempt(() => this.db.deleteFrom('quarantine').where('id', '=', id).execute())
  }
}

export function recordedOf({ reason, since, until, ...row }: Tables['quarantine']): RecordedQuarantine {
  return { ...row, reason: reason as QuarantinedMessage['reason'], since: new Date(since), until: new Date(until) }
}
