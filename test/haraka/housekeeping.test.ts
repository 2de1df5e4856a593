import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { PecError } from '../../src/errors.js'
import { startHousekeeping } from '../../src/haraka/housekeeping.js'
import { notesWith } from '../../src/haraka/note.js'
import { mailOf } from './mail.js'

const NOON = new Date('2026-03-02T12:00:00Z')
const DAY = 86_400_000

interface Purge {
  readonly before: Date
  readonly kept: readonly string[]
}

/** A node whose spool has a file of two days ago; its timers and clocks are the test's. */
function nodeOf(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const folder = mkdtempSync(join(tmpdir(), 'pec-house-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [queue, spool] = [join(folder, 'queue'), join(folder, 'spool')]
  for (const each of [queue, spool]) mkdirSync(each)
  const old = join(spool, 'old.eml')
  writeFileSync(old, 'x')
  utimesSync(old, NOON, new Date(NOON.getTime() - 2 * DAY))
  const purges: Purge[] = []
  const { done, ...log } = mailOf()
  let [wall, steady] = [NOON.getTime(), 0]
  const node = {
    ...{
      queue,
      purges,
      quarantine: [] as Date[],
      done,
      failure: undefined as Error | undefined,
      doubt: undefined as Error | undefined,
      lastEvent: new Date(NOON.getTime() - DAY / 2) as Date | undefined,
    },
    spooled: () => readdirSync(spool),
    start: () => {
      const ledger = {
        purgeSteps: (before: Date, kept: ReadonlySet<string>) => {
          purges.push({ before, kept: [...kept].toSorted() })
          return node.failure === undefined ? Promise.resolve(0) : Promise.reject(node.failure)
        },
        serverTime: () => Promise.resolve(undefined),
        lastEventBefore: () => Promise.resolve(node.lastEvent),
      }
      const clock = (): Date => {
        if (node.doubt !== undefined) throw node.doubt
        return new Date(wall)
      }
      const purgeQuarantine = (at: Date): Promise<number> => Promise.resolve(node.quarantine.push(at))
      t.after(
        startHousekeeping(
          { ...{ ledger, purgeQuarantine, queue, spools: [join(folder, 'none'), spool], clock }, steady: () => steady },
          log,
        ),
      )
    },
    /** Time passes, on both clocks, and what is due is done. */
    pass: async (days: number, isDone: () => boolean): Promise<void> => {
      wall += days * DAY
      steady += days * DAY
      t.mock.timers.tick(days * DAY)
      await until(isDone)
    },
    /** Somebody sets the wall clock. */
    set: (days: number): void => void (wall += days * DAY),
    monthAgo: () => new Date(wall - 30 * DAY),
  }
  return node
}

/** Waits without timers, which are mocked. */
async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 5000; !condition() && performance.now() < end;)
    await new Promise((resolve) => setImmediate(resolve))
  assert.ok(condition())
}

/** As Haraka names and writes it. */
function enqueue(queue: string, name: string, step: string): void {
  const todo = Buffer.from(
    JSON.stringify({ notes: notesWith({ step, errand: { kind: 'forward', identifier: '1@pec-a.test' } }) }),
  )
  const length = Buffer.alloc(4)
  length.writeUInt32BE(todo.length)
  writeFileSync(join(queue, name), Buffer.concat([length, todo, Buffer.from('Subject: Prova\r\n\r\n')]))
}

test('old steps are forgotten and the spool is cleared, soon and then every day, whatever fails', async (t) => {
  const node = nodeOf(t)
  node.start()
  assert.deepEqual(node.purges, [])
  await node.pass(1 / 24, () => node.spooled().length === 0)
  assert.deepEqual(node.purges, [{ before: node.monthAgo(), kept: [] }])
  assert.deepEqual(node.quarantine, [new Date(NOON.getTime() + DAY / 24)])
  await node.pass(23 / 24, () => node.purges.length === 2)
  assert.deepEqual(node.done, [])
})

test('a failure is told of, and the rest is done', async (t) => {
  const node = nodeOf(t)
  node.failure = new Error('away')
  node.start()
  await node.pass(1 / 24, () => node.spooled().length === 0)
  assert.deepEqual(node.done, ['error: old steps could not be forgotten: away'])
})

test('a step that a file of the queue names is kept', async (t) => {
  const node = nodeOf(t)
  enqueue(node.queue, '1772449200000_1772449200000_0_1_a_1_host', 'step a')
  enqueue(node.queue, '1772449200000_1772449300000_3_1_b_2_host', 'step b')
  writeFileSync(join(node.queue, '__tmp__.unfinished'), 'x')
  node.start()
  await node.pass(1 / 24, () => node.purges.length === 1)
  assert.deepEqual(node.purges[0]?.kept, ['step a', 'step b'])
})

test('no step is forgotten while a file of the queue cannot be read', async (t) => {
  const node = nodeOf(t)
  writeFileSync(join(node.queue, '1772449200000_1772449200000_0_1_a_1_host'), 'x')
  node.start()
  await node.pass(1 / 24, () => node.spooled().length === 0)
  assert.deepEqual(node.purges, [])
  assert.match(node.done.join('\n'), /^error: old steps could not be forgotten: /)
})

test('on a day on which the clock was set nothing is forgotten or cleared', async (t) => {
  const node = nodeOf(t)
  node.start()
  node.set(31)
  await node.pass(1 / 24, () => node.done.length > 0)
  assert.deepEqual(node.done, [`warn: the clock was set by ${31 * 86_400} s: nothing is forgotten or cleared today`])
  assert.deepEqual([node.purges.length, node.quarantine.length, node.spooled().length], [0, 0, 1])
  await node.pass(23 / 24, () => node.spooled().length === 0)
  assert.deepEqual(node.purges, [{ before: node.monthAgo(), kept: [] }])
})

test('a node that booted with its clock a month ahead forgets nothing', async (t) => {
  const node = nodeOf(t)
  node.set(30)
  node.start()
  await node.pass(1 / 24, () => node.done.length > 0)
  assert.match(node.done.join(), /^warn: .* is the time of the register's last event/)
  assert.deepEqual([node.purges.length, node.quarantine.length, node.spooled().length], [0, 0, 1])
})

test('nothing is forgotten by a clock that is known to be wrong', async (t) => {
  const node = nodeOf(t)
  node.doubt = new PecError('clock', 'our clock is behind', { temporary: true })
  node.start()
  await node.pass(1 / 24, () => node.done.length === 2)
  assert.deepEqual(node.purges, [])
  assert.match(node.done[1] ?? '', /the house could not be kept: our clock is behind/)
})
