import { section } from './section.js'
import type { Values } from './values.js'

/** An NTP server. */
export interface TimeServer {
  readonly host: string
  readonly port: number
}

export interface ClockConfig {
  /** Two settings that have nothing to do with each other. */
  readonly sources: readonly [readonly TimeServer[], readonly TimeServer[]]
  /** Seconds between two comparisons. */
  readonly interval: number
  /** Seconds from which on the alarm is raised, and from which on nothing is certified. */
  readonly alarm: number
  readonly stop: number
}

const KEYS = ['servers_a', 'servers_b', 'interval', 'alarm', 'stop'] as const
const NTP_PORT = 123

/** [clock]: undefined where the clock is not compared. */
export const clock = section('clock', KEYS, (values): ClockConfig | undefined => {
  const sources = [servers(values, 'servers_a'), servers(values, 'servers_b')] as const
  const interval = values.number('interval', 300)
  const alarm = values.decimal('alarm', 1)
  const stop = values.decimal('stop', 30)
  if (alarm <= 0) values.fault('alarm is not above 0')
  if (stop < alarm) values.fault('stop is less than alarm')
  const [a, b] = sources
  if (a.length === 0 && b.length === 0) return undefined
  if (a.length === 0 || b.length === 0) values.fault('servers_a and servers_b must both name servers, or neither')
  return { sources, interval, alarm, stop }
})

function servers(values: Values<(typeof KEYS)[number]>, key: 'servers_a' | 'servers_b'): TimeServer[] {
  return values.list(key).map((item) => {
    const [, host = '', port = String(NTP_PORT)] = /^([\w.-]+|\[[\da-f:]+\])(?::(\d{1,5}))?$/i.exec(item) ?? []
    if (host === '' || Number(port) < 1 || Number(port) > 65_535) values.fault(`${key}: ${item} is neither HOST nor HOST:PORT`)
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
  })
}
