// `pec log` and `pec hold` over a register of 30 months, in the database and in archives, on the compiled package.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { dayAfter, dayOf } from '../../src/archive/day.js'
import { FORMAT, writeManifest, type Manifest } from '../../src/archive/manifest.js'
import { filesOf } from '../../src/archive/place.js'
import type { ArchiveRegister } from '../../src/archive/register.js'
import { jsonLine } from '../../src/archive/rows.js'
import { readZip, writeZip } from '../../src/archive/zip.js'
import { setKeys } from '../../src/cli/settings.js'
import { digestOf } from '../../src/file-digest.js'
import { openGrowingDatabase, type EngineName, type GrowingDatabase } from '../../src/growth/database.js'
import { Filling } from '../../src/growth/growth.js'
import { BEGINNING, OWN_DOMAIN } from '../../src/growth/traffic.js'
import { markDays } from '../../src/retrieval/day-marks.js'
import { Laboratory } from '../harness/laboratory.js'
import { mariadbIsMissing } from '../harness/mariadb.js'
import { pec } from '../harness/pec.js'
import { entryOf, eventOf, factsOf } from '../ledger/entries.js'
import { certificationOf } from '../retrieval/certification.js'

const ENGINES: readonly { readonly engine: EngineName; readonly skip: false | string }[] = [
  { engine: 'sqlite', skip: false },
  { engine: 'mysql', skip: mariadbIsMissing },
]

const MESSAGES = 2000
const DAY_MS = 86_400_000
/** What an answer may take on a machine that is busy: far more than it does, with the start of the program. */
const PATIENCE_MS = 20_000
/** A message in the middle of the months, of users of its own. */
const MARKED = 'middle@pec-a.example'
const MIDDLE = new Date(BEGINNING + 450 * DAY_MS)
const MARKS: Readonly<Record<string, readonly string[]>> = {
  identifier: ['--identifier', MARKED],
  'Message-ID': ['--message-id', '<marked@client.example>'],
  'sender and recipient': ['--sender', 'anna@pec-a.example', '--recipient', 'BRUNO@pec-a.example'],
  'provider and kind': ['--provider', 'Gestore raro', '--kind', 'delivery'],
}

interface Listed {
  readonly id: number
  readonly type: string
  readonly identifier: string
  readonly outcome: string
  readonly at: string
}

/** Traffic of 30 months, and in the middle of it the message that is asked for. */
async function fill({ ledger, ...database }: GrowingDatabase): Promise<void> {
  await new Filling({ ledger, ...database }, MESSAGES, 100).to(MESSAGES)
  await database.settle()
  const of = { sender: 'anna@pec-a.example', recipients: ['bruno@pec-a.example'], provider: 'Gestore raro' }
  const message = factsOf(MARKED, { clientMessageId: '<marked@client.example>', acceptedAt: MIDDLE })
  const acceptance = eventOf(MARKED, { ...of, daticert: certificationOf(MARKED, '<marked@client.example>') })
  await ledger.commit(entryOf('marked', { message, events: [acceptance] }, MIDDLE))
  await ledger.commit(
    entryOf('marked 2', { events: [eventOf(MARKED, { ...of, type: 'delivery' })] }, new Date(MIDDLE.getTime() + DAY_MS)),
  )
}

async function instanceOn({ settings }: GrowingDatabase, directory: string): Promise<void> {
  const made = await pec('init', directory, '--name', 'Provider A', '--domain', OWN_DOMAIN)
  assert.equal(made.status, 0, made.err)
  const { engine, ...place } = settings
  const server = 'at' in place && 'path' in place.at ? { socket: place.at.path, database: place.database, user: place.user } : {}
  const keys = 'file' in place ? { engine, file: place.file } : { engine, ...server }
  await setKeys(join(directory, 'config', 'pec.ini'), { ledger: keys })
}

/** Archives of all the days with their marks, and manifests that nobody has sealed. */
async function writeArchives(register: ArchiveRegister, folder: string): Promise<readonly string[]> {
  const days = Array.from({ length: 913 }, (_, n) => dayOf(new Date(BEGINNING + n * DAY_MS)))
  const write = async (day: string): Promise<void> => {
    const { zip, manifest } = filesOf(folder, day)
    const lines = (await register.eventsOfDay(day, 1000)).map(jsonLine)
    const bytes = () => Readable.from([Buffer.from(lines.join(''))])
    const members = await writeZip(zip, [{ name: 'register.jsonl', bytes }], MIDDLE)
    await writeFile(
      manifest,
      writeManifest({ ...MANIFEST, day, archive: { name: `${day}.zip`, ...(await digestOf(zip)) }, members }),
    )
    await markDays(folder, [day])
  }
  // Several at a time: most of it is waiting for the disk.
  for (let n = 0; n < days.length; n += 16) await Promise.all(days.slice(n, n + 16).map(write))
  return days
}

const MANIFEST: Omit<Manifest, 'day' | 'archive' | 'members'> = {
  ...{ format: FORMAT, provider: { name: 'Provider A', domain: OWN_DOMAIN }, period: { from: '', to: '' }, closed: '' },
  ...{ keep: '2099-01-01', versions: {}, previous: null, events: {}, late: {} },
}

const EXTRACT = [
  ...['2 events', 'riepilogo.txt', 'riepilogo.pdf', 'registro.jsonl', 'registro.csv'],
  'prove/0001-acceptance-daticert.xml',
]

/** How many events there are in an extract, and its files. */
async function extracted(directory: string, ...options: readonly string[]): Promise<readonly string[]> {
  const out = join(directory, `extract${options.length}.zip`)
  const asked = ['--sender', 'anna@pec-a.example', '--requested-by', 'Procura', '--out', out, ...options]
  const made = await pec('log', 'extract', directory, ...asked)
  const names = [/: (2 events), \d+ bytes, SHA-256 [0-9a-f]{64}\n$/.exec(made.out)?.[1] ?? made.err]
  for await (const { name } of readZip(out)) names.push(name)
  return names
}

async function listed(directory: string, ...marks: readonly string[]): Promise<readonly Listed[]> {
  const start = performance.now()
  const { status, out, err } = await pec('log', 'search', directory, '--json', ...marks)
  const took = performance.now() - start
  assert.equal(status, 0, err)
  assert.ok(took < PATIENCE_MS, `${marks.join(' ')} took ${took} ms`)
  return out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Listed]))
}

for (const { engine, skip } of ENGINES)
  test(`pec log over 30 months on ${engine}`, { skip, timeout: 240_000 }, async (t) => {
    const lab = new Laboratory(t)
    const database = await openGrowingDatabase(engine)
    lab.atClose(() => database.close())
    await fill(database)
    const directory = join(await lab.directory(), 'instance')
    await instanceOn(database, directory)
    const found = new Map<string, readonly Listed[]>()

    await t.test('search finds what is asked for, in seconds', async () => {
      for (const [name, marks] of Object.entries(MARKS)) {
        const events = await listed(directory, ...marks)
        assert.ok(events.length === 1 || events.length === 2, name)
        assert.ok(
          events.every(({ identifier }) => identifier === MARKED),
          name,
        )
        found.set(name, events)
      }
      const many = await listed(directory, '--kind', 'delivery', '--limit', '700')
      assert.equal(new Set(many.map(({ id }) => id)).size, 700)
      assert.deepEqual(await listed(directory, '--sender', 'nobody@pec-a.example'), [])
    })

    await t.test('show and extract have all of a message', async () => {
      const shown = await pec('log', 'show', directory, MARKED)
      assert.equal(shown.status, 0, shown.err)
      assert.match(
        shown.out,
        /acceptance receipt issued[^]*delivery receipt issued[^]*\n2 events with 0 signatures: nothing is wrong/,
      )
      assert.deepEqual(await extracted(directory), EXTRACT)
    })

    if (engine !== 'sqlite') return
    await t.test('hold keeps a message, tells which, and lets it go', async () => {
      assert.match((await pec('hold', 'list', directory)).out, /No message is kept/)
      const unknown = await pec('hold', 'add', directory, 'nobody@pec-a.example', '--reason', 'x')
      assert.deepEqual([unknown.status, /has no event of nobody@/.test(unknown.err)], [1, true])
      // Not the one that is looked for below: each act is one more event of the message.
      const [event] = await listed(directory, '--kind', 'delivery', '--limit', '1')
      assert.ok(event)
      const { identifier, at } = event
      const added = await pec('hold', 'add', directory, `<${identifier}>`, '--reason', 'Procura di Roma, 12/2026')
      assert.ok(/^(\S+) is kept, with its \d+ events\.$/m.exec(added.out)?.[1] === identifier, added.err)
      assert.match((await pec('hold', 'list', directory)).out, /  Procura di Roma, 12\/2026$/m)
      assert.equal(await database.ledger.retention.isHeld(dayOf(new Date(at))), true)
      assert.equal((await pec('hold', 'remove', directory, identifier)).status, 0)
      const acts = await listed(directory, '--kind', 'hold')
      assert.deepEqual(
        acts.map((act) => `${act.identifier} ${act.outcome}`),
        [`${identifier} kept beyond its time: Procura di Roma, 12/2026`, `${identifier} let go with its time`],
      )
      const again = await pec('hold', 'remove', directory, identifier)
      assert.deepEqual([again.status, /is not held/.test(again.err)], [1, true])
    })

    await t.test('archives say the same in seconds, and only those are read that must be', async () => {
      const folder = join(directory, 'archive')
      const days = await writeArchives(database.ledger.days, folder)
      const needed = [dayOf(MIDDLE), dayAfter(dayOf(MIDDLE))]
      for (const day of days) if (!needed.includes(day)) await writeFile(filesOf(folder, day).zip, 'PK')
      for (const [name, marks] of Object.entries(MARKS))
        assert.deepEqual(await listed(directory, '--archive', ...marks), found.get(name), name)
      assert.match(
        (await pec('log', 'show', directory, MARKED, '--archive')).out,
        /\n2 events with 0 signatures: nothing is wrong/,
      )
      assert.deepEqual(await extracted(directory, '--archive'), EXTRACT)
      const all = await pec('log', 'search', directory, '--archive')
      assert.deepEqual([all.status, /\.zip cannot be read/.test(all.err)], [1, true])
      // Without the database, too.
      await setKeys(join(directory, 'config', 'pec.ini'), { ledger: { engine: 'mysql', socket: join(directory, 'nowhere') } })
      assert.deepEqual(await listed(directory, '--archive', '--identifier', MARKED), found.get('identifier'))
      assert.equal((await pec('log', 'show', directory, MARKED, '--archive')).status, 0)
    })
  })
