/**
 * Haraka's outbound queue as the points see it. Messages go in byte for byte: a transaction made for the purpose hands Haraka the
 * bytes, so that it has nothing to parse, to add or to re-encode.
 */
import constants from 'haraka-constants'
import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { Readable, type Writable } from 'node:stream'
import { PecError, reasonOf } from '../errors.js'
import type { Source } from '../mail/source.js'
import type { Dispatch, Outbox } from '../points/ports.js'
import { pathOf } from './address.js'
import { dotStuffed } from '../mail/dots.js'
import type { Gate } from './gate.js'
import { notesWith } from './note.js'
import type { Outbound } from './types.js'

/** Messages of one step written at the same time. */
const AT_ONCE = 16

/** Writes messages through `outbound` into the queue in `directory`; the gate holds them until their step is settled. */
export function openOutbox(outbound: Outbound, directory: string, gate: Gate): Outbox {
  return {
    async prepare(step, dispatches) {
      gate.open(step)
      try {
        const waiting = dispatches.values()
        const writers = Array.from({ length: Math.min(AT_ONCE, dispatches.length) }, async () => {
          for (const dispatch of waiting) await enqueue(outbound, step, dispatch)
        })
        await settledAll(writers)
        if (dispatches.length > 0) await syncDirectory(directory)
      } catch (error) {
        gate.settle(step, 'dropped')
        throw new PecError('queue', `the queue did not take a message: ${reasonOf(error)}`, { temporary: true, cause: error })
      }
      return {
        release: () => gate.settle(step, 'committed'),
        drop: () => gate.settle(step, 'dropped'),
        leaveToLedger: () => gate.settle(step, 'unknown'),
      }
    },
  }
}

/** Waits for all, then fails if any failed: no writer may still be at work when the step is given up. */
async function settledAll(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

function enqueue(outbound: Outbound, step: string, dispatch: Dispatch): Promise<void> {
  let failure: Error | undefined
  const fail = (error: Error): void => void (failure = error)
  const transaction = {
    uuid: randomUUID().toUpperCase(),
    mail_from: pathOf(dispatch.from),
    rcpt_to: dispatch.to.map(pathOf),
    notes: notesWith({ step, errand: dispatch.errand }),
    results: { add: () => undefined },
    // The message is complete: Haraka must find every field it might want to add.
    header: { get: () => 'present', get_all: () => ['present'] },
    add_leading_header: () => undefined,
    message_stream: { pipe: (destination: Writable) => writeWire(dispatch.message, destination, fail) },
  }
  return new Promise((resolve, reject) => {
    outbound.send_trans_email(transaction, (code, message) => {
      // QUIRK: Haraka removes a file that broke off and at the same time gives it its name: either may come first.
      if (failure !== undefined) reject(failure)
      else if (code === constants.ok) resolve()
      else reject(message instanceof Error ? message : new Error(reasonOf(message)))
    })
  })
}

/** A queue file holds what goes over the wire. Tells when the message cannot be read. */
function writeWire(message: Source, destination: Writable, onFailure: (error: Error) => void): Writable {
  const wire = Readable.from(dotStuffed(message.chunks()), { objectMode: false, highWaterMark: 262_144 })
  wire.once('error', (error) => {
    onFailure(error)
    destination.destroy(error)
  })
  return wire.pipe(destination)
}

/** Haraka syncs each file, but not the directory they are named in. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
