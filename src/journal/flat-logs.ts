/** The flat logs of one process (L2): a file for each component, fed with what happens. */
import { hostname } from 'node:os'
import { pid } from 'node:process'
import pino, { type Logger } from 'pino'
import type { Clock } from '../points/ports.js'
import type { Health } from '../watch/health.js'
import type { Listener } from '../watch/listeners.js'
import { FlatLog } from './flat-log.js'
import { serverName, type Component } from './flat-log-name.js'
import { linesOf } from './line.js'

export interface FlatLogSettings {
  readonly directory: string
  /** Bytes of a file. */
  readonly maxBytes: number
  /** As it stands in names and lines; the host's name if left out. */
  readonly server?: string | undefined
}

/** Characters of one component that wait while nothing can be written. */
const BUFFER = 4 * 1024 * 1024
/** How often logs without lines are looked at: their files end with the day too. */
const LOOK_MS = 60_000

interface Writer {
  readonly log: FlatLog
  readonly lines: Logger
}

export class FlatLogs {
  private readonly writers = new Map<Component, Writer>()
  private readonly failing = new Set<Component>()
  private readonly settings: FlatLogSettings
  private readonly server: string
  private readonly health: Health
  private readonly clock: Clock
  private readonly timer: NodeJS.Timeout

  /** A log that cannot be written is a failure of the part 'log'. */
  constructor(settings: FlatLogSettings, health: Health, clock: Clock) {
    this.settings = settings
    this.server = serverName(settings.server ?? hostname())
    this.health = health
    this.clock = clock
    this.timer = setInterval(() => void this.flush(), LOOK_MS).unref()
    process.once('exit', this.flushNow)
  }

  readonly listener: Listener = (occurrence) => {
    for (const { component, at, columns } of linesOf(occurrence)) {
      this.writerOf(component).lines.info({ time: at.toISOString(), ...columns })
    }
  }

  /** Writes what waits. Never rejects. */
  async flush(): Promise<void> {
    await Promise.all([...this.writers.values()].map(({ log }) => log.flush()))
  }

  /** Writes what waits and lets go of the files; what is told afterwards begins new ones. */
  async close(): Promise<void> {
    clearInterval(this.timer)
    process.off('exit', this.flushNow)
    await Promise.all([...this.writers.values()].map(({ log }) => log.close()))
  }

  private readonly flushNow = (): void => {
    for (const { log } of this.writers.values()) log.flushNow()
  }

  private writerOf(component: Component): Writer {
    const known = this.writers.get(component)
    if (known !== undefined) return known
    const { directory, maxBytes } = this.settings
    const base = { server: this.server, component, instance: String(pid) }
    const log = new FlatLog({
      ...{ ...base, directory, maxBytes, buffer: BUFFER, clock: this.clock },
      onFailure: (error) => {
        this.failing.add(component)
        this.health.failed('log', error)
      },
      onSuccess: () => {
        if (this.failing.delete(component) && this.failing.size === 0) this.health.works('log')
      },
      droppedLine: (count) => {
        const columns = { event: 'lines-dropped', outcome: `${count} lines could not be kept` }
        return `${JSON.stringify({ ...base, time: this.clock().toISOString(), ...columns })}\n`
      },
    })
    // Every line of pino's begins with the level; ours have none.
    const { server, ...rest } = base
    const lines = pino({ base: rest, timestamp: false, formatters: { level: () => ({ server }) } }, log)
    const writer = { log, lines }
    this.writers.set(component, writer)
    return writer
  }
}
