/**
 * Takes released messages to mailboxes by LMTP, over connections that are kept: one attempt, at once. Whatever does not end it for
 * good (a store that is busy or away, too much at the same time) is handed to Haraka, which has the same file and all its retries.
 */
import { unlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { LmtpPool } from '../lmtp/pool.js'
import type { Reply } from '../lmtp/replies.js'
import { reasonOf } from '../errors.js'
import type { DeliveryPoint } from '../points/delivery.js'
import type { Directory, Dispatch } from '../points/ports.js'
import { keepCopy, type CopyErrand, type CopyingHouse } from './copying.js'
import { DISABLED, isDisabled } from './disabled.js'
import { untilDone } from './outcome.js'
import type { Courier } from './outbox.js'
import type { QueueFile } from './queue-file.js'
import type { HarakaQueue, Logger } from './types.js'

export interface CourierHouse extends CopyingHouse {
  readonly queue: HarakaQueue
  readonly pool: LmtpPool
  /** Messages above this size, in bytes, are for Haraka: they would be held in memory while they wait. */
  readonly memory: number
  readonly delivery: () => DeliveryPoint
  readonly directory: Pick<Directory, 'mailbox'>
  readonly log: Logger
}

export function newCourier(house: CourierHouse): Courier {
  const { queue, pool, memory, log } = house
  return {
    carry(file) {
      const { errand, message } = file.dispatch
      // What a large message is read from goes once the step is over: the file in the queue has it.
      if (message.size > memory) queue.handOver(file)
      else if (errand.kind === 'archive') void keep(file, errand, house)
      else if (!errand.kind.startsWith('deliver-') || pool.isFull) queue.handOver(file)
      else deliver(file, house).catch((error: unknown) => log.logerror(`a delivery was broken off: ${reasonOf(error)}`))
    },
  }
}

/** Into the folder of copies; what cannot be written now is tried again by Haraka. */
async function keep({ dispatch, ...file }: QueueFile, errand: CopyErrand, house: CourierHouse): Promise<void> {
  const { from, to, message } = dispatch
  const [mailbox = ''] = to
  try {
    await keepCopy(errand, { mailbox, from, message }, house, house.log)
    await rm(file.path, { force: true })
  } catch (error) {
    house.log.logwarn(`a copy for ${mailbox} waits: ${reasonOf(error)}`)
    house.queue.handOver(file)
  }
}

async function deliver(file: QueueFile, house: CourierHouse): Promise<void> {
  const { queue, delivery, log } = house
  const { dispatch, path } = file
  const [recipient = ''] = dispatch.to
  const finish = async (reply: Reply): Promise<void> => {
    if (!isFinal(reply, dispatch)) return
    log.loginfo(`to ${recipient}: ${reply.code} ${reply.text}`)
    await untilDone(log, () => conclude(dispatch, recipient, reply, delivery()))
    remove(path, log)
  }
  const reply = await attempt(dispatch, recipient, finish, house).catch((error: unknown) => {
    log.logwarn(reasonOf(error))
    return undefined
  })
  if (reply === undefined || !isFinal(reply, dispatch)) queue.handOver(file)
}

/** At once, and not after all that waits for the disk: while it is there, a crash has the message delivered again. */
function remove(path: string, log: Logger): void {
  try {
    unlinkSync(path)
  } catch (error) {
    log.logerror(`${path} is done with, and cannot be removed: ${reasonOf(error)}`)
  }
}

/** What the store says, or what its directory says before it is asked. */
async function attempt(
  { from, message }: Dispatch,
  recipient: string,
  finish: (reply: Reply) => Promise<void>,
  { pool, directory, health }: CourierHouse,
): Promise<Reply> {
  if (!(await isDisabled(recipient, directory))) return health.of('store', pool.deliver(from, recipient, message, finish))
  await finish(DISABLED)
  return DISABLED
}

/** Accepted, or refused for good; the plain report of a refused anomaly envelope is Haraka's to make. */
function isFinal({ code }: Reply, { errand }: Dispatch): boolean {
  return (code >= 200 && code < 300) || (code >= 500 && errand.kind !== 'deliver-anomaly')
}

async function conclude(
  { errand, message, from }: Dispatch,
  recipient: string,
  reply: Reply,
  point: DeliveryPoint,
): Promise<void> {
  if (reply.code >= 500) await point.refused(errand, recipient, from, `${reply.code} ${reply.text}`)
  else if (errand.kind === 'deliver-envelope') await point.delivered(errand, message)
  else if (errand.kind === 'deliver-other' || errand.kind === 'deliver-anomaly')
    await point.stored(errand, message, recipient, from, reply.text)
  else await point.passedOn(errand, [recipient], from, reply.text)
}
