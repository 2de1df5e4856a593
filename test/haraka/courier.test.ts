import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { CopyFolder } from '../../src/copies/copy-folder.js'
import { newCourier } from '../../src/haraka/courier.js'
import { openOutbox } from '../../src/haraka/outbox.js'
import type { HarakaQueue } from '../../src/haraka/types.js'
import type { Script } from '../../src/lab/sink.js'
import { within } from '../../src/lab/within.js'
import { LmtpPool } from '../../src/lmtp/pool.js'
import { fromBuffer, readAll } from '../../src/mail/source.js'
import type { DeliveryPoint } from '../../src/points/delivery.js'
import type { Dispatch, Errand, Outbox } from '../../src/points/ports.js'
import { Laboratory } from '../harness/laboratory.js'
import { listening } from './listening.js'
import { mailOf } from './mail.js'

const MESSAGE = fromBuffer(Buffer.from('Subject: x\r\n\r\nthe original\r\n'))
const ENVELOPE: Errand = {
  kind: 'deliver-envelope',
  identifier: 'id',
  recipient: 'r@pec-a.test',
  original: { start: 14, end: 26 },
}
const COPY: Errand = { kind: 'archive', identifier: 'id', at: '2026-11-27T23:59:58.000Z' }

interface Rig {
  readonly outbox: Outbox
  /** What the delivery point was told, and what Haraka was given. */
  readonly done: string[]
  /** Fails the delivery point this often. */
  failures: number
  readonly files: () => Promise<string[]>
  /** The folder of copies. */
  readonly copies: string
}

async function rigOn(lab: Laboratory, script: Script, memory = 1000): Promise<Rig> {
  const root = await lab.directory()
  const [directory, spool, copies] = [join(root, 'queue'), join(root, 'spool'), join(root, 'copies')]
  await Promise.all([mkdir(directory), mkdir(spool)])
  const sink = await lab.sink({ protocol: 'lmtp', script })
  const pool = new LmtpPool({ host: '127.0.0.1', port: sink.port }, { connections: 2, waiting: 10 })
  lab.atClose(() => pool.close())
  const done: string[] = []
  const tell = async (what: string): Promise<void> => {
    await Promise.resolve()
    if (rig.failures-- > 0) throw new Error('the ledger is away')
    done.push(what)
  }
  const point: DeliveryPoint = {
    delivered: async (_errand, envelope) => tell(`delivered ${(await readAll(envelope)).toString()}`),
    stored: ({ kind }, _message, recipient) => tell(`stored ${kind} of ${recipient}`),
    optionsOwed: ({ as }, _message, recipient) => tell(`options of ${recipient} for ${as}`),
    passedOn: ({ kind }, recipients, _sender, response) => tell(`passed on ${kind} to ${recipients.join(',')}: ${response}`),
    refused: (_errand, recipient, _sender, reply) => tell(`refused ${recipient}: ${reply}`),
    gaveUp: (_errand, recipient) => tell(`gave up ${recipient}`),
  }
  let names = 0
  const queue: HarakaQueue = {
    directory,
    newName: () => `file${names++}`,
    headOf: () => Buffer.alloc(0),
    underWay: () => 0,
    handOver: ({ name }) => void done.push(`Haraka has ${name}`),
  }
  const mailboxes = {
    mailbox: (address: string) =>
      Promise.resolve({ address, state: address.startsWith('frozen@') ? ('frozen' as const) : ('active' as const) }),
  }
  const courier = newCourier({
    queue,
    pool,
    memory,
    delivery: () => point,
    copies: new CopyFolder(copies),
    directory: mailboxes,
    health: listening().health,
    log: mailOf(),
  })
  const rig: Rig = { outbox: openOutbox(queue, spool, courier), done, failures: 0, files: () => readdir(directory), copies }
  return rig
}

async function send({ outbox }: Rig, errand: Errand = ENVELOPE, message = MESSAGE, to = 'r@pec-a.test'): Promise<void> {
  const dispatch: Dispatch = { from: 's@pec-a.test', to: [to], message, errand }
  const prepared = await outbox.prepare('step', [dispatch])
  prepared.release()
}

async function settled({ done }: Rig): Promise<readonly string[]> {
  await within(20_000, 'nothing was told', () => done.length > 0)
  return done
}

const gone = (rig: Rig): Promise<void> => within(20_000, 'the file is still there', async () => (await rig.files()).length === 0)

test('an accepted envelope is told, and then its file goes', async (t) => {
  const rig = await rigOn(new Laboratory(t), {})
  await send(rig)
  assert.deepEqual(await settled(rig), [`delivered ${(await readAll(MESSAGE)).toString()}`])
  await gone(rig)
})

test('an accepted receipt is told, too', async (t) => {
  const rig = await rigOn(new Laboratory(t), {})
  await send(rig, { kind: 'deliver-other', identifier: 'id' })
  assert.deepEqual(await settled(rig), ['stored deliver-other of r@pec-a.test'])
  await gone(rig)
})

test('a refusal for good is told with the reply', async (t) => {
  const rig = await rigOn(new Laboratory(t), { rcpt: '550 5.1.1 unknown', data: '554 5.5.1 nobody' })
  await send(rig)
  assert.deepEqual(await settled(rig), ['refused r@pec-a.test: 550 5.1.1 unknown'])
  await gone(rig)
})

test('a mailbox that takes nothing for a time is refused before the store is asked', async (t) => {
  const rig = await rigOn(new Laboratory(t), { rcpt: 'drop' })
  await send(rig, ENVELOPE, MESSAGE, 'frozen@pec-a.test')
  assert.deepEqual(await settled(rig), ['refused frozen@pec-a.test: 550 5.2.1 Mailbox disabled'])
  await gone(rig)
})

test('a temporary answer, a broken connection and a refused anomaly envelope leave the file to Haraka', async (t) => {
  const lab = new Laboratory(t)
  for (const [script, errand] of [
    [{ dot: '451 4.3.0 busy' }, ENVELOPE],
    [{ dot: 'drop' }, ENVELOPE],
    [{ dot: '550 5.1.1 unknown' }, { kind: 'deliver-anomaly', identifier: '' }],
  ] as const) {
    const rig = await rigOn(lab, script)
    await send(rig, errand)
    assert.deepEqual(await settled(rig), ['Haraka has file0'])
    assert.deepEqual(await rig.files(), ['file0'])
  }
})

test('a large message, and one for another host, are Haraka’s from the start', async (t) => {
  const lab = new Laboratory(t)
  for (const errand of [ENVELOPE, COPY]) {
    const large = await rigOn(lab, {}, 10)
    await send(large, errand)
    assert.deepEqual(await settled(large), ['Haraka has file0'])
  }
  const remote = await rigOn(lab, {})
  await send(remote, { kind: 'send-receipt', identifier: 'id' })
  assert.deepEqual(await settled(remote), ['Haraka has file0'])
})

test('an outcome that cannot be recorded keeps the file until it is', async (t) => {
  const rig = await rigOn(new Laboratory(t), {})
  rig.failures = 1
  await send(rig)
  await within(20_000, 'no attempt was made', () => rig.failures <= 0)
  assert.deepEqual(await rig.files(), ['file0'])
  assert.deepEqual(await settled(rig), [`delivered ${(await readAll(MESSAGE)).toString()}`])
  await gone(rig)
})

const NAME = '235958-76e840a730b16a9f.eml'

test('a copy for the folder of copies is there before its file goes', async (t) => {
  const rig = await rigOn(new Laboratory(t), { rcpt: 'drop' })
  await send(rig, COPY)
  const path = join('pec-a.test', 'r', '2026-11-27', NAME)
  assert.deepEqual(await settled(rig), [`passed on archive to r@pec-a.test: kept as ${path}`])
  await gone(rig)
  assert.deepEqual(await readFile(join(rig.copies, path)), await readAll(MESSAGE))
  assert.deepEqual(await readdir(join(rig.copies, '.unfinished')), [])
})

test('a copy that cannot be written, or whose mailbox names no folder, is Haraka’s to try again', async (t) => {
  const lab = new Laboratory(t)
  for (const to of ['r@pec-a.test', '"../x"@pec-a.test']) {
    const rig = await rigOn(lab, {})
    if (to === 'r@pec-a.test') await writeFile(rig.copies, 'no folder')
    await send(rig, COPY, MESSAGE, to)
    assert.deepEqual(await settled(rig), ['Haraka has file0'])
    assert.deepEqual(await rig.files(), ['file0'])
  }
})
