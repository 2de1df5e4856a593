/** Acts of operators on what the register keeps are events of the register themselves. */
import { randomUUID } from 'node:crypto'
import { momentOf } from '../pec/moment.js'
import type { Ledger, RegisterEvent } from '../points/ports.js'

/** An act: `outcome` tells in English what was done. */
export interface Act extends Pick<RegisterEvent, 'type' | 'identifier' | 'outcome'> {
  /** Name of our provider. */
  readonly provider: string
  /** Who asked for it. */
  readonly requestedBy: string
  readonly recipients?: readonly string[]
}

/** Durable when it resolves; rejects with PecError 'ledger', temporary. */
export async function recordAct(ledger: Pick<Ledger, 'commit'>, at: Date, act: Act): Promise<void> {
  const { type, identifier, outcome, provider, requestedBy, recipients = [] } = act
  const nothing = { messageId: '', subject: undefined, daticert: undefined, signature: undefined }
  const event = { type, identifier, outcome, provider, sender: requestedBy, recipients, ...nothing }
  await ledger.commit({ step: randomUUID(), at: momentOf(at), claims: [], events: [event] })
}
