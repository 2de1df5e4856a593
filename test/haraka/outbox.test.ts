import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { noteOf } from '../../src/haraka/note.js'
import { openOutbox } from '../../src/haraka/outbox.js'
import type { QueueFile } from '../../src/haraka/queue-file.js'
import type { HarakaQueue } from '../../src/haraka/types.js'
import { fromBuffer, type Source } from '../../src/mail/source.js'
import type { Dispatch } from '../../src/points/ports.js'
import { Laboratory } from '../harness/laboratory.js'

const BYTES = Buffer.from('Subject: x\r\n\r\n.dot\r\nend\r\n')

function dispatchTo(...to: readonly string[]): Dispatch {
  return { from: 's@pec-a.test', to, message: fromBuffer(BYTES), errand: { kind: 'send-envelope', identifier: 'id' } }
}

async function makeQueue(lab: Laboratory) {
  const root = await lab.directory()
  const [directory, spool] = [join(root, 'queue'), join(root, 'spool')]
  await Promise.all([mkdir(directory), mkdir(spool)])
  const handedOver: string[] = []
  const carried: QueueFile[] = []
  let names = 0
  const queue: HarakaQueue = {
    directory,
    newName: () => `file${names++}`,
    headOf: ({ domain, rcpt_to }) => Buffer.from(`[${domain} ${rcpt_to.map(({ address }) => address).join(',')}]\n`),
    underWay: () => 0,
    handOver: ({ name }) => void handedOver.push(name),
  }
  const outbox = openOutbox(queue, spool, { carry: (file) => void carried.push(file) })
  return { outbox, directory, spool, handedOver, carried }
}

test('a prepared message is a whole file with the wire’s dots, readable by its owner only, and nobody has it yet', async (t) => {
  const { outbox, directory, spool, carried, handedOver } = await makeQueue(new Laboratory(t))
  await outbox.prepare('step', [dispatchTo('r@pec-b.test')])
  const path = join(directory, 'file0')
  assert.equal(await readFile(path, 'utf8'), '[pec-b.test r@pec-b.test]\nSubject: x\r\n\r\n..dot\r\nend\r\n')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(spool), [])
  assert.deepEqual([carried, handedOver], [[], []])
})

test('a message for several domains is a file for each, with its own recipients', async (t) => {
  const { outbox, directory, carried } = await makeQueue(new Laboratory(t))
  const prepared = await outbox.prepare('step', [dispatchTo('r1@pec-b.test', 'r@pec-c.test', 'r2@PEC-B.test')])
  prepared.release()
  assert.deepEqual(
    carried.map(({ dispatch }) => dispatch.to),
    [['r1@pec-b.test', 'r2@PEC-B.test'], ['r@pec-c.test']],
  )
  assert.equal((await readdir(directory)).length, 2)
})

test('many messages are written, each under its own name, and nothing at all is no trouble', async (t) => {
  const { outbox, carried } = await makeQueue(new Laboratory(t))
  const many = Array.from({ length: 100 }, (_, number) => dispatchTo(`r${number}@pec-b.test`))
  ;(await outbox.prepare('step', many)).release()
  assert.equal(new Set(carried.map(({ path }) => path)).size, 100)
  ;(await outbox.prepare('step', [])).release()
})

test('the notes of a file tell its step and errand after a restart', async (t) => {
  const { outbox, carried } = await makeQueue(new Laboratory(t))
  ;(await outbox.prepare('step', [dispatchTo('r@pec-b.test')])).release()
  const notes = JSON.parse(JSON.stringify(carried[0]?.notes)) as Record<string, unknown>
  assert.deepEqual(noteOf(notes), { step: 'step', errand: { kind: 'send-envelope', identifier: 'id' } })
  assert.deepEqual(notes['skip_plugins'], [])
})

test('what is dropped is gone', async (t) => {
  const { outbox, directory, carried } = await makeQueue(new Laboratory(t))
  const prepared = await outbox.prepare('step', [dispatchTo('r@pec-b.test'), dispatchTo('r@pec-c.test')])
  prepared.drop()
  for (let tries = 0; (await readdir(directory)).length > 0 && tries < 100; tries++) await sleep(10)
  assert.deepEqual(await readdir(directory), [])
  assert.deepEqual(carried, [])
})

test('where nobody knows, Haraka gets the files and asks the ledger at the gate', async (t) => {
  const { outbox, handedOver, carried } = await makeQueue(new Laboratory(t))
  const prepared = await outbox.prepare('step', [dispatchTo('r@pec-b.test')])
  prepared.leaveToLedger()
  assert.deepEqual(handedOver, ['file0'])
  assert.deepEqual(carried, [])
})

test('if one message cannot be read none is queued, and the failure is temporary', async (t) => {
  const { outbox, directory, spool, carried } = await makeQueue(new Laboratory(t))
  const broken: Source = {
    size: 10,
    read: () => Promise.reject(new Error('gone')),
    async *chunks() {
      await sleep(5)
      throw new Error('gone')
    },
  }
  await assert.rejects(
    outbox.prepare('step', [dispatchTo('r@pec-b.test'), { ...dispatchTo('r@pec-c.test'), message: broken }]),
    (error) => isPecError(error) && error.code === 'queue' && error.temporary,
  )
  for (let tries = 0; (await readdir(directory)).length > 0 && tries < 100; tries++) await sleep(10)
  assert.deepEqual([await readdir(directory), await readdir(spool), carried], [[], [], []])
})
