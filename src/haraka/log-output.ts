/**
 * The log's way out of the process. To Node.js a log that cannot be written, on a full disk or to a reader that has gone, is the end
 * of the process; the gateway goes on without, and says what is missing as soon as it can write again.
 */
import type { Writable } from 'node:stream'
import { PecError, reasonOf } from '../errors.js'

/** From now on its failures end nothing. `tell` hears of each line that is lost, and once, with nothing, that lines are written again. */
export function survive(output: Writable, tell: (trouble: PecError | undefined) => void = () => undefined): void {
  const write = output.write.bind(output) as (chunk: unknown, done: (error?: Error | null) => void) => boolean
  let lost = 0
  let reason = ''
  const note = (error: Error): void => {
    lost++
    reason = reasonOf(error)
    tell(new PecError('log', `the log of the process cannot be written: ${reason}`, { temporary: true, cause: error }))
  }
  output.on('error', () => undefined)
  output.write = (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
    const written = [encoding, done].find((each) => typeof each === 'function') as ((error?: Error | null) => void) | undefined
    return write(chunk, (error) => {
      if (error) note(error)
      else if (lost > 0) {
        const line = `[ERROR] [-] [pec] ${lost} lines of the log are missing here, they could not be written: ${reason}\n`
        lost = 0
        tell(undefined)
        write(line, (again) => again && note(again))
      }
      written?.(error)
    })
  }
}
