/** Whether memory stays what it is over many small messages. */
import { saturate } from '../bench/load.js'
import { gateway } from '../bench/gateway.js'
import { withRig } from '../bench/rig.js'

export interface GrowthFigures {
  readonly messages: number
  /** Resident, all processes together: at the start, and after each twentieth of the messages. */
  readonly residentMb: readonly number[]
  /** Of the line through the second half of these. */
  readonly mbPer10000: number
}

const SMALL = 2 * 1024
const SAMPLES = 20
const SESSIONS = 8
const WINDOW = 32
/** The longest that a part of the messages may take, in milliseconds. */
const LONGEST_MS = 600_000

/** Certifies so many small messages between users of one gateway with one worker. */
export function measureGrowth(messages: number, progress: (what: string) => void): Promise<GrowthFigures> {
  return withRig(gateway, { workers: 1, sessions: SESSIONS }, async ({ instance, load, log }) => {
    const each = Math.ceil(messages / SAMPLES)
    const residentMb = [instance.consumption().residentMb]
    for (let sample = 0; sample < SAMPLES; sample++) {
      await saturate(load(SMALL), LONGEST_MS, WINDOW, each)
      log.take()
      const { residentMb: now } = instance.consumption()
      progress(`${(sample + 1) * each} small messages, ${Math.round(now)} MB`)
      residentMb.push(now)
    }
    const half = residentMb.slice(SAMPLES / 2)
    return { messages: each * SAMPLES, residentMb, mbPer10000: (slopeOf(half) * 10_000) / each }
  })
}

/** Of the line with the least squares through values at equal distances, per distance. */
export function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const rise = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0)
  return rise / values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0)
}
