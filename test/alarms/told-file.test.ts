import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Told } from '../../src/alarms/node-troubles.js'
import { ToldFile } from '../../src/alarms/told-file.js'

const TOLD: Told = {
  ...{ part: 'antivirus', code: 'antivirus', reason: 'away' },
  ...{ since: new Date('2026-03-02T12:00:00Z'), toldAt: new Date('2026-03-02T12:01:00Z') },
}
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pec-told-'))
})
after(() => rm(folder, { recursive: true }))

test('troubles are read as they were written last, and nobody else reads them', async () => {
  const lines: string[] = []
  const file = new ToldFile(join(folder, 'alarms.json'), (line) => lines.push(line))
  assert.deepEqual(file.read(), [])
  await Promise.all([file.write([]), file.write([TOLD])])
  assert.deepEqual(file.read(), [TOLD])
  assert.equal((await stat(join(folder, 'alarms.json'))).mode & 0o777, 0o600)
  assert.deepEqual(lines, [])
})

test('a file that is damaged, or a folder that is gone, is told and stops nothing', async () => {
  const lines: string[] = []
  await writeFile(join(folder, 'damaged.json'), '{"part":')
  assert.deepEqual(new ToldFile(join(folder, 'damaged.json'), (line) => lines.push(line)).read(), [])
  await writeFile(join(folder, 'other.json'), '{}')
  assert.deepEqual(new ToldFile(join(folder, 'other.json'), (line) => lines.push(line)).read(), [])
  await new ToldFile(join(folder, 'nowhere', 'alarms.json'), (line) => lines.push(line)).write([TOLD])
  assert.deepEqual(
    lines.map((line) => /(cannot be (?:read|written))/.exec(line)?.[1]),
    ['cannot be read', 'cannot be read', 'cannot be written'],
  )
})
