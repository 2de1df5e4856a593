/** Certification data of an acceptance. */
import { writeCertification } from '../../src/pec/certification.js'

export function certificationOf(identifier: string, clientMessageId: string): Buffer {
  return writeCertification({
    ...{ kind: 'acceptance', error: 'none', identifier, clientMessageId, sender: 'alice@a.example', replyTo: 'alice@a.example' },
    ...{ recipients: [{ address: 'bob@b.example', type: 'certified' }], subject: 'x', provider: 'Provider A' },
    ...{ day: '02/03/2026', hour: '12:00:00', zone: '+0100', receiptType: undefined, delivery: undefined },
    ...{ takenInCharge: [], errorDetail: undefined },
  })
}
