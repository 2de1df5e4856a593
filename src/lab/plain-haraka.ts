/**
 * A Haraka instance without any PEC: takes every message by SMTP and relays it to one host and port. The baseline of the
 * benchmark, and the place to look at what Haraka itself does.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startInstance, workersListening, type Instance, type InstanceOptions } from './instance.js'

export interface PlainOptions {
  /** Where it listens on 127.0.0.1. */
  readonly port: number
  readonly relayTo: { readonly port: number; readonly protocol: 'smtp' | 'lmtp' }
  /** 0: a single process; otherwise a master and as many workers. */
  readonly nodes: number
  /** More plugins, loaded after the one that relays: plain JavaScript that Haraka runs in its sandbox. */
  readonly plugins?: Readonly<Record<string, string>>
  /** More files of config/, or others in place of those written here. */
  readonly config?: Readonly<Record<string, string>>
  /** As of an instance. */
  readonly session?: InstanceOptions['session']
}

/** Writes the instance into `directory`, which is made if need be. */
export async function writePlainHaraka(directory: string, options: PlainOptions): Promise<void> {
  for (const folder of ['config', 'plugins', 'queue', 'spool']) await mkdir(join(directory, folder), { recursive: true })
  const plugins = { relay: relayPlugin(options), ...options.plugins }
  const config = { ...configuration(directory, options), plugins: lines(...Object.keys(plugins)), ...options.config }
  for (const [name, source] of Object.entries(plugins)) await writeFile(join(directory, 'plugins', `${name}.js`), source)
  for (const [name, text] of Object.entries(config)) await writeFile(join(directory, 'config', name), text)
}

/** Writes and starts it. Resolves when it takes connections and has read its queue. */
export async function startPlainHaraka(directory: string, options: PlainOptions): Promise<Instance> {
  await writePlainHaraka(directory, options)
  return restartPlainHaraka(directory, options)
}

/** Starts an instance that has been written, with the queue it has. */
export function restartPlainHaraka(directory: string, options: PlainOptions): Promise<Instance> {
  // A single process listens before it has read its queue.
  const readyLines = options.nodes === 0 ? [/files in my temp fail queue/] : workersListening(options.nodes)
  const { session = 'own' } = options
  return startInstance({ directory, ports: [options.port], readyLines, session })
}

// Haraka's core files have no defaults: a key missing from connection.ini crashes the first connection.
function configuration(directory: string, options: PlainOptions): Record<string, string> {
  return {
    'smtp.ini': lines(
      `listen=127.0.0.1:${options.port}`,
      `nodes=${options.nodes}`,
      'graceful_shutdown=true',
      'force_shutdown_timeout=10',
    ),
    'connection.ini': lines(
      '[main]',
      `spool_dir=${join(directory, 'spool')}`,
      'smtputf8=false',
      '[haproxy]',
      'hosts[] =',
      '[headers]',
      'add_received=false',
      'clean_auth_results=false',
      'show_version=false',
      'max_lines=100000',
      'max_received=100',
      '[max]',
      'bytes=150000000',
      'mime_parts=1000',
      'line_length=512',
      'data_line_length=1000000',
      '[message]',
      'greeting[]=plain.test',
      'helo=ready',
      'close=bye',
      '[uuid]',
      'banner_chars=6',
      'deny_chars=0',
    ),
    'outbound.ini': lines('received_header=disabled', 'enable_tls=false', 'concurrency_max=100', 'temp_fail_intervals=5s*3'),
    'log.ini': lines('[main]', 'level=info', 'timestamps=true'),
    me: lines('plain.test'),
    plugin_timeout: lines('0'),
  }
}

function relayPlugin({ relayTo }: PlainOptions): string {
  const host = { exchange: '127.0.0.1', port: relayTo.port, priority: 0, using_lmtp: relayTo.protocol === 'lmtp' }
  return lines(
    'exports.hook_rcpt = function (next, connection) { connection.relaying = true; next(OK) }',
    `exports.hook_get_mx = function (next) { next(OK, ${JSON.stringify(host)}) }`,
  )
}

function lines(...text: string[]): string {
  return text.map((line) => `${line}\n`).join('')
}
