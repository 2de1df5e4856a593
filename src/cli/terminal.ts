/** What a person at a terminal reads and writes: the only place of the package that prints. */
import { PecError, isPecError, reasonOf } from '../errors.js'

export function say(line: string): void {
  process.stdout.write(`${harmless(line)}\n`)
}

/** What a person should know beside the output, which may go to a file. */
export function warn(line: string): void {
  process.stderr.write(`${harmless(line)}\n`)
}

/** Whoever reads the output may have seen enough, as `head` does: the rest is for nobody, and the work is done all the same. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
}

/** Tells what went wrong, in one line for a failure that has words of its own or is the system's, and sets the exit status. */
export function complain(error: unknown): void {
  const isBug = error instanceof Error && !isPecError(error) && !('syscall' in error)
  const text = isBug ? (error.stack ?? error.message) : reasonOf(error)
  process.stderr.write(`pec: ${harmless(text)}\n`)
  process.exitCode = 1
}

/**
 * What strangers wrote, in a name of the index or in the words of a failure, steers no terminal: control characters are written as escapes,
 * which in JSON mean the same.
 */
function harmless(text: string): string {
  return text.replace(/\r(?!\n)|[^\P{Cc}\t\r\n]/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The first line of standard input, for a password. */
export async function readLine(): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    pieces.push(piece)
    if (piece.includes(0x0a)) break
    if (pieces.reduce((sum, { length }) => sum + length, 0) > 4096)
      throw new PecError('configuration', 'the line on standard input is too long')
  }
  return Buffer.concat(pieces).toString('utf8').split(/\r?\n/)[0] ?? ''
}
