/** Opening the gateway, where what it needs may be there later: a database that is away. */
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../errors.js'
import type { Logger } from './types.js'

/** Between two attempts. */
const OPENING_MS = 5_000

/** Tries again as long as the failure is worth it; rejects with the first that is not. */
export async function openAtLast(
  open: () => Promise<void>,
  isWorthATry: (error: unknown) => boolean,
  log: Pick<Logger, 'logerror'>,
): Promise<void> {
  for (;;) {
    try {
      await open()
      return
    } catch (error) {
      if (!isWorthATry(error)) throw error
      log.logerror(`the gateway cannot open yet, next try in ${OPENING_MS / 1000} s: ${reasonOf(error)}`)
    }
    await sleep(OPENING_MS)
  }
}
