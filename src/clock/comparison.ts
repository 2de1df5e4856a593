/** Our clock beside those of two settings of NTP servers (K3). */
import { reasonOf } from '../errors.js'
import type { AskServer, TimeServer } from './time-server.js'

export interface Comparison {
  /**
   * Milliseconds by which our clock is ahead, by the source that it is nearer to: a source that is wrong alone does not stop the
   * service. undefined if nobody answered.
   */
  readonly ahead: number | undefined
  /** What an operator must know, one sentence each. */
  readonly alarms: readonly string[]
}

interface Answer {
  /** The median of the servers that answered; undefined if none did. */
  readonly ahead: number | undefined
  readonly failures: readonly string[]
}

/** `alarm`: milliseconds that clocks may differ by. Never rejects. */
export async function compareClock(
  sources: readonly (readonly TimeServer[])[],
  alarm: number,
  ask: AskServer,
): Promise<Comparison> {
  const answers = await Promise.all(sources.map((servers) => askAll(servers, ask)))
  const known = answers.map(({ ahead }) => ahead).filter((ahead) => ahead !== undefined)
  const [nearest] = known.toSorted((a, b) => Math.abs(a) - Math.abs(b))
  const alarms: string[] = []
  for (const [at, { ahead, failures }] of answers.entries())
    if (ahead === undefined) alarms.push(`no server of source ${nameOf(at)} answers (${failures.join('; ')})`)
  if (Math.max(...known) - Math.min(...known) > alarm)
    alarms.push(`the sources disagree: our clock is ${known.map((ahead, at) => `${shown(ahead)} by ${nameOf(at)}`).join(', ')}`)
  if (nearest !== undefined && Math.abs(nearest) > alarm) alarms.push(`our clock is ${shown(nearest)}`)
  return { ahead: nearest, alarms }
}

/** e.g. `2.5 s ahead` */
export function shown(ahead: number): string {
  return `${(Math.abs(ahead) / 1000).toFixed(1)} s ${ahead < 0 ? 'behind' : 'ahead'}`
}

async function askAll(servers: readonly TimeServer[], ask: AskServer): Promise<Answer> {
  const failures: string[] = []
  const answers = await Promise.all(
    servers.map((server) =>
      ask(server).catch((error: unknown) => {
        failures.push(reasonOf(error))
        return undefined
      }),
    ),
  )
  const sorted = answers.filter((answer) => answer !== undefined).toSorted((a, b) => a - b)
  return { ahead: sorted[Math.floor((sorted.length - 1) / 2)], failures }
}

function nameOf(at: number): string {
  return 'ab'.charAt(at)
}
