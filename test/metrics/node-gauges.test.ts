import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import type { DayState } from '../../src/archive/register.js'
import { addNodeGauges } from '../../src/metrics/node-gauges.js'
import { LEDGER_AWAY, makeWorld, NOON } from '../points/house.js'

const dayIn = (state: DayState) => ({ day: '2026-03-02', state, manifest: '', events: 0 })

test('a node tells its queue, what is open, and the age of what it goes by; what cannot be found is left out', async (t) => {
  const queue = await mkdtemp(join(tmpdir(), 'pec-gauges-'))
  t.after(() => rm(queue, { recursive: true }))
  for (const name of ['one', 'two', '__tmp__three']) await writeFile(join(queue, name), '')
  const { a } = await makeWorld()
  const acceptedAt = new Date(NOON.getTime() - 60_000)
  const open = { identifier: 'i', address: 'r', acceptedAt, takenInChargeAt: undefined }
  let now = NOON
  let isAway = false
  let hangs = false
  let drift: number | undefined = -1500
  const registry = new Registry()
  addNodeGauges(registry, {
    queue,
    ledger: {
      openRecipients: () =>
        hangs ? new Promise(() => undefined) : isAway ? Promise.reject(LEDGER_AWAY) : Promise.resolve([open, open]),
    },
    issuer: a.issuer,
    index: { age: 5000 },
    crls: { state: () => [{ source: 'x.crl', readAt: acceptedAt, nextUpdate: undefined }] },
    clock: () => now,
    days: { daysIn: (states) => (isAway ? Promise.reject(LEDGER_AWAY) : Promise.resolve(states.map((state) => dayIn(state)))) },
    drift: () => drift,
  })
  const figures = async () => {
    const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]))
  }
  const first = await figures()
  assert.ok((first.get('pec_certificate_seconds_left') ?? 0) > 86_400)
  first.delete('pec_certificate_seconds_left')
  assert.deepEqual(Object.fromEntries(first), {
    ...{ pec_queue_messages: 2, pec_open_recipients: 2, pec_oldest_open_recipient_seconds: 60 },
    ...{ pec_index_age_seconds: 5, 'pec_crl_age_seconds{source="x.crl"}': 60 },
    ...{ pec_archive_days_unstamped: 2, pec_clock_ahead_seconds: -1.5 },
  })
  isAway = true
  drift = undefined
  assert.equal((await figures()).get('pec_open_recipients'), 2, 'asked again too soon')
  now = new Date(NOON.getTime() + 10_001)
  const without = await figures()
  for (const name of ['pec_open_recipients', 'pec_archive_days_unstamped', 'pec_clock_ahead_seconds'])
    assert.equal(without.get(name), undefined, name)
  assert.equal(without.get('pec_queue_messages'), 2)
  hangs = true
  now = new Date(NOON.getTime() + 20_002)
  assert.deepEqual([...(await figures()).keys()], [...without.keys()], 'a ledger that hangs hides the other figures')
})
