/** What is told goes to nobody, or into a list. */
import assert from 'node:assert/strict'
import type { Watching } from '../../src/haraka/watching.js'
import { Health } from '../../src/watch/health.js'
import { Listeners } from '../../src/watch/listeners.js'
import type { Occurrence } from '../../src/watch/occurrence.js'

export function listening(told: Occurrence[] = []): Watching {
  const clock = (): Date => new Date()
  const watch = new Listeners((error) => assert.ifError(error))
  watch.listen((occurrence) => told.push(occurrence))
  return { watch, health: new Health(watch, clock), clock, rest: () => undefined }
}
