/**
 * Haraka's own deliveries to the mailbox store, after a restart or a failure of the first attempt: they take turns with the
 * courier's. Haraka would make a hundred at once, and each that has no receipt yet is made again after a crash.
 */
import type { LmtpPool } from '../lmtp/pool.js'
import type { QueuedMail } from './types.js'

/** Resolves when the attempt may begin; its turn ends with it. */
export async function awaitTurn(mail: QueuedMail, pool: Pick<LmtpPool, 'turn'>): Promise<void> {
  const endTurn = await pool.turn()
  const over = mail.next_cb
  mail.next_cb = () => {
    endTurn()
    over()
  }
}
