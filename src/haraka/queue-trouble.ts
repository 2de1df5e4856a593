/**
 * What Haraka's queue makes of trouble with its own files. By itself it gives a message up when its file cannot be renamed or a part
 * of its recipients not be split off, forgets until the next start a file that cannot be opened for want of descriptors, and leaves
 * a peer without the rest of a message. Here they wait until the trouble is over.
 */
import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode, reasonOf } from '../errors.js'
import { keepWaitsSteady, type TimerQueue } from './steady-waits.js'
import type { Logger, Plugin } from './types.js'

/** Between two looks at whether a file can be opened. */
const AGAIN_MS = 2_000
/** Until a message whose file could not be changed is tried again, as it stands. */
const RETRY_MS = 30_000

/** The longest wait that is none between attempts. */
const LONGEST_OTHER_MS = 60_000

interface StoredMail extends Logger {
  readonly filename: string
  readonly path: string
  readonly notes: unknown
  readonly data_start: number
  readonly file_size: number
  next_cb(): void
}

type Bounce = (this: StoredMail, reason: unknown, extra?: unknown) => void
type ReadBytes = (this: StoredMail, path: string, range: unknown) => Promise<Buffer>

interface Modules {
  readonly mail: (new (name: string, path: string, notes: unknown) => object) & {
    readonly prototype: { bounce: Bounce; _stream_bytes_from: ReadBytes; data_stream: (this: StoredMail) => fs.ReadStream }
  }
  readonly queue: { readonly delivery_queue: { push(mail: object): void }; readonly temp_fail_queue: TimerQueue }
  /** Seconds. */
  readonly config: { readonly cfg: { readonly temp_fail_intervals: readonly number[] } }
}

/** Before Haraka takes up any file. */
export function endureTrouble(plugin: Plugin): void {
  const Mail = plugin.haraka_require('outbound/hmail') as Modules['mail']
  const { delivery_queue, temp_fail_queue } = plugin.haraka_require('outbound/queue') as Modules['queue']
  const config = plugin.haraka_require('outbound/config') as Modules['config']
  keepWaitsSteady(temp_fail_queue, () => Math.max(LONGEST_OTHER_MS, ...config.cfg.temp_fail_intervals.map((s) => s * 1000)))
  const { prototype } = Mail
  const { bounce, _stream_bytes_from: readBytes } = prototype
  // One attempt may fail in several ways; the file is taken up again once, by an object of its own.
  const setAside = new WeakSet<StoredMail>()

  prototype.bounce = function (reason, extra) {
    if (!isOurTrouble(String(reason))) {
      bounce.call(this, reason, extra)
      return
    }
    if (setAside.has(this)) return
    setAside.add(this)
    this.logerror(`the queue cannot be changed, ${this.filename} is tried again in ${RETRY_MS / 1000} s: ${String(reason)}`)
    this.next_cb()
    temp_fail_queue.add(this.filename, RETRY_MS, () => delivery_queue.push(new Mail(this.filename, this.path, this.notes)))
  }

  prototype._stream_bytes_from = async function (path, range) {
    for (;;) {
      try {
        return await readBytes.call(this, path, range)
      } catch (error) {
        if (!isWorthWaiting(error)) throw error
        this.logerror(`the queue cannot be read, next look in ${AGAIN_MS / 1000} s: ${reasonOf(error)}`)
      }
      await sleep(AGAIN_MS)
    }
  }

  prototype.data_stream = function () {
    return fs.createReadStream(this.path, { start: this.data_start, end: this.file_size, fs: { ...fs, open: openPatiently } })
  }
}

/** What Haraka says in place of a refusal when it could not write its own files. */
function isOurTrouble(reason: string): boolean {
  return /^Error (?:re-queueing|splitting) /.test(reason)
}

/** A file that is gone does not come back. */
function isWorthWaiting(error: unknown): boolean {
  return !hasCode(error, 'ENOENT')
}

type Opened = (error: NodeJS.ErrnoException | null, descriptor: number) => void

function openPatiently(path: fs.PathLike, flags: fs.OpenMode, mode: fs.Mode, done: Opened): void {
  fs.open(path, flags, mode, (error, descriptor) => {
    if (error?.code === 'EMFILE' || error?.code === 'ENFILE') setTimeout(() => openPatiently(path, flags, mode, done), AGAIN_MS)
    else done(error, descriptor)
  })
}
