// What `pec archive` does, on the compiled package.
import assert from 'node:assert/strict'
import { appendFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setKeys } from '../../src/cli/settings.js'
import { openLedger } from '../../src/ledger/sqlite.js'
import { Laboratory } from '../harness/laboratory.js'
import { pec as runPec } from '../harness/pec.js'
import { revocationList, startTsa } from '../harness/tsa.js'
import { entryOf, eventOf } from '../ledger/entries.js'

async function pec(...args: readonly string[]): Promise<{ readonly status: number; readonly output: string }> {
  const { status, out, err } = await runPec(...args)
  return { status, output: out + err }
}

test('pec archive seals what is due, lists it, verifies it and finds what was altered', async (t) => {
  const lab = new Laboratory(t)
  const root = await lab.directory()
  const directory = join(root, 'instance')
  await mkdir(join(root, 'tsa'))
  const tsa = await startTsa(join(root, 'tsa'), (closing) => lab.atClose(closing))
  const made = await pec('init', directory, '--name', 'Gestore di prova', '--domain', 'pec-a.test')
  assert.equal(made.status, 0, made.output)
  await setKeys(join(directory, 'config', 'pec.ini'), { timestamp: { urls: tsa.url, anchors: tsa.anchorsFile } })
  const ledger = await openLedger(join(directory, 'ledger', 'pec.sqlite'))
  const threeDaysAgo = new Date(Date.now() - 3 * 86_400_000)
  const day = threeDaysAgo.toISOString().slice(0, 10)
  await ledger.commit(entryOf('1', { events: [eventOf('a')] }, threeDaysAgo))
  await ledger.close()

  const nothing = await pec('archive', 'verify', directory)
  assert.deepEqual([nothing.status, /holds no archive/.test(nothing.output)], [2, true], nothing.output)
  const sealed = await pec('archive', 'seal-now', directory)
  assert.equal(sealed.status, 0, sealed.output)
  assert.match(sealed.output, new RegExp(`^${day} stamped$`, 'm'))
  const listed = await pec('archive', 'list', directory)
  assert.match(listed.output, new RegExp(`^${day}  stamped +1 events  [0-9a-f]{64}$`, 'm'))
  const verified = await pec('archive', 'verify', directory)
  assert.deepEqual([verified.status, /All holds\./.test(verified.output)], [0, true], verified.output)

  // Stamps and lists tell seconds.
  await sleep(1100)
  for (const [reason, fault] of [
    ['superseded', undefined],
    [
      'keyCompromise',
      `${day}  FAULT (stamp): the time stamp does not hold: the authority's certificate is not to be trusted: CN=Test TSA was revoked`,
    ],
  ] as const) {
    const list = revocationList(join(root, 'tsa'), { revoked: true, hours: 24, reason })
    const judged = await pec('archive', 'verify', directory, '--tsa-crl', list)
    assert.deepEqual([judged.status, fault === undefined || judged.output.includes(fault)], [fault ? 1 : 0, true], judged.output)
  }

  const zip = join(directory, 'archive', `${day}.zip`)
  const authorities = ['--ca', join(directory, 'config', 'pec_anchors.pem'), '--tsa', tsa.anchorsFile]
  assert.equal((await pec('archive', 'verify', zip, ...authorities)).status, 0)
  await appendFile(zip, 'x')
  const altered = await pec('archive', 'verify', zip, ...authorities)
  assert.deepEqual([altered.status, /FAULT \(zip\): the zip file is altered/.test(altered.output)], [1, true], altered.output)
  await rm(zip)
  const gone = await pec('archive', 'verify', join(directory, 'archive'), ...authorities, '--json')
  const [report] = gone.output.split('\n').map((line) => (line === '' ? {} : JSON.parse(line)) as { faults?: { code: string }[] })
  assert.deepEqual([gone.status, report?.faults?.map(({ code }) => code)], [1, ['zip']])
  assert.equal((await pec('archive', 'verify', zip, '--ca', tsa.anchorsFile)).status, 2)
})
