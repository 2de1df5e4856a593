/** Figures of the register over a period, for statistics (O6). Each is counted along an index by kind and time. */
import { sql, type Kysely } from 'kysely'
import type { Attempt } from './archive-days.js'
import type { Tables } from './schema.js'

/** From (included) to (excluded). */
export interface Span {
  readonly from: Date
  readonly to: Date
}

/** How long certified recipients of our messages waited, in milliseconds; of those with an outcome. */
export interface Delays {
  readonly concluded: number
  readonly mean: number
  readonly longest: number
}

export class Figures {
  private readonly db: Kysely<Tables>
  private readonly attempt: Attempt

  constructor(db: Kysely<Tables>, attempt: Attempt) {
    this.db = db
    this.attempt = attempt
  }

  /** Take-charge receipts to other providers: those of messages between our own users go nowhere. */
  async foreignTakeCharges(span: Span): Promise<number> {
    const rows = this.events('take-charge', span)
      .innerJoin('message', 'message.identifier', 'event.identifier')
      .where('message.own', '=', 0)
      .select((eb) => eb.fn.countAll().as('count'))
    return Number((await this.attempt(() => rows.executeTakeFirstOrThrow())).count)
  }

  /** Messages of other providers in which a virus was found. */
  async virusesIn(span: Span): Promise<number> {
    const rows = this.events('virus-detection', span).select((eb) => eb.fn.count('event.identifier').distinct().as('count'))
    return Number((await this.attempt(() => rows.executeTakeFirstOrThrow())).count)
  }

  /** Messages of our users that were not accepted for a virus. */
  async virusesOut(span: Span): Promise<number> {
    const rows = this.events('non-acceptance', span)
      .where('event.outcome', 'like', 'virus:%')
      .select((eb) => eb.fn.countAll().as('count'))
    return Number((await this.attempt(() => rows.executeTakeFirstOrThrow())).count)
  }

  /** From the acceptance of messages accepted in the period to the outcome for each recipient. */
  async delays(span: Span): Promise<Delays> {
    const waited = sql<number | null>`recipient.outcome_at - event.at`
    const rows = this.events('acceptance', span)
      .innerJoin('recipient', 'recipient.identifier', 'event.identifier')
      .where('recipient.outcome_at', 'is not', null)
      .select((eb) => [
        eb.fn.countAll().as('concluded'),
        eb.fn.avg<number | string | null>(waited).as('mean'),
        eb.fn.max<number | string | null>(waited).as('longest'),
      ])
    const { concluded, mean, longest } = await this.attempt(() => rows.executeTakeFirstOrThrow())
    return { concluded: Number(concluded), mean: Number(mean ?? 0), longest: Number(longest ?? 0) }
  }

  private events(type: string, { from, to }: Span) {
    return this.db
      .selectFrom('event')
      .where('event.type', '=', type)
      .where('event.at', '>=', from.getTime())
      .where('event.at', '<', to.getTime())
  }
}
