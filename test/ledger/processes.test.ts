import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { extname, join } from 'node:path'
import { describe, test } from 'node:test'
import { claimOf, failure } from './entries.js'
import { SCHEMA_VERSION } from '../../src/ledger/migrations.js'
import { ENGINES, type Place } from './engines.js'

interface Run {
  /** The numbers that it printed. */
  readonly numbers: readonly number[]
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Runs writer-process.ts; with `killAfter`, kills it without warning when it has printed so many lines. */
async function run(parameters: readonly string[], killAfter = Infinity): Promise<Run> {
  const script = join(__dirname, `writer-process${extname(__filename)}`)
  const child = spawn(process.execPath, [...process.execArgv.filter((flag) => flag !== '--test'), script, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = new Promise<Pick<Run, 'code' | 'signal'>>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  let output = ''
  child.stdout.setEncoding('utf8')
  for await (const chunk of child.stdout) {
    output += String(chunk)
    if (output.split('\n').length > killAfter) child.kill('SIGKILL')
  }
  // A line that was cut short by the kill tells nothing.
  const numbers = output.split('\n').slice(0, -1).map(Number)
  return { numbers, ...(await exit) }
}

const LATEST = SCHEMA_VERSION

/** The tables of those after the fourth. */
const LATER = ['drop table archive_day', 'drop table hold', 'drop table outage', 'delete from migration where version > 3']

/** What the migrations after the third have made. */
const BACK_TO_THIRD: Readonly<Record<string, readonly string[]>> = {
  SQLite: ['drop index message_client', 'drop index event_type', 'drop index event_provider_type', ...LATER],
  MariaDB: [
    'drop index message_client on message',
    'drop index event_type on event',
    'drop index event_provider_type on event',
    ...LATER,
  ],
}

/** The schema's; every migration up to it has run once. */
async function versionOf(place: Place): Promise<number> {
  const rows = (await place.run('select version from migration order by version')) as { readonly version: number }[]
  assert.deepEqual(
    rows.map(({ version }) => version),
    rows.map((_, index) => index + 1),
  )
  return rows.length
}

for (const engine of ENGINES)
  describe(`over ${engine.name}`, { skip: engine.skip }, () => {
    test('lets each claim be won once by two processes that open it together', async (t) => {
      const place = await engine.place(t)
      const count = 300
      const runs = await Promise.all(['left', 'right'].map((name) => run(['compete', place.name, name, String(count)])))
      for (const { code } of runs) assert.equal(code, 0)
      const won = runs.flatMap(({ numbers }) => numbers).sort((a, b) => a - b)
      assert.deepEqual(
        won,
        Array.from({ length: count }, (_, n) => n),
      )
      const ledger = await place.open()
      for (let n = 0; n < count; n++) assert.equal((await ledger.eventsOf(`${n}@a.example`)).length, 2)
      await ledger.close()
    })

    test('holds all that a killed process had reported as committed, and only whole entries', async (t) => {
      const place = await engine.place(t)
      for (const [round, lines] of [40, 111].entries()) {
        const { numbers, signal } = await run(['endless', place.name, `round${round}`], lines)
        assert.equal(signal, 'SIGKILL')
        assert.ok(numbers.length >= lines)
        const ledger = await place.open()
        for (const n of numbers) assert.equal(await ledger.isCommitted(`round${round}-${n}`), true)
        // One more may have been committed and not told.
        for (let n = 0; n <= numbers.length; n++) {
          const identifier = `round${round}-${n}@a.example`
          const whole = n < numbers.length || (await ledger.isCommitted(`round${round}-${n}`))
          assert.equal((await ledger.message(identifier)) !== undefined, whole)
          assert.equal((await ledger.eventsOf(identifier)).length, whole ? 2 : 0)
          assert.equal((await ledger.taken([claimOf(identifier)])).length, whole ? 1 : 0)
        }
        await ledger.close()
      }
    })

    test('has one schema when four processes open it at once from nothing', async (t) => {
      const place = await engine.place(t)
      const runs = await Promise.all(['a', 'b', 'c', 'd'].map((name) => run(['endless', place.name, name], 1)))
      for (const { numbers } of runs) assert.ok(numbers.length > 0)
      assert.equal(await versionOf(place), LATEST)
    })

    test('has one schema when four processes open an older one at once, with all that it held', async (t) => {
      const place = await engine.place(t)
      await (await place.open()).close()
      await run(['compete', place.name, 'before', '20'])
      for (const statement of BACK_TO_THIRD[engine.name] ?? []) await place.run(statement)
      assert.equal(await versionOf(place), 3)
      const runs = await Promise.all(['a', 'b', 'c', 'd'].map((name) => run(['endless', place.name, name], 1)))
      for (const { numbers } of runs) assert.ok(numbers.length > 0)
      assert.equal(await versionOf(place), LATEST)
      const ledger = await place.open()
      assert.equal(
        (await ledger.search({ clientMessageId: '<1@client.example>', sender: 'alice@a.example' }, 10)).events.length,
        10,
      )
      assert.equal((await ledger.search({ identifier: '19@a.example', type: 'transport' }, 10)).events.length, 1)
    })

    test('refuses what a newer release has left, whoever opens it', async (t) => {
      const place = await engine.place(t)
      await (await place.open()).close()
      await place.run(`insert into migration (version, name) values (${LATEST + 1}, 'of the future')`)
      await assert.rejects(place.open(), failure('configuration', false))
    })
  })
