import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import { agidStatistics, csvOf, fourMonthsOf, spanOf } from '../../src/statistics/agid.js'
import { dailyFigures } from '../../src/statistics/daily.js'
import { after, certified, entryOf, eventOf, factsOf, NOON } from '../ledger/entries.js'
import { ENGINES, freshLedger } from '../ledger/engines.js'

const DAY = 1440

/** Two messages of our own, one of another provider, and of each kind of virus one. */
async function fill(ledger: SqlLedger): Promise<void> {
  const own = factsOf('1@a.example', { recipients: [certified('bob@b.example'), certified('carla@c.example')] })
  await ledger.commit(
    entryOf('1', { message: own, events: [eventOf('1@a.example'), eventOf('1@a.example', { type: 'take-charge' })] }),
  )
  const outcomeOf = (recipient: string) => [{ identifier: '1@a.example', recipient, outcome: 'delivered' as const }]
  await ledger.commit(
    entryOf('2', { outcomes: outcomeOf('bob@b.example'), events: [eventOf('1@a.example', { type: 'delivery' })] }, after(1)),
  )
  await ledger.commit(entryOf('3', { outcomes: outcomeOf('carla@c.example') }, after(3)))
  const foreign = factsOf('2@b.example', { own: false, provider: 'Provider B' })
  const taken = [eventOf('2@b.example', { type: 'reception' }), eventOf('2@b.example', { type: 'take-charge' })]
  await ledger.commit(entryOf('4', { message: foreign, events: taken }, after(DAY)))
  const viruses = ['x@b.example', 'y@b.example'].map((address) =>
    eventOf('3@b.example', { type: 'virus-detection', recipients: [address], outcome: 'virus: Eicar' }),
  )
  const notAccepted = ['virus: Eicar', 'Bcc holds an address'].map((outcome) =>
    eventOf('4@a.example', { type: 'non-acceptance', outcome }),
  )
  await ledger.commit(entryOf('5', { events: [...viruses, ...notAccepted] }, after(DAY)))
  // The first of May belongs to the next four months.
  await ledger.commit(
    entryOf('6', { message: factsOf('5@a.example'), events: [eventOf('5@a.example')] }, new Date('2026-04-30T22:00:00Z')),
  )
}

for (const engine of ENGINES)
  describe(`statistics over ${engine.name}`, { skip: engine.skip }, () => {
    test('tell AgID of messages, viruses and outages of four months', async (t) => {
      const ledger = await freshLedger(t, engine)
      await fill(ledger)
      const outage = { type: '02', minutes: 45, sla: true, note: 'switch' } as const
      await ledger.outages.add({ ...outage, day: '2026-04-30' })
      await ledger.outages.add({ ...outage, day: '2026-01-01', type: '01', sla: false })
      await ledger.outages.add({ ...outage, day: '2026-05-01' })
      const statistics = await agidStatistics('GEST01', fourMonthsOf('2026', '1'), {
        ...{ figures: ledger.figures, countEvents: (from, to) => ledger.countEvents(from, to), domains: 3, mailboxes: 20 },
        outages: (from, to) => ledger.outages.list(from, to),
      })
      assert.equal(
        csvOf(statistics, 'P01'),
        'CodGestPEC,Quadrimestre,Anno,NumDomini,NumCaselle,MsgUscita,MsgIngresso,VirusIngresso,VirusUscita\nGEST01,1,2026,3,20,1,1,1,1\n',
      )
      assert.equal(
        csvOf(statistics, 'P02'),
        'CodGestPEC,Quadrimestre,Giorno,Anno,TipoDisservizio,Durata,SLA\nGEST01,1,01/01,2026,01,45,N\nGEST01,1,30/04,2026,02,45,S\n',
      )
    })

    test('tell what happened on each day, and how long recipients waited', async (t) => {
      const ledger = await freshLedger(t, engine)
      await fill(ledger)
      const days = []
      const sources = { figures: ledger.figures, countEvents: (from: Date, to: Date) => ledger.countEvents(from, to) }
      for await (const figures of dailyFigures('2026-03-02', '2026-03-04', sources)) days.push(figures)
      const nothing = {
        ...{ accepted: 0, notAccepted: 0, received: 0, takenInCharge: 0, delivered: 0, notDelivered: 0, late: 0 },
        ...{ anomalies: 0, refused: 0, virusesIn: 0, virusesOut: 0, meanDelay: 0, longestDelay: 0 },
      }
      assert.deepEqual(days, [
        { ...nothing, day: '2026-03-02', accepted: 1, takenInCharge: 1, delivered: 1, meanDelay: 120, longestDelay: 180 },
        { ...nothing, day: '2026-03-03', received: 1, takenInCharge: 1, notAccepted: 2, virusesIn: 1, virusesOut: 1 },
        { ...nothing, day: '2026-03-04' },
      ])
      for (const [first, last] of [
        ['2026-03-04', 'tomorrow'],
        ['2026-3-4', '2026-03-05'],
        ['2026-03-04', '2026-03-03'],
        ['2026-02-28', '2026-02-29'],
      ] as const)
        await assert.rejects(dailyFigures(first, last, sources).next(), { name: 'PecError', code: 'configuration' }, last)
    })
  })

test('four months are those of Italian legal time', () => {
  assert.deepEqual(spanOf({ year: 2026, number: 3 }), {
    from: new Date('2026-08-31T22:00:00Z'),
    to: new Date('2026-12-31T23:00:00Z'),
  })
  assert.ok(spanOf({ year: 2026, number: 1 }).from < NOON)
  for (const [year, period] of [
    ['2026', '4'],
    ['2026', '0'],
    ['26', '1'],
    ['2026', 'x'],
  ] as const)
    assert.throws(() => fourMonthsOf(year, period), { code: 'configuration' })
})
