/** A receipt as a provider issues it, and its row in the register. */
import type { Source } from '../../src/mail/source.js'
import { momentOf } from '../../src/pec/moment.js'
import { composeNotification } from '../../src/pec/notification.js'
import { issued } from '../../src/points/issued.js'
import type { RegisterEvent } from '../../src/points/ports.js'
import { factsOf } from '../ledger/entries.js'
import { NOON, type TestProvider } from '../points/house.js'

export interface IssuedReceipt {
  readonly event: RegisterEvent
  readonly message: Source
}

export async function receiptFrom({ issuer }: TestProvider, identifier = '1@pec-a.test'): Promise<IssuedReceipt> {
  const facts = factsOf(identifier, { sender: 'alice@pec-a.test', replyTo: 'alice@pec-a.test' })
  const occurrence = { kind: 'acceptance' } as const
  const signed = await composeNotification({ message: facts, moment: momentOf(NOON), occurrence }, issuer)
  return { event: issued('acceptance', signed, facts, issuer), message: signed.message }
}
