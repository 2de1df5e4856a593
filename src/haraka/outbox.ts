/**
 * The outbound queue as the points see it. A step's messages are queue files on the disk before the step is committed; afterwards
 * the courier tries mailboxes at once, and Haraka has the rest, with all its retries.
 */
import { rm } from 'node:fs/promises'
import { PecError, reasonOf } from '../errors.js'
import type { Dispatch, Outbox } from '../points/ports.js'
import { filesOf, writeQueueFile, type QueueFile } from './queue-file.js'
import type { HarakaQueue } from './types.js'
import { syncFolder } from '../write-source.js'

/** Files of one step written at the same time. */
const AT_ONCE = 16

/** Who takes a released message to its mailbox, or hands it to Haraka. */
export interface Courier {
  carry(file: QueueFile): void
}

/** Writes into Haraka's queue, by way of the private directory `spool` on the same file system. */
export function openOutbox(queue: HarakaQueue, spool: string, courier: Courier): Outbox {
  return {
    async prepare(step, dispatches) {
      const files = dispatches.flatMap((dispatch: Dispatch) => filesOf(step, dispatch, queue))
      try {
        const waiting = files.values()
        const writers = Array.from({ length: Math.min(AT_ONCE, files.length) }, async () => {
          for (const file of waiting) await writeQueueFile(file, queue, spool)
        })
        await settledAll(writers)
        if (files.length > 0) await syncFolder(queue.directory)
      } catch (error) {
        remove(files)
        throw new PecError('queue', `the queue did not take a message: ${reasonOf(error)}`, { temporary: true, cause: error })
      }
      return {
        release: () => files.forEach((file) => courier.carry(file)),
        drop: () => remove(files),
        // At the gate Haraka asks the ledger.
        leaveToLedger: () => files.forEach((file) => queue.handOver(file)),
      }
    },
  }
}

/** Waits for all, then fails if any failed: no writer may still be at work when the step is given up. */
async function settledAll(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** A file that stays behind is dropped at the gate after the next start: its step was never committed. */
function remove(files: readonly QueueFile[]): void {
  for (const { path } of files) rm(path, { force: true }).catch(() => undefined)
}
