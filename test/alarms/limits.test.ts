import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { certificateLimit, crlLimit, diskLimit, indexLimit, watchLimits } from '../../src/alarms/limits.js'
import { Health } from '../../src/watch/health.js'
import { Listeners } from '../../src/watch/listeners.js'
import { derOf, makeProvider } from '../smime/fixtures.js'

test('a certificate fails from so many days before its end', async () => {
  const { provider } = await makeProvider({ from: new Date('2026-01-01T00:00:00Z'), days: 100 })
  const signing = { what: 'signing certificate', read: () => derOf(provider) }
  const at = (now: string) => certificateLimit([signing], 30, () => new Date(now)).check()
  await at('2026-03-11T00:00:00Z')
  await assert.rejects(
    at('2026-03-12T12:00:00Z'),
    /^PecError: our signing certificate expires in 29 days, at 2026-04-11.*: renew it/,
  )
  await assert.rejects(at('2026-04-10T12:00:00Z'), /expires in 0 days/)
  await assert.rejects(at('2026-04-12T00:00:00Z'), /our signing certificate expired at 2026-04-11.*: put a new one in its place/)
  const gone = { what: 'TLS certificate', read: () => Promise.reject(new Error('gone')) }
  await assert.rejects(certificateLimit([signing, gone], 30, () => new Date('2026-01-02')).check(), {
    message: 'our TLS certificate cannot be looked at: gone',
  })
})

test('a full disk and an old index fail', async () => {
  await diskLimit([tmpdir()], 1).check()
  await assert.rejects(diskLimit([tmpdir()], 2 ** 60).check(), /has room for \d+ MiB only/)
  await assert.rejects(diskLimit(['/nowhere'], 1).check(), /ENOENT/)
  await indexLimit({ age: 172_800_000 }, 172_800).check()
  await assert.rejects(indexLimit({ age: 176_400_000 }, 172_800).check(), /is 49 hours old/)
})

test('revocation lists fail from the time when there should be newer ones', async () => {
  const state = () => [
    { source: 'a.crl', readAt: undefined, failure: 'away', nextUpdate: undefined },
    { source: 'b.crl', readAt: undefined, failure: undefined, nextUpdate: new Date('2026-01-08T00:00:00Z') },
  ]
  await crlLimit({ state }, () => new Date('2026-01-08T00:00:00Z')).check()
  await assert.rejects(
    crlLimit({ state }, () => new Date('2026-01-08T00:00:01Z')).check(),
    /: b\.crl is out of date since 2026-01-08/,
  )
})

test('a limit is told when it is crossed and again when there is something else to say', async () => {
  const told: string[] = []
  const watch = new Listeners((error) => assert.ifError(error))
  watch.listen((occurrence) => told.push(occurrence.kind))
  let now = 0
  let reason: string | undefined
  const check = () => (reason === undefined ? Promise.resolve() : Promise.reject(new Error(reason)))
  const look = watchLimits([{ part: 'certificate', check }], new Health(watch, () => new Date((now += 3_600_000))))
  for (reason of [undefined, '29 days', '29 days', '28 days', undefined, undefined]) await look()
  assert.deepEqual(told, ['failure', 'failure', 'recovery'])
})
