/**
 * Where a running instance can be spoken to: a socket in its directory that only its owner can open. It says, too, that the instance is
 * running: a second one over the same queue would send everything twice.
 */
import { rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { PecError, reasonOf } from '../errors.js'

/** Answers a command in one or more lines. What it rejects with is told as a fault. */
export type Commands = Readonly<Record<string, () => Promise<string>>>

export interface Answer {
  readonly ok: boolean
  readonly text: string
}

/** The command that every instance knows. */
const CONDITION = 'condition'
/** The longest that an instance takes to tell its condition, unless it hangs. */
const ANSWER_MS = 5_000
/** sun_path of Linux, with the byte that ends it. */
const LONGEST = 107

export function controlSocket(directory: string): string {
  return join(directory, 'control.sock')
}

/**
 * Listens. `isEnding` tells whether the instance has been told to end. Rejects with PecError 'configuration' if it is running already, or
 * cannot have a socket.
 */
export async function openControl(directory: string, isEnding: () => boolean, commands: Commands): Promise<{ close(): void }> {
  const all: Commands = { ...commands, [CONDITION]: () => Promise.resolve(isEnding() ? 'ending' : 'at work') }
  const path = controlSocket(directory)
  if (Buffer.byteLength(path) > LONGEST)
    throw new PecError('configuration', `${path} is longer than the ${LONGEST} bytes that a socket's path may have`)
  if (await isRunning(directory)) throw new PecError('configuration', `${directory} is running already, in another process`)
  rmSync(path, { force: true })
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let command = ''
    socket.setEncoding('utf8').setTimeout(10_000, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('data', (piece: string) => {
      command += piece
      if (command.length > 100) socket.destroy()
    })
    socket.on('end', () => {
      // The answer takes as long as it takes.
      socket.setTimeout(0)
      void answer(all, command.trim()).then((reply) => socket.end(JSON.stringify(reply)))
    })
  })
  await listen(server, path)
  return { close: () => void server.close() }
}

/** Whether the instance is at work, or about to end; 'away' if it is not running. */
export async function conditionOf(directory: string): Promise<'at work' | 'ending' | 'away'> {
  if (!(await isRunning(directory))) return 'away'
  const told = ask(directory, CONDITION).then(
    ({ text }) => text,
    // It has ended meanwhile.
    () => 'ending',
  )
  // One that hangs is there, too.
  const word = await Promise.race([told, sleep(ANSWER_MS, 'at work', { ref: false })])
  return word === 'ending' ? 'ending' : 'at work'
}

async function isRunning(directory: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(controlSocket(directory))
    const settle = (running: boolean): void => {
      socket.destroy()
      resolve(running)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}

/** What the running instance says to a command. Rejects with PecError 'configuration' if it is not running. */
export async function ask(directory: string, command: string): Promise<Answer> {
  const socket = connect(controlSocket(directory))
  try {
    socket.end(command)
    return JSON.parse(await text(socket)) as Answer
  } catch (error) {
    throw new PecError('configuration', `${directory} is not running, or not ours to command: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

async function answer(commands: Commands, command: string): Promise<Answer> {
  const run = Object.hasOwn(commands, command) ? commands[command] : undefined
  if (run === undefined) return { ok: false, text: 'no such command' }
  try {
    return { ok: true, text: await run() }
  } catch (error) {
    return { ok: false, text: reasonOf(error) }
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new PecError('configuration', `${path} cannot be opened: ${error.message}`, { cause: error })),
    )
    // The socket is made at once, with these permissions from its first moment.
    const mask = process.umask(0o177)
    server.listen(path, resolve)
    process.umask(mask)
  })
}
