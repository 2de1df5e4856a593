/** Sends alarms by every channel. What a channel does not take is in the log, and is tried again a few times. */
import { reasonOf } from '../errors.js'
import type { Part } from '../watch/occurrence.js'
import type { Channel } from './channel.js'
import type { Alarm } from './node-troubles.js'

/** Before the second attempt, and those after it. */
const PAUSES_MS: readonly number[] = [60_000, 300_000, 900_000]

/** `onEvent` gets lines for the log. */
export function newSending(
  channels: readonly Channel[],
  onEvent: (line: string) => void,
  pauses = PAUSES_MS,
): (alarm: Alarm) => void {
  // What is said of a part last takes the place of what was to be said of it before.
  const latest = new Map<Part, Alarm>()
  const attempt = async (channel: Channel, alarm: Alarm, attempts: number): Promise<void> => {
    if (latest.get(alarm.part) !== alarm) return
    try {
      await channel.send(alarm)
    } catch (error) {
      const pause = pauses[attempts]
      const next = pause === undefined ? 'given up' : `tried again in ${pause / 1000} s`
      onEvent(`that ${alarm.part} is ${alarm.state} could not be told by ${channel.name}: ${reasonOf(error)}; ${next}`)
      if (pause !== undefined) setTimeout(() => void attempt(channel, alarm, attempts + 1), pause).unref()
    }
  }
  return (alarm) => {
    latest.set(alarm.part, alarm)
    for (const channel of channels) void attempt(channel, alarm, 0)
  }
}
