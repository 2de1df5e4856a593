/**
 * Files that somebody replaces while we run: a key and its certificate, authorities, a list. They are looked at again and again, and
 * taken over once they are right; until then what was taken before goes on.
 */
import { stat } from 'node:fs/promises'
import { reasonOf } from './errors.js'
import { oneAtATime } from './one-at-a-time.js'

export interface WatchedFiles {
  /** What they are, for log lines: `the signing key and certificate`. */
  readonly what: string
  readonly paths: readonly string[]
  /** Their stamps from before they were opened: they may have been replaced since. */
  readonly seen: string
  /** Reads and checks them all, then uses them; resolves to what a log line should say of them. Changes nothing if it rejects. */
  readonly take: () => Promise<string>
  /** Told what became of each replacement: what `take` said, or why the old files go on. */
  readonly tell?: (outcome: TakeOver) => void
}

export type TakeOver = { readonly taken: string } | { readonly refused: string }

export interface Watch {
  /** Looks now. Never rejects. */
  look(): Promise<void>
  /** Ends the looking; what is in use stays. */
  stop(): void
}

/**
 * Looks every `interval` milliseconds. Files are replaced one after the other, so a fault is told only when the next look finds it
 * too, and once. `onEvent` gets lines for the log.
 */
export function watchFiles(
  { what, paths, seen, take, tell }: WatchedFiles,
  interval: number,
  onEvent: (line: string) => void,
): Watch {
  let taken = seen
  let fault: string | undefined
  let told: string | undefined
  const lookOnce = async (): Promise<void> => {
    const stamps = await stampsOf(paths)
    if (stamps === taken) {
      fault = told = undefined
      return
    }
    try {
      const news = await take()
      onEvent(`${what}: taken over, ${news}`)
      tell?.({ taken: news })
      // Replaced again while they were read, they are taken once more.
      taken = stamps
      fault = told = undefined
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === fault && reason !== told) {
        onEvent(`${what}: NOT taken over, the old one goes on: ${(told = reason)}`)
        tell?.({ refused: reason })
      }
      fault = reason
    }
  }
  const look = oneAtATime(lookOnce)
  const timer = setInterval(() => void look(), interval).unref()
  return { look, stop: () => clearInterval(timer) }
}

/** Tells one state of the files from another; that one cannot be looked at is a state too. */
export async function stampsOf(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(stampOf))).join(' ')
}

async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path)
    return `${ino}/${size}/${mtimeMs}/${ctimeMs}`
  } catch (error) {
    return reasonOf(error)
  }
}
