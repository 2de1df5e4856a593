/**
 * Ordinary mail rated by rspamd, through haraka-plugin-rspamd (R6). That plugin is made to judge a connection of Haraka's and to
 * act on it: to refuse, to add fields, to write another subject. Here it gets the likeness of a connection, with the bytes of one
 * message, and is asked for nothing but its score; whatever rspamd.ini may say, it cannot touch a message or turn one away.
 */
import { Readable, type Writable } from 'node:stream'
import { isIP } from 'node:net'
import { reasonOf } from '../errors.js'
import type { Source } from '../mail/source.js'
import type { SpamLevel } from '../pec/kinds.js'
import type { Logger, Plugin } from './types.js'

/** What a spam filter is told of a message. */
export interface Suspect {
  readonly message: Source
  /** Haraka's id of the transaction. */
  readonly uuid: string
  /** '' for none. */
  readonly sender: string
  readonly recipients: readonly string[]
  readonly client: { readonly ip: string; readonly host: string; readonly hello: string }
}

export interface SpamFilter {
  /** Never rejects: what could not be rated goes on without, and that is in the log. */
  rate(suspect: Suspect): Promise<Rating>
}

export interface Rating {
  /** Undefined for what looks like no spam, and for what could not be rated. */
  readonly level?: SpamLevel | undefined
  /** Why it could not be rated. */
  readonly failure?: string
}

/** Scores of rspamd from which mail has each level. */
export type SpamLevels = Readonly<Record<SpamLevel, number>>

/** A plugin of Haraka that has inherited from haraka-plugin-rspamd. */
export interface Rspamd extends Plugin {
  rspamd_data_post(next: () => void, connection: Likeness): void
  parse_response(raw: string, connection: Likeness): unknown
  handle_rspamd(connection: Likeness, response: { readonly log: Result }): readonly []
}

/** What rspamd said, or `err`: why it said nothing. */
type Result = Readonly<Record<string, unknown>>

export function openSpamFilter(plugin: Rspamd, levels: SpamLevels): SpamFilter {
  const rspamd = scoreOnly(plugin)
  return {
    async rate(suspect) {
      const { score, is_skipped, err } = await ask(rspamd, suspect)
      if (typeof score !== 'number') {
        const failure = `rspamd ${words(err)}`
        const line = `${suspect.uuid} goes on without a rating as spam: ${failure}`
        if (is_skipped === true) {
          plugin.loginfo(line)
          return {}
        }
        plugin.logwarn(line)
        return { failure }
      }
      const level = levelOf(score, levels)
      plugin.loginfo(`${suspect.uuid} is rated ${score} by rspamd: ${level ?? 'no spam'}`)
      return { level }
    },
  }
}

function levelOf(score: number, levels: SpamLevels): SpamLevel | undefined {
  return (['high', 'medium', 'low'] as const).find((level) => score >= levels[level])
}

/** The plugin without what it would do about the answer. Settings that it reads again are seen through it. */
function scoreOnly(plugin: Rspamd): Rspamd {
  const parse = plugin.parse_response.bind(plugin)
  const only: Pick<Rspamd, 'parse_response' | 'handle_rspamd'> = {
    parse_response(raw, connection) {
      try {
        return parse(raw, connection)
      } catch (error) {
        // What it throws here, on an answer that is no object, would end the process.
        connection.transaction.results.add(plugin, { err: reasonOf(error) })
        return undefined
      }
    },
    handle_rspamd(connection, { log }) {
      connection.transaction.results.add(plugin, log)
      return []
    },
  }
  return Object.assign(Object.create(plugin) as Rspamd, only)
}

async function ask(rspamd: Rspamd, suspect: Suspect): Promise<Result> {
  const said: Record<string, unknown> = {}
  try {
    await new Promise<void>((resolve) => {
      rspamd.rspamd_data_post(
        resolve,
        likenessOf(suspect, rspamd, (result) => Object.assign(said, result)),
      )
    })
  } catch (error) {
    return { err: reasonOf(error) }
  }
  return said
}

type Likeness = ReturnType<typeof likenessOf>

/** A connection as the plugin reads it: of a stranger, so that it skips nobody. */
function likenessOf({ message, uuid, sender, recipients, client }: Suspect, log: Logger, note: (result: Result) => void) {
  const { ip, host, hello } = client
  return {
    notes: {},
    relaying: false,
    remote: { ip: isIP(ip) === 0 ? '' : ip, host: host.includes('.') ? visible(host) : '', is_local: false, is_private: false },
    hello: { host: visible(hello) },
    tls: { enabled: false },
    results: { get: () => undefined },
    logerror: (_: unknown, ...what: unknown[]) => log.logerror(...what),
    loginfo: (_: unknown, ...what: unknown[]) => log.loginfo(...what),
    transaction: {
      uuid,
      mail_from: { address: visible(sender) },
      rcpt_to: recipients.map((address) => ({ address: visible(address) })),
      results: { get: () => undefined, add: (_: unknown, result: Result) => note(result) },
      message_stream: streamOf(message),
    },
  }
}

/** Fit for a header of HTTP. */
function visible(text: string): string {
  return text.replace(/[^!-~]/g, '?')
}

function streamOf(message: Source) {
  const reading = Readable.from(message.chunks())
  return {
    pipe(destination: Writable): Writable {
      reading.once('error', (error) => destination.destroy(error))
      return reading.pipe(destination)
    },
    unpipe(): void {
      reading.unpipe()
      reading.destroy()
    },
  }
}

function words(err: unknown): string {
  return err === undefined ? 'gave no score' : reasonOf(err)
}
