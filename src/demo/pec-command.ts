/** The `pec` command as an operator runs it: a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** The program that package.json names as `pec`. */
export const pecProgram = join(__dirname, '..', 'cli', 'pec.js')

/** Runs `pec ARGUMENTS...` with `input` on its standard input. Rejects with what it complained of if it failed. */
export async function runPec(args: readonly string[], signal: AbortSignal, input = ''): Promise<void> {
  signal.throwIfAborted()
  const child = spawn(process.execPath, [pecProgram, ...args], { signal, stdio: ['pipe', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  // One that needs no input may have ended before it comes.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`pec ${args.join(' ')} failed: ${complaint.trim()}`)
}
