/** Haraka's own queue, reached through the modules of its outbound side. */
import cluster from 'node:cluster'
import type { HarakaQueue, Plugin, Todo } from './types.js'

interface Modules {
  readonly outbound: {
    readonly HMailItem: new (name: string, path: string, notes: unknown) => object
    build_todo(todo: Todo, writer: { write(bytes: Buffer): boolean }, done: () => void): void
  }
  readonly queue: {
    readonly queue_dir: string
    readonly delivery_queue: { push(mail: object): void; length(): number }
    delete_dot_files: () => Promise<void>
  }
  readonly names: { name(): string }
}

/** Opens it for a plugin. */
export function harakaQueue(plugin: Plugin): HarakaQueue {
  const outbound = plugin.haraka_require('outbound') as Modules['outbound']
  const queue = plugin.haraka_require('outbound/queue') as Modules['queue']
  const names = plugin.haraka_require('outbound/qfile') as Modules['names']
  return {
    directory: queue.queue_dir,
    newName: () => names.name(),
    headOf(todo) {
      const pieces: Buffer[] = []
      // It writes at once, and goes on when told that it may.
      outbound.build_todo(todo, { write: (bytes) => pieces.push(bytes) > 0 }, () => undefined)
      return Buffer.concat(pieces)
    },
    underWay: () => queue.delivery_queue.length(),
    handOver: ({ name, path, notes }) => queue.delivery_queue.push(new outbound.HMailItem(name, path, notes)),
  }
}

/**
 * Whenever a worker takes up files, Haraka removes all that are unfinished in the queue, those included that other workers are just
 * writing: a message of which some recipients have to wait would be given up. The master has removed them at the start.
 */
export function spareUnfinished(plugin: Plugin): void {
  const queue = plugin.haraka_require('outbound/queue') as Modules['queue']
  if (cluster.isWorker) queue.delete_dot_files = () => Promise.resolve()
}
