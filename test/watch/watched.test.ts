import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { before, beforeEach, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fromBuffer } from '../../src/mail/source.js'
import { PecError } from '../../src/errors.js'
import { openAccessPoint } from '../../src/points/access.js'
import { openDeliveryPoint } from '../../src/points/delivery.js'
import { Health } from '../../src/watch/health.js'
import { Listeners } from '../../src/watch/listeners.js'
import type { Occurrence } from '../../src/watch/occurrence.js'
import { watchHouse } from '../../src/watch/watched.js'
import { after, houseOf, LEDGER_AWAY, makeWorld, NOON, type TestHouse, type World } from '../points/house.js'
import { ANNA, BRUNO, submissionOf } from '../points/submissions.js'

let world: World
let house: TestHouse
let told: Occurrence[]
let watched: ReturnType<typeof watchHouse<TestHouse>>

before(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  house = await houseOf(world, world.a)
  told = []
  const watch = new Listeners((error) => assert.ifError(error))
  watch.listen((occurrence) => told.push(occurrence))
  const { clock } = house
  watched = watchHouse(house, 'key.pem', { watch, health: new Health(watch, clock), clock })
})

const of = <K extends Occurrence['kind']>(kind: K): Extract<Occurrence, { kind: K }>[] =>
  told.filter((occurrence): occurrence is Extract<Occurrence, { kind: K }> => occurrence.kind === kind)

const toBruno = submissionOf({ to: [BRUNO] })

test('tells of every signature which key made it, and over what', async () => {
  const { signer } = watched.issuer
  const data = Buffer.from('attributes')
  const signature = await signer.sign(data)
  assert.ok(signature.length > 60)
  const [signed] = of('signature')
  assert.ok(signed !== undefined && signed.milliseconds > 0)
  assert.equal(signed.key, 'key.pem')
  assert.equal(signed.serial, new X509Certificate(signer.certificate).serialNumber.toLowerCase())
  assert.equal(signed.digest, createHash('sha256').update(data).digest('hex'))
})

test('follows the signer to the next one', () => {
  const issuer = { ...house.issuer }
  const watch = new Listeners(assert.ifError)
  const { clock } = house
  const { issuer: following } = watchHouse({ ...house, issuer }, 'key.pem', { watch, health: new Health(watch, clock), clock })
  const before = following.signer
  assert.equal(following.signer, before, 'one and the same, or its template would be made for each message')
  issuer.signer = { ...world.b.issuer.signer }
  assert.equal(following.signer.certificate, world.b.issuer.signer.certificate)
})

test('a ledger that can only be read does not work, until it can be written to', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const readOnly = new PecError('ledger', 'the ledger failed: read-only', { temporary: true })
  const writes = (['commit', 'probe'] as const).map((name) => t.mock.method(house.ledger, name, () => Promise.reject(readOnly)))
  await assert.rejects(openAccessPoint(watched).submit(toBruno), readOnly)
  assert.equal(await watched.ledger.isCommitted('step'), false)
  assert.deepEqual([of('failure').length, of('recovery').length], [1, 0])
  // Nobody writes to it any more.
  for (const { mock } of writes) mock.restore()
  t.mock.timers.tick(5_000)
  for (const end = performance.now() + 5_000; of('recovery').length === 0 && performance.now() < end;) await nextTurn()
  assert.deepEqual([of('failure').length, of('recovery').length], [1, 1])
})

test('tells what the register took, and how long after the acceptance', async () => {
  const outcome = await openAccessPoint(watched).submit(toBruno)
  assert.ok(outcome.accepted)
  const [{ events, acceptedAt, at } = assert.fail()] = of('registered')
  assert.deepEqual(events.map(({ type }) => type).toSorted(), ['acceptance', 'reception', 'take-charge', 'transport'])
  assert.deepEqual([acceptedAt, at], [NOON, NOON])
  assert.equal(of('scan').length, 1)
  assert.equal(of('signature').length, 3)

  house.now = after(3)
  const errand = {
    kind: 'deliver-envelope',
    identifier: outcome.identifier,
    recipient: BRUNO,
    original: { start: 0, end: 9 },
  } as const
  await openDeliveryPoint(watched).delivered(errand, fromBuffer(Buffer.from('Subject: x\r\n\r\n')))
  const delivery = of('registered')[1]
  assert.deepEqual(delivery?.events.map(({ type }) => type).toSorted(), ['delivery', 'mailbox-delivery'])
  assert.deepEqual([delivery.acceptedAt, delivery.at], [NOON, after(3)])
})

test('tells of a virus once it is kept', async () => {
  house.antivirus.virus = 'dati.bin'
  await openAccessPoint(watched).submit(toBruno)
  assert.deepEqual(
    of('scan').map(({ found }) => found),
    ['Test.Virus-1'],
  )
  assert.deepEqual(
    of('virus').map(({ kept }) => [kept.signature, kept.sender]),
    [['Test.Virus-1', ANNA]],
  )
})

test('tells which part fails, and that it works again; nothing is told to be registered', async () => {
  const submit = () => openAccessPoint(watched).submit(toBruno)
  const commit = house.ledger.commit.bind(house.ledger)
  house.ledger.commit = () => Promise.reject(LEDGER_AWAY)
  await assert.rejects(submit(), LEDGER_AWAY)
  house.ledger.commit = commit
  house.antivirus.isAway = true
  await assert.rejects(submit())
  house.antivirus.isAway = false
  house.outbox.onPrepare = () => {
    throw new PecError('queue', 'full', { temporary: true })
  }
  await assert.rejects(submit())
  house.outbox.onPrepare = () => undefined
  assert.equal(of('registered').length, 0)
  assert.ok((await submit()).accepted)
  const parts = (kind: 'failure' | 'recovery') => of(kind).map(({ part }) => part)
  assert.deepEqual(parts('failure'), ['ledger', 'antivirus', 'queue'])
  assert.deepEqual(parts('recovery').toSorted(), ['antivirus', 'ledger', 'queue'])
})
