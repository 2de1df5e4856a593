/** Where messages arrive in a demonstration, and what has arrived. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sink } from '../lab/sink.js'

/** A message in somebody's inbox. */
export interface Letter {
  /** The address whose inbox it is. */
  readonly inbox: string
  readonly arrivedAt: Date
  readonly bytes: Buffer
}

export interface Inbox {
  readonly address: string
  /** What has arrived since the last call. */
  fresh(): Promise<Letter[]>
}

/** A mailbox of an instance: mail/DOMAIN/USER/Maildir below its directory. */
export function maildirInbox(instance: string, address: string): Inbox {
  const [user = '', domain = ''] = address.split('@')
  const folder = join(instance, 'mail', domain, user, 'Maildir', 'new')
  const known = new Set<string>()
  return {
    address,
    async fresh() {
      // It is made with its first message.
      const names = await readdir(folder).catch(() => [])
      const unknown = names.filter((name) => !known.has(name))
      for (const name of unknown) known.add(name)
      return Promise.all(
        unknown.map(async (name) => {
          const path = join(folder, name)
          return { inbox: address, arrivedAt: (await stat(path)).mtime, bytes: await readFile(path) }
        }),
      )
    },
  }
}

/** What an ordinary mail host has taken for an address. */
export function sinkInbox(sink: Sink, address: string): Inbox {
  let seen = 0
  return {
    address,
    fresh() {
      const messages = sink.messages.slice(seen)
      seen += messages.length
      return Promise.resolve(
        messages
          .filter(({ accepted }) => accepted.includes(address))
          .map(({ receivedAt, bytes }) => ({ inbox: address, arrivedAt: new Date(performance.timeOrigin + receivedAt), bytes })),
      )
    },
  }
}
