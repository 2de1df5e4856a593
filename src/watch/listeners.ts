/** Those who are told of what happens in this process: logs, metrics, alarms. */
import type { Occurrence, Watch } from './occurrence.js'

/** Does its work at once or puts it off; whoever tells does not wait for it. */
export type Listener = (occurrence: Occurrence) => void

export class Listeners implements Watch {
  private readonly listeners = new Set<Listener>()
  private readonly onBug: (error: unknown) => void

  /** `onBug` hears of a listener that threw: that must not be mail's business. */
  constructor(onBug: (error: unknown) => void) {
    this.onBug = onBug
  }

  /** Returns what ends the listening. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  tell(occurrence: Occurrence): void {
    for (const listener of this.listeners) {
      try {
        listener(occurrence)
      } catch (error) {
        this.onBug(error)
      }
    }
  }
}

/** For whoever has nobody to tell. */
export const UNWATCHED: Watch = { tell: () => undefined }
