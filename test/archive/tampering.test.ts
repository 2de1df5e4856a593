import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { dayAfter, dayOf } from '../../src/archive/day.js'
import { exportDays } from '../../src/archive/export.js'
import { filesOf, sha256 } from '../../src/archive/place.js'
import { sealDays, stampDays } from '../../src/archive/seal.js'
import { writeZip } from '../../src/archive/zip.js'
import { stampDigest } from '../../src/timestamp/client.js'
import { entryOf, eventOf } from '../ledger/entries.js'
import { HOUR, onDay, ours, providerSigner, testArchive, threeDays, type TestArchive } from './house.js'

type Tampering = readonly [what: string, act: (archive: TestArchive) => Promise<unknown>, faults: readonly string[]]

const DAY = '2026-03-03'

const of = ({ folder }: TestArchive, day = DAY): ReturnType<typeof filesOf> => filesOf(folder, day)

async function change(path: string, edit: (text: string) => string): Promise<void> {
  await writeFile(path, Buffer.from(edit((await readFile(path)).toString('latin1')), 'latin1'))
}

const flip = async (path: string, at: number): Promise<void> => {
  const bytes = await readFile(path)
  bytes.writeUInt8((bytes.at(at) ?? 0) ^ 1, at < 0 ? bytes.length + at : at)
  await writeFile(path, bytes)
}

const NEXT = '2026-03-04'

const TAMPERINGS: readonly Tampering[] = [
  [
    'a zip file cut short',
    async (a) => writeFile(of(a).zip, (await readFile(of(a).zip)).subarray(0, -30)),
    [`${DAY} zip`, `${DAY} zip`, `${DAY} member`, `${DAY} member`],
  ],
  [
    'a zip file with a byte more',
    async (a) => writeFile(of(a).zip, 'x', { flag: 'a' }),
    [`${DAY} zip`, `${DAY} zip`, `${DAY} member`, `${DAY} member`],
  ],
  ['a zip file that is gone', (a) => rm(of(a).zip), [`${DAY} zip`]],
  [
    'a zip file made again with a line less',
    async (a) => {
      const none = async function* () {
        await Promise.resolve()
        yield Buffer.alloc(0)
      }
      await rm(of(a, '2026-03-02').zip)
      await writeZip(
        of(a, '2026-03-02').zip,
        [
          { name: 'register.jsonl', bytes: none },
          { name: 'new', bytes: none },
        ],
        new Date(0),
      )
    },
    ['2026-03-02 zip', '2026-03-02 member', '2026-03-02 member', '2026-03-02 member', '2026-03-02 member'],
  ],
  [
    'a manifest that counts otherwise',
    (a) => change(of(a).manifest, (s) => s.replace('"late"', '"Late"')),
    [`${DAY} manifest`, `${DAY} signature`, `${NEXT} chain`],
  ],
  [
    'a manifest of another provider',
    (a) => change(of(a).manifest, (s) => s.replace('Provider A', 'Provider B')),
    [`${DAY} signature`, `${NEXT} chain`],
  ],
  ['a manifest that is gone', (a) => rm(of(a).manifest), [`${DAY} manifest`]],
  ['a signature altered', (a) => flip(of(a).signature, -1), [`${DAY} stamp`, `${DAY} signature`]],
  ['a signature that is gone', (a) => rm(of(a).signature), [`${DAY} signature`]],
  ['a signature of another day', (a) => copyFile(of(a, NEXT).signature, of(a).signature), [`${DAY} stamp`, `${DAY} signature`]],
  ['a stamp altered', (a) => flip(of(a).stamp, -1), [`${DAY} stamp`]],
  ['a stamp that is gone', (a) => rm(of(a).stamp), [`${DAY} stamp`]],
  ['a stamp of another day', (a) => copyFile(of(a, NEXT).stamp, of(a).stamp), [`${DAY} stamp`]],
  ['a day that is gone', (a) => Promise.all(Object.values(of(a)).map((path: string) => rm(path))), [`${NEXT} gap`]],
  [
    'a day put in the place of another',
    (a) =>
      Promise.all((['zip', 'manifest', 'signature', 'stamp'] as const).map((kind) => copyFile(of(a, NEXT)[kind], of(a)[kind]))),
    [`${DAY} manifest`, `${DAY} chain`, `${NEXT} chain`],
  ],
]

test('whatever is tampered with is found and named', async (t) => {
  const archive = await threeDays(t)
  const names = (await readdir(archive.folder)).filter((name) => name.startsWith('2026'))
  const kept = await Promise.all(
    names.map(async (name) => [join(archive.folder, name), await readFile(join(archive.folder, name))] as const),
  )
  assert.equal(kept.length, 12)
  for (const [what, act, expected] of TAMPERINGS) {
    await act(archive)
    assert.deepEqual((await archive.faults()).toSorted(), expected.toSorted(), what)
    for (const [path, bytes] of kept) await writeFile(path, bytes)
  }
  assert.deepEqual(await archive.faults(), [])
})

test('a day that was archived before it was over, by a clock that was wrong, waits for its stamp; an early one is no good', async (t) => {
  const { house, ledger, folder, setNow, faults } = await testArchive(t)
  const tomorrow = new Date(Date.now() + 24 * HOUR)
  const day = dayOf(tomorrow)
  await ledger.commit(entryOf('1', { events: [eventOf('a')] }, tomorrow))
  setNow(`${dayAfter(day)}T02:00:00Z`)
  await exportDays(house, ours)
  await sealDays(house)
  await assert.rejects(stampDays(house), {
    name: 'PecError',
    code: 'timestamp',
    temporary: true,
    message: /is not over by the clock/,
  })
  const { signature, stamp } = filesOf(folder, day)
  await writeFile(stamp, (await stampDigest(sha256(await readFile(signature)), house.timestamp)).response)
  assert.deepEqual(await faults(), [`${day} stamp`])
})

test('a day sealed by another provider of the same authorities, or of others, is not taken', async (t) => {
  const archive = await testArchive(t)
  await archive.ledger.commit(entryOf('1', { events: [eventOf('a')] }, onDay(4)))
  await exportDays(archive.house, ours)
  const { signer } = await providerSigner('Provider B', 'pec-b.test')
  await sealDays({ ...archive.house, issuer: { signer } })
  await stampDays(archive.house)
  assert.deepEqual(await archive.faults(), ['2026-03-04 signer', '2026-03-04 signer'])
})

test('unzip, sha256sum and openssl say the same', async (t) => {
  const { folder, tsa, anchorsFile } = await threeDays(t)
  const script = `set -e; cd "$ARCHIVE"; DAY=2026-03-03
    openssl cms -verify -binary -inform DER -in $DAY.json.p7s -content $DAY.json -CAfile "$ANCHORS" -out /dev/null
    openssl ts -verify -in $DAY.json.p7s.tsr -data $DAY.json.p7s -CAfile "$TSA"
    grep -q $(sha256sum < $DAY.zip | cut -c1-64) $DAY.json
    grep -q $(sha256sum < 2026-03-02.json | cut -c1-64) $DAY.json
    mkdir /tmp/$$; unzip -q $DAY.zip -d /tmp/$$
    (cd /tmp/$$ && find . -type f -exec sha256sum {} +) | while read SUM NAME; do grep -q $SUM $DAY.json || exit 1; done
    rm -r /tmp/$$`
  const run = () => {
    const env = { ...process.env, ARCHIVE: folder, ANCHORS: anchorsFile, TSA: tsa.anchorsFile }
    return spawnSync('sh', ['-c', script], { env, encoding: 'utf8', timeout: 60_000 })
  }
  const { status, stderr } = run()
  assert.equal(status, 0, stderr)
  await change(filesOf(folder, '2026-03-03').manifest, (text) => text.replace('Provider A', 'Provider B'))
  assert.notEqual(run().status, 0)
})
