import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { exportDays } from '../../src/archive/export.js'
import { handOverDays, metadataXml, type Metadata } from '../../src/archive/hand-over.js'
import { sealDays, stampDays } from '../../src/archive/seal.js'
import { entryOf, eventOf } from '../ledger/entries.js'
import { onDay, ours, reportsOf, testArchive } from './house.js'

const AWKWARD = `Rossi & <Figli> "S.p.A." ]]> 'è'`

test('a stamped day is handed over once, whole, with its metadata', async (t) => {
  const archive = await testArchive(t)
  const handOver = { folder: join(archive.folder, '..', 'hand-over'), addressee: AWKWARD }
  const house = { ...archive.house, handOver }
  await archive.ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
  await exportDays(house, ours)
  await sealDays(house)
  assert.deepEqual(await handOverDays(house), [])
  await stampDays(house)
  assert.deepEqual(await handOverDays(archive.house), [])
  assert.deepEqual(await handOverDays(house), ['2026-03-04'])
  assert.deepEqual(await handOverDays(house), [])
  assert.deepEqual(await readdir(handOver.folder), ['2026-03-04'])
  const set = join(handOver.folder, '2026-03-04')
  const metadata = JSON.parse(await readFile(join(set, 'metadata.json'), 'utf8')) as Metadata
  const [report] = await reportsOf(set, archive.trust)
  assert.deepEqual(report?.faults, [])
  assert.deepEqual(metadata, {
    id: 'pec-a.test/2026-03-04',
    closed: '2026-03-05T02:00:00.000Z',
    hash: report.manifest?.archive.sha256,
    hashAlgorithm: 'SHA-256',
    provider: 'Provider A',
    object: 'Log dei messaggi PEC: registro degli eventi e log applicativi',
    format: 'application/zip',
    addressee: AWKWARD,
    periodStart: '2026-03-04T00:00:00.000Z',
    periodEnd: '2026-03-05T00:00:00.000Z',
  })
  const read = spawnSync('xmllint', ['--xpath', 'string(/archive/addressee)', join(set, 'metadata.xml')], { encoding: 'utf8' })
  assert.deepEqual([read.status, read.stdout.trimEnd()], [0, AWKWARD], read.stderr)
})

test('the metadata is XML whatever stands in it', async (t) => {
  const { folder, house } = await testArchive(t)
  const keys = ['id', 'closed', 'hash', 'hashAlgorithm', 'provider', 'object', 'format', 'addressee', 'periodStart', 'periodEnd']
  const xml = metadataXml(Object.fromEntries(keys.map((key) => [key, `<${key}>&amp; \u0000\u0008 ${AWKWARD}`])) as Metadata)
  assert.equal(house.folder, folder)
  const path = `${folder}.xml`
  await writeFile(path, xml)
  const read = spawnSync('xmllint', ['--noout', path], { encoding: 'utf8' })
  assert.equal(read.status, 0, read.stderr)
})
