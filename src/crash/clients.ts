/** Users who send message after message, whatever is killed meanwhile, and remember what they were told. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connectClient, type SmtpClient } from '../lab/smtp-client.js'
import type { Chance } from './random.js'
import { PASSWORD, type Site } from './site.js'

/** A message, sent once: who hears no answer writes another one. */
export interface Attempt {
  /** Message-ID, in brackets. */
  readonly id: string
  readonly from: string
  readonly to: readonly string[]
  /** Lines of its body. */
  readonly lines: number
  /** 250; to try again later; any other reply; or the connection broke off. */
  readonly answer: 'accepted' | 'deferred' | 'refused' | 'silence'
}

/** Beyond what stays in memory (4 MiB): it goes through the spool. */
const LARGE = 70_000
const SMALL = 200
const LARGE_SHARE = 0.004

/** What a message says between its first line and its last: nobody may change it. */
export function bodyOf({ id, lines }: Pick<Attempt, 'id' | 'lines'>): Buffer {
  return Buffer.from(`This is the body of the message ${id}, line by line.\r\n`.repeat(lines))
}

function messageOf({ id, from, to, lines }: Omit<Attempt, 'answer'>): Buffer {
  const head = [`From: <${from}>`, `To: ${to.map((address) => `<${address}>`).join(',\r\n ')}`, `Subject: ${id}`]
  const rest = [`Message-ID: ${id}`, 'Date: Thu, 1 Jan 2026 10:00:00 +0100', '', '']
  return Buffer.concat([Buffer.from([...head, ...rest].join('\r\n')), bodyOf({ id, lines })])
}

export interface User {
  readonly address: string
  readonly site: Site
  /** To whom they write. */
  readonly contacts: readonly string[]
}

/** Writes until the signal comes, and adds every attempt to the others. */
export async function correspond(
  { address, site, contacts }: User,
  attempts: Attempt[],
  chance: Chance,
  until: AbortSignal,
): Promise<void> {
  let session: SmtpClient | undefined
  let count = 0
  while (!until.aborted) {
    await sleep(chance.between(20, 250))
    session ??= await logIn(address, chance.one(site.submissionPorts))
    if (session === undefined) continue
    const lines = chance.happens(LARGE_SHARE) ? LARGE : chance.between(1, SMALL)
    const id = `<${address.replace('@', '.')}.${count++}.${process.pid}@crash.test>`
    const letter = { id, from: address, to: chance.some(contacts, chance.between(1, 4)), lines }
    const answer = await send(session, letter)
    attempts.push({ ...letter, answer })
    if (answer !== 'silence') continue
    session.destroy()
    session = undefined
  }
  session?.destroy()
}

/** A gateway whose store or disk is busy may take its time; one that is dead closes the connection. */
const PATIENCE_MS = 20_000

/** Undefined if nobody answers now. */
async function logIn(address: string, port: number): Promise<SmtpClient | undefined> {
  try {
    const session = await connectClient({ port, implicitTls: true, patienceMs: PATIENCE_MS })
    await session.ehlo()
    const { code } = await session.authPlain(address, PASSWORD)
    if (code === 235) return session
    session.destroy()
  } catch {
    // A process died: another one will answer.
  }
  return undefined
}

async function send(session: SmtpClient, letter: Omit<Attempt, 'answer'>): Promise<Attempt['answer']> {
  try {
    const { dot } = await session.send({ from: letter.from, to: letter.to }, messageOf(letter))
    if (dot?.code === 250) return 'accepted'
    // A new transaction would be refused where this one is still open.
    await session.command('RSET')
    return dot !== undefined && dot.code < 500 ? 'deferred' : 'refused'
  } catch {
    return 'silence'
  }
}
