import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, test } from 'node:test'
import { openRescue, type Taker } from '../../src/haraka/orphans.js'
import type { Logger } from '../../src/haraka/types.js'

const nothing = (): void => undefined
const log: Logger = { loginfo: nothing, lognotice: nothing, logwarn: nothing, logerror: nothing, logcrit: nothing }
const DEAD = 999_999_999
const fileOf = (pid: number): string => `1795000000000_1795000000000_0_${pid}_aBcDeF_1_mail.pec-a.test`

describe('queue files of dead processes', () => {
  let told: string[]
  const worker = (pid: number, isListening = true): Taker => ({
    pid,
    isListening,
    send: (message) => void told.push(`${pid}: ${JSON.stringify(message)}`),
  })
  const order = (taker: number, owner: number): string => `${taker}: {"event":"outbound.load_pid_queue","data":"${owner}"}`

  beforeEach(() => {
    told = []
  })

  async function queueWith(...names: readonly string[]): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'pec-orphans-'))
    for (const name of names) await writeFile(join(directory, name), '')
    return directory
  }

  test('go to a worker once they have been seen twice: the first time is for Haraka', async (t) => {
    const directory = await queueWith(fileOf(DEAD), fileOf(DEAD).replace('aBcDeF', 'gHiJkL'))
    t.after(() => rm(directory, { recursive: true }))
    const rescue = openRescue(directory, () => [worker(11)], log)
    await rescue()
    assert.deepEqual(told, [])
    await rescue()
    assert.deepEqual(told, [order(11, DEAD)])
  })

  test('are those of no worker, and not of the master', async (t) => {
    const directory = await queueWith(fileOf(11), fileOf(12), fileOf(process.pid), '__tmp__.x', 'error.y', 'lost+found')
    t.after(() => rm(directory, { recursive: true }))
    const rescue = openRescue(directory, () => [worker(11), worker(12, false)], log)
    await rescue()
    await rescue()
    assert.deepEqual(told, [])
  })

  test('wait for a worker that takes connections', async (t) => {
    const directory = await queueWith(fileOf(DEAD))
    t.after(() => rm(directory, { recursive: true }))
    let isListening = false
    const rescue = openRescue(directory, () => [worker(11, isListening)], log)
    await rescue()
    await rescue()
    assert.deepEqual(told, [])
    isListening = true
    await rescue()
    assert.deepEqual(told, [order(11, DEAD)])
  })

  test('of several processes are shared among the workers', async (t) => {
    const directory = await queueWith(fileOf(DEAD), fileOf(DEAD - 1))
    t.after(() => rm(directory, { recursive: true }))
    const rescue = openRescue(directory, () => [worker(11), worker(12)], log)
    await rescue()
    await rescue()
    assert.deepEqual(told.sort(), [order(11, DEAD - 1), order(12, DEAD)])
  })

  test('are looked for again after a failure', async (t) => {
    const directory = await queueWith(fileOf(DEAD))
    t.after(() => rm(directory, { recursive: true }))
    let fails = true
    const workers = (): Taker[] => {
      if (fails) throw new Error('no workers')
      return [worker(11)]
    }
    const rescue = openRescue(directory, workers, log)
    await rescue()
    fails = false
    await rescue()
    await rescue()
    assert.deepEqual(told, [order(11, DEAD)])
  })
})
