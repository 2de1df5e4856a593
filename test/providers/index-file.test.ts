import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isPecError } from '../../src/errors.js'
import { IndexFile, type IndexEvent } from '../../src/providers/index-file.js'
import { ownRecordLdif } from '../../src/providers/own-record.js'
import { makeCertificate } from './certificates.js'

const folder = mkdtempSync(join(tmpdir(), 'pec-index-'))
after(() => rmSync(folder, { recursive: true }))
const certificate = makeCertificate('P')
const writtenAt = new Date('2026-01-01T00:00:00Z')
const clock = () => new Date('2026-01-01T01:00:00Z')

function write(path: string, contents: string | Buffer): void {
  writeFileSync(`${path}.tmp`, contents)
  utimesSync(`${path}.tmp`, writtenAt, writtenAt)
  renameSync(`${path}.tmp`, path)
}
const indexOf = (domain: string) =>
  ownRecordLdif({ name: 'P', certificates: [certificate], mailReceipt: 'a@p.example', domains: [domain] })

let count = 0
async function opened(contents: Buffer, interval = 3_600_000) {
  count += 1
  const path = join(folder, `index-${count}.ldif`)
  write(path, contents)
  const events: IndexEvent[] = []
  const file = await IndexFile.open({ path, clock, interval, onEvent: (event) => events.push(event) })
  return { path, events, file }
}

test('loads the file at open and tells its age', async () => {
  const { events, file } = await opened(indexOf('one.example'))
  assert.equal(file.byDomain('one.example')?.name, 'P')
  assert.equal(file.byCertificate(certificate).length, 1)
  assert.equal(file.records.length, 1)
  assert.equal(file.age, 3_600_000)
  assert.deepEqual(events, [{ kind: 'loaded', records: 1, domains: 1, faults: [] }])
  file.close()
})

test('does not open without a usable file', async () => {
  const empty = join(folder, 'empty.ldif')
  writeFileSync(empty, 'dn: o=postacert\nobjectClass: organization\n')
  for (const path of [join(folder, 'missing.ldif'), empty]) {
    await assert.rejects(IndexFile.open({ path, clock, onEvent: () => undefined }), (error: unknown) => {
      return isPecError(error) && error.code === 'index'
    })
  }
})

test('takes a new file over as a whole', async () => {
  const { path, file } = await opened(indexOf('one.example'))
  write(path, indexOf('two.example'))
  assert.equal(await file.reload(), true)
  assert.equal(file.byDomain('one.example'), undefined)
  assert.equal(file.byDomain('two.example')?.name, 'P')
  file.close()
})

test('keeps the last good copy when the new file is broken, empty or gone', async () => {
  const { path, events, file } = await opened(indexOf('one.example'))
  for (const spoil of [() => write(path, 'nonsense'), () => write(path, ''), () => rmSync(path)]) {
    spoil()
    assert.equal(await file.reload(), false)
    assert.equal(file.byDomain('one.example')?.name, 'P')
    assert.equal(events.at(-1)?.kind, 'refused')
  }
  assert.equal(events.length, 4)
  file.close()
})

test('notices a new file by itself, reports a bad one once, and stops when closed', async () => {
  const { path, events, file } = await opened(indexOf('one.example'), 10)
  const until = async (condition: () => boolean) => {
    for (let turn = 0; turn < 300 && !condition(); turn += 1) await sleep(10)
    assert(condition())
  }
  write(path, indexOf('two.example'))
  await until(() => file.byDomain('two.example') !== undefined)
  rmSync(path)
  await until(() => events.at(-1)?.kind === 'refused')
  await sleep(100)
  assert.equal(events.filter(({ kind }) => kind === 'refused').length, 1)
  file.close()
  // What it had begun to read it may still take over.
  await sleep(100)
  write(path, indexOf('three.example'))
  await sleep(100)
  assert.equal(file.byDomain('three.example'), undefined)
})

test('answers to reloads asked for at the same time, each after its own reading', async () => {
  const { path, file } = await opened(indexOf('one.example'))
  write(path, indexOf('two.example'))
  assert.deepEqual(await Promise.all([file.reload(), file.reload(), file.reload()]), [true, true, true])
  file.close()
})
