import assert from 'node:assert/strict'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runArchive } from '../../src/haraka/archive-job.js'
import type { Part } from '../../src/watch/occurrence.js'
import { onDay, testArchive, type TestArchive } from '../archive/house.js'
import { entryOf, eventOf } from '../ledger/entries.js'

interface Node {
  readonly archive: TestArchive
  readonly run: () => Promise<void>
  readonly failures: string[]
  readonly lines: string[]
}

async function node(t: TestContext, archive: TestArchive, holder: string): Promise<Node> {
  const failures: string[] = []
  const lines: string[] = []
  const line = (text: unknown): void => void lines.push(String(text))
  const log = { loginfo: line, lognotice: line, logwarn: line, logerror: line, logcrit: line }
  const health = { failed: (part: Part, error: unknown) => failures.push(`${part}: ${String(error)}`), works: () => undefined }
  const logs = join(archive.folder, '..', `log of ${holder}`)
  const lease = archive.ledger.lease.bind(archive.ledger)
  const { ledger } = archive
  const job = runArchive(
    { ...archive.house, lease, ledger, witness: ledger, retention: ledger.retention, health, logs },
    holder,
    log,
  )
  t.after(() => job.stop())
  return Promise.resolve({ archive, run: () => job.run(), failures, lines })
}

test('a day of the authority is lost: the days queue, it is asked at growing intervals, and then stamps them all', async (t) => {
  const archive = await testArchive(t)
  const { run, failures, lines } = await node(t, archive, 'a')
  await archive.ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
  archive.tsa.behaviour = (_, __, { response }) => {
    response.writeHead(503).end()
    return Promise.resolve(undefined)
  }
  for (let minute = 0; minute < 24 * 60; minute += 10) {
    archive.setNow(new Date(Date.parse('2026-03-05T01:30:00Z') + minute * 60_000).toISOString())
    await run()
  }
  // 24 hours with an hour between, and the shorter delays of the beginning: not each of the 144 runs.
  assert.ok(archive.tsa.requests > 20 && archive.tsa.requests < 35, `${archive.tsa.requests} requests`)
  assert.ok(failures.every((failure) => /^timestamp: .*503|^archive: .*2026-03-04 is only sealed after 24 hours/.test(failure)))
  assert.ok(failures.some((failure) => failure.startsWith('archive')))
  assert.deepEqual((await archive.house.register.daysIn(['sealed'])).length, 2)
  archive.tsa.behaviour = (request, reply) => reply(request)
  archive.setNow('2026-03-06T04:00:00Z')
  await run()
  assert.deepEqual(await archive.faults(), [])
  assert.deepEqual(lines.slice(-2), ['2026-03-04 was stamped', '2026-03-05 was stamped'])
})

test('each day archived is marked for searches; where that fails it is told, and the day sealed', async (t) => {
  const archive = await testArchive(t)
  const { run, failures } = await node(t, archive, 'a')
  await archive.ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
  const marks = join(archive.folder, 'search')
  archive.setNow('2026-03-05T01:30:00Z')
  await run()
  assert.deepEqual([failures, await readdir(marks)], [[], ['2026-03-04.marks']])
  await rm(marks, { recursive: true })
  await writeFile(marks, '')
  archive.setNow('2026-03-06T01:30:00Z')
  await run()
  assert.match(failures.join(), /^archive: PecError: \S+2026-03-05\.marks, for searches, cannot be written: EEXIST/)
  assert.deepEqual(await archive.faults(), [])
})

test('of two nodes one archives, and the other when it is gone', async (t) => {
  const archive = await testArchive(t)
  const [a, b] = [await node(t, archive, 'a'), await node(t, archive, 'b')]
  await archive.ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
  archive.setNow('2026-03-05T01:30:00Z')
  await a.run()
  await b.run()
  archive.setNow('2026-03-06T01:30:00Z')
  await b.run()
  await a.run()
  assert.deepEqual(
    [...a.lines, ...b.lines].filter((line) => line.endsWith('archived')),
    ['2026-03-04 was archived', '2026-03-05 was archived'],
  )
  assert.deepEqual([...a.failures, ...b.failures], [])
  assert.deepEqual(await archive.faults(), [])
})
