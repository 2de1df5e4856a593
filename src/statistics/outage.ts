/** An outage of the service, as AgID is told of it (O6). */

/** 01 planned, 02 incident, 03 malfunction. */
export const OUTAGE_TYPES = ['01', '02', '03'] as const
export type OutageType = (typeof OUTAGE_TYPES)[number]

export interface Outage {
  /** YYYY-MM-DD, of Italian legal time. */
  readonly day: string
  readonly type: OutageType
  readonly minutes: number
  /** Whether it counts against the agreed availability. */
  readonly sla: boolean
  /** In the operator's words; it is not told to AgID. */
  readonly note: string
}
