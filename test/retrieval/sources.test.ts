import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { exportDays } from '../../src/archive/export.js'
import type { RegisterQuery } from '../../src/ledger/search.js'
import { writeCertification } from '../../src/pec/certification.js'
import { archiveSource } from '../../src/retrieval/archive-source.js'
import { databaseSource, type EventSource } from '../../src/retrieval/source.js'
import { testArchive } from '../archive/house.js'
import { after, entryOf, eventOf, factsOf } from '../ledger/entries.js'
import { ENGINES, freshLedger } from '../ledger/engines.js'

const HOURS = 60

function certificationOf(identifier: string, clientMessageId: string): Buffer {
  return writeCertification({
    ...{ kind: 'acceptance', error: 'none', identifier, clientMessageId, sender: 'alice@a.example', replyTo: 'alice@a.example' },
    ...{ recipients: [{ address: 'bob@b.example', type: 'certified' }], subject: 'x', provider: 'Provider A' },
    ...{ day: '02/03/2026', hour: '12:00:00', zone: '+0100', receiptType: undefined, delivery: undefined },
    ...{ takenInCharge: [], errorDetail: undefined },
  })
}

async function found(source: EventSource, query: RegisterQuery): Promise<readonly string[]> {
  const events: string[] = []
  for await (const event of source.search(query)) {
    const { daticert, signature } = await event.evidence()
    const proof = [daticert, signature].map((bytes) => bytes?.toString('base64') ?? '')
    events.push(
      JSON.stringify([event.id, event.at, event.type, event.identifier, event.recipients, event.subject ?? '', ...proof]),
    )
  }
  return events.sort()
}

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('archives give the same events as the database', async (t) => {
      const ledger = await freshLedger(t, engine)
      const { house, folder, setNow } = await testArchive(t, ledger)
      for (let hour = 0; hour < HOURS; hour++) {
        const identifier = `${hour}@a.example`
        const clientMessageId = `<${hour % 7}@client.example>`
        const acceptance = eventOf(identifier, {
          ...{
            sender: hour % 2 === 0 ? 'Alice@a.example' : 'dan@a.example',
            recipients: ['Bob@b.example', `${hour % 5}@c.example`],
          },
          ...{ daticert: certificationOf(identifier, clientMessageId), signature: Buffer.from([hour]) },
        })
        const delivery = eventOf(identifier, { type: 'delivery', provider: 'Provider Ü', recipients: ['bob@b.example'] })
        const message = factsOf(identifier, { clientMessageId })
        await ledger.commit(entryOf(`1-${hour}`, { message, events: [acceptance] }, after(hour * 60)))
        await ledger.commit(entryOf(`2-${hour}`, { events: [delivery] }, after(hour * 60 + 90)))
      }
      setNow('2026-03-09T12:00:00Z')
      await exportDays(house, () => Promise.resolve(true))
      const queries: readonly RegisterQuery[] = [
        ...[
          {},
          { identifier: '7@a.example' },
          { sender: 'alice@A.example' },
          { recipient: 'BOB@b.example', type: 'delivery' as const },
        ],
        ...[{ provider: 'Provider Ü', from: after(600), to: after(2000) }, { clientMessageId: '<3@client.example>' }],
        ...[{ clientMessageId: '<3@client.example>', type: 'delivery' as const, from: after(900) }, { recipient: '3@c.example' }],
      ]
      for (const query of queries) {
        const expected = await found(databaseSource(ledger), query)
        assert.ok(expected.length > 0, JSON.stringify(query))
        assert.deepEqual(await found(archiveSource(folder), query), expected, JSON.stringify(query))
      }
      assert.deepEqual(await found(archiveSource(folder), { identifier: 'nobody@a.example' }), [])
    })
  })

test('an archive that cannot be read is named', async (t) => {
  const { folder, house, setNow, ledger } = await testArchive(t)
  await ledger.commit(entryOf('1', { events: [eventOf('1@a.example')] }, after(0)))
  setNow('2026-03-04T12:00:00Z')
  await exportDays(house, () => Promise.resolve(true))
  await writeFile(join(folder, '2026-03-02.zip'), 'PK')
  await assert.rejects(found(archiveSource(folder), {}), { name: 'PecError', code: 'archive', message: /2026-03-02\.zip/ })
})
