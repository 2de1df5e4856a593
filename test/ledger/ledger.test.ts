import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RecipientState } from '../../src/points/ports.js'
import { after, certified, claimOf, entryOf, eventOf, factsOf, failure, NOON, quarantinedOf } from './entries.js'
import { ENGINES, freshLedger } from './engines.js'

function stateOf(address: string, parts: Partial<RecipientState> = {}): RecipientState {
  return { ...certified(address), takenInChargeAt: undefined, outcome: undefined, outcomeAt: undefined, ...parts }
}

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('gives back a message as it was stored', async (t) => {
      const ledger = await freshLedger(t, engine)
      const facts = factsOf('1@a.example', {
        clientMessageId: undefined,
        subject: undefined,
        receiptType: 'brief',
        own: false,
        recipients: [
          { address: 'Zoe@b.example', type: 'certified', primary: true },
          { address: 'carl@c.example', type: 'ordinary', primary: false },
        ],
      })
      await ledger.commit(entryOf('s1', { message: facts }))
      const unset = { takenInChargeAt: undefined, outcome: undefined, outcomeAt: undefined }
      assert.deepEqual(await ledger.message('1@a.example'), {
        ...facts,
        recipients: facts.recipients.map((r) => ({ ...r, ...unset })),
      })
      assert.equal(await ledger.message('2@a.example'), undefined)
    })

    test('keeps the first facts of a message and unites its recipients, in the order in which they came', async (t) => {
      const ledger = await freshLedger(t, engine)
      await ledger.commit(
        entryOf('s1', {
          message: factsOf('1@a.example', { recipients: [certified('zoe@b.example'), certified('Bob@b.example')] }),
        }),
      )
      await ledger.commit(
        entryOf('s2', {
          message: factsOf('1@a.example', {
            own: false,
            subject: 'other',
            recipients: [certified('BOB@b.example'), certified('adam@b.example')],
          }),
        }),
      )
      const message = await ledger.message('1@a.example')
      assert.equal(message?.own, true)
      assert.equal(message.subject, 'Perché no?')
      assert.deepEqual(
        message.recipients.map((r) => r.address),
        ['zoe@b.example', 'Bob@b.example', 'adam@b.example'],
      )
    })

    test('records take-charge and outcome of a recipient whatever the case of the address, and the first of each stays', async (t) => {
      const ledger = await freshLedger(t, engine)
      const id = '1@a.example'
      const commit = (step: string, minutes: number, parts: Parameters<typeof entryOf>[1]) =>
        ledger.commit(entryOf(step, parts, after(minutes)))
      await commit('s1', 0, { message: factsOf(id, { recipients: [certified('bob@b.example'), certified('eve@b.example')] }) })
      await commit('s2', 1, { takenInCharge: { identifier: id, recipients: ['BOB@b.example'] } })
      await commit('s3', 2, {
        takenInCharge: { identifier: id, recipients: ['bob@b.example', 'eve@b.example', 'who@b.example'] },
      })
      await commit('s4', 3, { outcomes: [{ identifier: id, recipient: 'Bob@B.example', outcome: 'not-delivered' }] })
      await commit('s5', 4, { outcomes: [{ identifier: id, recipient: 'bob@b.example', outcome: 'delivered' }] })
      assert.deepEqual((await ledger.message(id))?.recipients, [
        stateOf('bob@b.example', { takenInChargeAt: after(1), outcome: 'not-delivered', outcomeAt: after(3) }),
        stateOf('eve@b.example', { takenInChargeAt: after(2) }),
      ])
    })

    test('takes charge of a recipient in the entry that stores it', async (t) => {
      const ledger = await freshLedger(t, engine)
      await ledger.commit(
        entryOf('s1', {
          message: factsOf('1@a.example'),
          takenInCharge: { identifier: '1@a.example', recipients: ['bob@b.example'] },
        }),
      )
      assert.deepEqual((await ledger.message('1@a.example'))?.recipients, [stateOf('bob@b.example', { takenInChargeAt: NOON })])
    })

    test('refuses a claim that is taken, and writes nothing of its entry', async (t) => {
      const ledger = await freshLedger(t, engine)
      const id = '1@a.example'
      await ledger.commit(entryOf('s1', { message: factsOf(id), claims: [claimOf(id, 'outcome', 'bob@b.example')] }))
      const second = entryOf('s2', {
        claims: [claimOf(id, 'take-charge'), claimOf(id, 'outcome', 'BOB@b.example')],
        message: factsOf('2@a.example'),
        events: [eventOf(id)],
        takenInCharge: { identifier: id, recipients: ['bob@b.example'] },
        outcomes: [{ identifier: id, recipient: 'bob@b.example', outcome: 'delivered' }],
      })
      await assert.rejects(ledger.commit(second), failure('conflict', false))
      assert.equal(await ledger.isCommitted('s2'), false)
      assert.equal(await ledger.message('2@a.example'), undefined)
      assert.deepEqual(await ledger.eventsOf(id), [])
      assert.deepEqual(await ledger.taken([claimOf(id, 'take-charge')]), [])
      assert.deepEqual((await ledger.message(id))?.recipients, [stateOf('bob@b.example')])
    })

    test('refuses an entry that claims the same twice', async (t) => {
      const ledger = await freshLedger(t, engine)
      const claims = [claimOf('1@a.example', 'outcome', 'bob@b.example'), claimOf('1@a.example', 'outcome', 'Bob@b.example')]
      await assert.rejects(ledger.commit(entryOf('s1', { claims })), failure('conflict', false))
      assert.deepEqual(await ledger.taken(claims), [])
    })

    test('refuses a step that was committed before', async (t) => {
      const ledger = await freshLedger(t, engine)
      await ledger.commit(entryOf('s1', { events: [eventOf('1@a.example')] }))
      await assert.rejects(ledger.commit(entryOf('s1', { events: [eventOf('1@a.example')] })), failure('conflict', false))
      assert.equal((await ledger.eventsOf('1@a.example')).length, 1)
    })

    test('knows the steps that were committed', async (t) => {
      const ledger = await freshLedger(t, engine)
      await ledger.commit(entryOf('s1'))
      assert.deepEqual([await ledger.isCommitted('s1'), await ledger.isCommitted('s2')], [true, false])
    })

    test('commits no step that was given up, and gives up none that is committed', async (t) => {
      const ledger = await freshLedger(t, engine)
      await ledger.commit(entryOf('s1'))
      assert.deepEqual([await ledger.giveUp('s1'), await ledger.giveUp('s2'), await ledger.giveUp('s2')], [false, true, true])
      assert.deepEqual([await ledger.isCommitted('s1'), await ledger.isCommitted('s2')], [true, false])
      const claims = [claimOf('1@a.example')]
      await assert.rejects(ledger.commit(entryOf('s2', { claims })), failure('ledger', true))
      assert.deepEqual(await ledger.taken(claims), [])
      await ledger.commit(entryOf('s3', { claims }))
    })

    test('tells which claims are taken, in the order of the question', async (t) => {
      const ledger = await freshLedger(t, engine)
      const id = '1@a.example'
      const taken = [
        claimOf(id, 'outcome', 'c@b.example'),
        claimOf('other@a.example'),
        claimOf(id, 'outcome', 'A@b.example'),
        claimOf(id, 'take-charge'),
      ]
      const free = [claimOf(id), claimOf(id, 'outcome', 'd@b.example'), claimOf('other@a.example', 'outcome', 'c@b.example')]
      await ledger.commit(entryOf('s1', { claims: taken }))
      const [first, second, third, fourth] = taken
      const asked = [first, free[0], second, free[1], third, free[2], fourth].filter((claim) => claim !== undefined)
      assert.deepEqual(await ledger.taken(asked), taken)
      assert.deepEqual(await ledger.taken([claimOf(id, 'outcome', 'a@B.example')]), [claimOf(id, 'outcome', 'a@B.example')])
      assert.deepEqual(await ledger.taken([]), [])
    })

    test('holds a message with hundreds of recipients and their claims', async (t) => {
      const ledger = await freshLedger(t, engine)
      const id = '1@a.example'
      const addresses = Array.from({ length: 777 }, (_, n) => `user${n}@b.example`)
      const claims = addresses.map((address) => claimOf(id, 'outcome', address))
      await ledger.commit(
        entryOf('s1', {
          claims,
          message: factsOf(id, { recipients: addresses.map(certified) }),
          events: addresses.map((address) => eventOf(id, { type: 'delivery', recipients: [address] })),
          takenInCharge: { identifier: id, recipients: addresses },
          outcomes: addresses.map((recipient) => ({ identifier: id, recipient, outcome: 'delivered' as const })),
        }),
      )
      const message = await ledger.message(id)
      assert.deepEqual(
        message?.recipients,
        addresses.map((address) => stateOf(address, { takenInChargeAt: NOON, outcome: 'delivered', outcomeAt: NOON })),
      )
      assert.deepEqual(await ledger.taken(claims), claims)
      assert.deepEqual(
        (await ledger.eventsOf(id)).map((event) => event.recipients[0]),
        addresses,
      )
    })

    test('keeps the register of a message in the order of time, byte for byte', async (t) => {
      const ledger = await freshLedger(t, engine)
      const id = '1@a.example'
      const late = eventOf(id, {
        type: 'delivery',
        daticert: Buffer.from('<postacert/>'),
        signature: Buffer.from([0, 255, 13, 10]),
      })
      const first = eventOf(id, {
        subject: undefined,
        recipients: ['Bob@b.example', 'bob@b.example', ''],
        daticert: Buffer.from('x'),
      })
      const second = eventOf(id, { type: 'transport', sender: 'Alice@A.example', recipients: [] })
      await ledger.commit(entryOf('s1', { events: [late] }, after(10)))
      await ledger.commit(entryOf('s2', { events: [first, eventOf('2@a.example'), second] }, after(5)))
      assert.deepEqual(await ledger.eventsOf(id), [
        { at: after(5), ...first },
        { at: after(5), ...second },
        { at: after(10), ...late },
      ])
    })

    test('keeps identifiers and addresses of any length and characters apart', async (t) => {
      const ledger = await freshLedger(t, engine)
      const long = 'x'.repeat(300)
      const identifiers = [`${long}1`, `${long}2`, 'é@a.example', 'è@a.example', 'a b', '', 'A@a.example', 'a@a.example']
      for (const identifier of identifiers) {
        const recipients = [certified(`${long}@b.example`), certified(`${long}.@b.example`)]
        await ledger.commit(
          entryOf(`step ${identifier}`, {
            message: factsOf(identifier, { subject: identifier, recipients }),
            claims: [claimOf(identifier)],
          }),
        )
      }
      for (const identifier of identifiers) {
        const message = await ledger.message(identifier)
        assert.deepEqual([message?.identifier, message?.subject, message?.recipients.length], [identifier, identifier, 2])
        assert.equal(await ledger.isCommitted(`step ${identifier}`), true)
      }
    })

    test('lists the certified recipients of own messages that are still open, the longest waiting first', async (t) => {
      const ledger = await freshLedger(t, engine)
      const ordinary = { address: 'carl@c.example', type: 'ordinary', primary: true } as const
      const store = (identifier: string, minutes: number, parts: Parameters<typeof factsOf>[1]) =>
        ledger.commit(entryOf(`store ${identifier}`, { message: factsOf(identifier, { acceptedAt: after(minutes), ...parts }) }))
      await store('2@a.example', 2, { recipients: [certified('bob@b.example'), ordinary, certified('Dan@b.example')] })
      await store('1@a.example', 1, {})
      await store('3@x.example', 0, { own: false })
      await store('4@a.example', 4, {})
      await ledger.commit(
        entryOf('taken', { takenInCharge: { identifier: '2@a.example', recipients: ['dan@b.example'] } }, after(3)),
      )
      await ledger.commit(
        entryOf('out', { outcomes: [{ identifier: '1@a.example', recipient: 'bob@b.example', outcome: 'virus' }] }),
      )

      const bob = { identifier: '2@a.example', address: 'bob@b.example', acceptedAt: after(2), takenInChargeAt: undefined }
      const dan = { identifier: '2@a.example', address: 'Dan@b.example', acceptedAt: after(2), takenInChargeAt: after(3) }
      const last = { identifier: '4@a.example', address: 'bob@b.example', acceptedAt: after(4), takenInChargeAt: undefined }
      assert.deepEqual(await ledger.openRecipients(after(4), 10), [bob, dan])
      assert.deepEqual(await ledger.openRecipients(after(5), 10), [bob, dan, last])
      assert.deepEqual(await ledger.openRecipients(after(5), 1), [bob])
      assert.deepEqual(await ledger.openRecipients(after(5), 1, bob), [dan])
      assert.deepEqual(await ledger.openRecipients(after(5), 10, dan), [last])
      assert.deepEqual(await ledger.openRecipients(after(5), 10, last), [])
    })

    test('counts the events of each type from a time to another', async (t) => {
      const ledger = await freshLedger(t, engine)
      await ledger.commit(entryOf('s1', { events: [eventOf('1@a.example')] }, after(-1)))
      await ledger.commit(
        entryOf('s2', { events: [eventOf('2@a.example'), eventOf('2@a.example', { type: 'transport' })] }, after(0)),
      )
      await ledger.commit(entryOf('s3', { events: [eventOf('3@a.example')] }, after(9)))
      await ledger.commit(entryOf('s4', { events: [eventOf('4@a.example')] }, after(10)))
      assert.deepEqual(
        await ledger.countEvents(after(0), after(10)),
        new Map([
          ['acceptance', 2],
          ['transport', 1],
        ]),
      )
    })

    test('forgets the steps before a time and nothing else', async (t) => {
      const ledger = await freshLedger(t, engine)
      for (let n = 0; n < 1500; n++) await ledger.commit(entryOf(`old ${n}`, { claims: [claimOf(`${n}@a.example`)] }, after(-1)))
      await ledger.commit(entryOf('new', {}, after(0)))
      // A clock that was behind: committed later, of an older time.
      await ledger.commit(entryOf('straggler', {}, after(-2)))
      assert.equal(await ledger.purgeSteps(after(0)), 1501)
      assert.equal(await ledger.purgeSteps(after(0)), 0)
      const left = await Promise.all(['old 0', 'old 1499', 'straggler', 'new'].map((step) => ledger.isCommitted(step)))
      assert.deepEqual(left, [false, false, false, true])
      assert.equal((await ledger.taken([claimOf('7@a.example')])).length, 1)
    })

    test('keeps a step that is still wanted, and those after it, however old', async (t) => {
      const ledger = await freshLedger(t, engine)
      for (const step of ['a', 'b', 'c']) await ledger.commit(entryOf(step, {}, after(-1)))
      assert.equal(await ledger.purgeSteps(after(0), new Set(['b', 'never committed'])), 1)
      assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((step) => ledger.isCommitted(step))), [false, true, true])
      assert.equal(await ledger.purgeSteps(after(0), new Set()), 2)
    })

    test('gives the events of a later step numbers of their own after a purge', async (t) => {
      const ledger = await freshLedger(t, engine)
      await ledger.commit(entryOf('s1', { events: [eventOf('1@a.example')] }, after(-1)))
      await ledger.purgeSteps(after(0))
      await ledger.commit(entryOf('s2', { events: [eventOf('1@a.example')] }, after(1)))
      assert.equal((await ledger.eventsOf('1@a.example')).length, 2)
    })

    test('commits many entries at once', async (t) => {
      const ledger = await freshLedger(t, engine)
      const steps = Array.from({ length: 50 }, (_, n) => `s${n}`)
      const all = await Promise.allSettled(
        steps.map((step, n) => ledger.commit(entryOf(step, { claims: [claimOf(`${n % 25}@a.example`)] }))),
      )
      assert.deepEqual(
        all.map((one) => one.status),
        steps.map((_, n) => (n < 25 ? 'fulfilled' : 'rejected')),
      )
    })

    test('fails for now once it is closed', async (t) => {
      const ledger = await freshLedger(t, engine)
      await ledger.close()
      await ledger.close()
      await assert.rejects(ledger.commit(entryOf('s1')), failure('ledger', true))
      await assert.rejects(ledger.message('1@a.example'), failure('ledger', true))
    })

    test('gives back what is in quarantine under an identifier, with its time, in the order of time', async (t) => {
      const ledger = await freshLedger(t, engine)
      const id = 'é'.repeat(300)
      await ledger.commit(entryOf('s2', { quarantined: quarantinedOf(id, { id: 'second' }) }, after(2)))
      await ledger.commit(entryOf('s1', { quarantined: quarantinedOf(id, { id: 'first', signature: 'Nome.è' }) }, after(1)))
      await ledger.commit(entryOf('s3', { quarantined: quarantinedOf('other@a.example') }))
      assert.deepEqual(await ledger.quarantinedOf(id), [
        { ...quarantinedOf(id, { id: 'first', signature: 'Nome.è' }), since: after(1) },
        { ...quarantinedOf(id, { id: 'second' }), since: after(2) },
      ])
      assert.deepEqual(await ledger.quarantinedOf('none@a.example'), [])
      await ledger.close()
    })
  })
