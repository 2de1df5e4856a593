/**
 * The waits of Haraka's queue, by a clock that nobody sets. Haraka's own go by the wall clock: set back by an hour, it would leave
 * every message that waits for its next attempt alone for an hour.
 */

interface Wait {
  /** Milliseconds on the steady clock. */
  readonly fire_time: number
  readonly id: string
  callback: (() => void) | null
  /** Haraka's own name for a wait that is called off. */
  cancel(): void
}

/** Haraka's TimerQueue: it calls `fire` every second, and takes what is due off the front of `queue`. */
export interface TimerQueue {
  queue: unknown[]
  add(id: string, milliseconds: number, callback: () => void): unknown
  fire(): void
  drain(): void
}

/** `longest` is the longest wait, in milliseconds, that there can be: a file of the queue may be named by a clock that was wrong. */
export function keepWaitsSteady(timers: TimerQueue, longest: () => number, steady: () => number = () => performance.now()): void {
  const waits: Wait[] = []
  const end = (wait: Wait | undefined): void => wait?.callback?.()
  timers.queue = waits
  timers.add = (id, milliseconds, callback) => {
    const fire_time = steady() + Math.min(milliseconds, longest())
    const wait: Wait = { id, fire_time, callback, cancel: () => (wait.callback = null) }
    waits.splice(waits.findLastIndex((other) => other.fire_time <= fire_time) + 1, 0, wait)
    return wait
  }
  timers.fire = () => {
    for (let now = steady(); (waits[0]?.fire_time ?? Infinity) <= now;) end(waits.shift())
  }
  timers.drain = () => {
    while (waits.length > 0) end(waits.shift())
  }
}
