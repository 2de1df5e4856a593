import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startInstance } from '../../src/lab/instance.js'
import { freePort } from '../../src/lab/ports.js'
import { processGroup, processTree } from '../../src/lab/processes.js'
import { within } from '../../src/lab/within.js'
import { Laboratory } from '../harness/laboratory.js'

test('starts a master with its workers and stops them all at SIGINT', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp' })
  const { instance } = await lab.plainHaraka({ nodes: 2, relayTo: { port: sink.port, protocol: 'lmtp' } })
  await instance.waitForLog(/worker 2 listening/)
  assert.equal(instance.pids.length, 3)
  assert.equal(instance.consumption().processes, 3)
  assert.equal(await instance.stop(), true)
  assert.deepEqual(instance.pids, [])
})

test('kills the master and its workers at once', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp' })
  const { instance } = await lab.plainHaraka({ nodes: 1, relayTo: { port: sink.port, protocol: 'lmtp' } })
  await instance.kill()
  assert.deepEqual(instance.pids, [])
  assert.equal(instance.exited, true)
})

test('finds, stops and kills what is in its own session in the same way', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'lmtp' })
  for (const end of ['stop', 'kill'] as const) {
    const relayTo = { port: sink.port, protocol: 'lmtp' } as const
    const { instance } = await lab.plainHaraka({ nodes: 2, relayTo, session: 'shared' })
    await instance.waitForLog(/worker 2 listening/)
    const { pids } = instance
    assert.equal(pids.length, 3)
    assert.ok(!pids.some((pid) => processGroup(pid).length > 0))
    await instance[end]()
    await within(10_000, 'still there', () => pids.every((pid) => processTree(pid).length === 0))
  }
})

test('says what the log said when an instance ends before it is ready', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pec-lab-'))
  const command = [process.execPath, '-e', "console.log('no such key'); process.exit(3)"]
  await assert.rejects(
    startInstance({ directory, ports: [await freePort()], command }),
    /ended before it was ready[^]*no such key/,
  )
  await rm(directory, { recursive: true })
})

test('ends what is not ready in time, and whatever that has started', async () => {
  const pids: number[] = []
  const program = "require('child_process').spawn('sleep', ['60']); console.log('pid', process.pid); setInterval(() => {}, 1000)"
  const start = startInstance({
    directory: '/',
    ports: [await freePort()],
    startMs: 500,
    command: [process.execPath, '-e', program],
  })
  const reason = await start.then(
    () => '',
    (error: unknown) => String(error),
  )
  assert.match(reason, /not ready after 500 ms/)
  pids.push(Number(/pid (\d+)/.exec(reason)?.[1]))
  assert.deepEqual(pids.flatMap(processGroup), [])
})

test('stop kills what ignores SIGINT, and says so', async (t) => {
  const lab = new Laboratory(t)
  const program = "process.on('SIGINT', () => {}); setInterval(() => {}, 1000); console.log('deaf')"
  const instance = await lab.instance({
    directory: '/',
    ports: [],
    readyLines: [/deaf/],
    command: [process.execPath, '-e', program],
  })
  assert.equal(await instance.stop(300), false)
  assert.deepEqual(instance.pids, [])
})
